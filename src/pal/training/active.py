"""The active loop with a network: ask, answer, extend the graph, go on training, embed anew, ask again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float32, Int8
from numpy import ndarray
from torch import Tensor, nn

from pal.answers import Question
from pal.builders import blend, from_beliefs, from_knowledge, identity
from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph
from pal.knowledge import Knowledge
from pal.labelers import Labeler
from pal.learner import Model
from pal.loop import Loop, run
from pal.oracles.state import Oracle
from pal.training.augmentations import Views, unchanged
from pal.training.embed import embed
from pal.training.fit import Trained, fit
from pal.training.items import as_tensor
from pal.training.objectives import Objective
from pal.training.settings import Settings

#: What answers say of which items are alike: what they imply, or what is believed because of them.
Known = Literal["hard", "believed"]


@dataclass(frozen=True, eq=False)
class Round:
    """Where one round ended: what is known, the model of it in the features asked by, and the network trained on it."""

    knowledge: Knowledge
    model: Model
    features: Float32[ndarray, "n d"]
    trained: Trained
    n_answers: int


def rounds(
    encoder: nn.Module,
    items: ndarray | Tensor,
    oracle: Oracle,
    labeler: Labeler,
    /,
    *,
    n_rounds: int,
    n_pages: int = 10,
    page_size: int = 15,
    graph: Known = "hard",
    alpha: float = 0.5,
    loss: str | Objective = "vicreg",
    views: Views = unchanged,
    settings: Settings | None = None,
) -> Iterator[Round]:
    """Train ``encoder``, in place, on what a labeler answers; yields after every round.

    A round (algorithm 1) embeds the items, lets the oracle ask ``n_pages`` pages with all earlier answers known, and
    goes on training with the views' graph and that of all answers, blended by ``alpha``; head and optimiser are kept.

    Parameters
    ----------
    oracle, labeler
        Who asks and who answers.
    n_rounds, n_pages, page_size
        Rounds, pages a round, tiles a page.
    graph
        "hard", what the answers imply (:func:`pal.builders.from_knowledge`), or "believed", its expectation under the
        round's beliefs (:func:`pal.builders.from_beliefs`), which speak of all items.
    alpha
        Weight of the answers' graph.
    loss, views, settings
        Of each round's training, see :func:`pal.training.fit`; a round's seed is the settings' plus its number.

    Raises
    ------
    InvalidInputError
        If a number is below 1, the graph is unknown, or as :func:`pal.training.fit`.
    """
    if min(n_rounds, n_pages, page_size) < 1:
        raise InvalidInputError(
            f"n_rounds, n_pages and page_size must be at least 1, got {n_rounds}, {n_pages} and {page_size}"
        )
    if graph not in get_args(Known):
        raise InvalidInputError(f"unknown graph {graph!r}; choose one of {', '.join(get_args(Known))}")
    settings = Settings() if settings is None else settings
    tensor, told = as_tensor(items), list[tuple[Question, Int8[ndarray, " q"]]]()
    trained: Trained | None = None
    for number in range(n_rounds):
        features = embed(encoder, tensor)
        loop = Loop(features.astype(np.float64), oracle, page_size=page_size, seed=settings.seed + number)
        for question, relation in told:
            loop.tell(question, relation)
        for question, answers in run(loop, labeler, n_pages=n_pages):
            told.append((question, answers.relation))
        both = blend(identity(len(tensor)), _alike(loop, graph), alpha=alpha)
        seeded = replace(settings, seed=settings.seed + number)
        trained = fit(encoder, tensor, both, loss=loss, views=views, settings=seeded, after=trained)
        yield Round(loop.knowledge, loop.model, features, trained, len(loop.answers))


def _alike(loop: Loop, graph: Known) -> SimilarityGraph:
    """Which items are alike, 0..1; nobody but itself where nothing is believed of an item."""
    if graph == "hard":
        return from_knowledge(loop.knowledge, contrastive=False)
    return from_beliefs(loop.model.beliefs.probability, contrastive=False)
