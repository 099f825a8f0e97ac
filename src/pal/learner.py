"""The learner: from knowledge to an embedding and beliefs, refitted as answers arrive.

What depends on the features alone (kernel features, their factorisation, the neighbour graph) is computed once, by
:func:`prepare`; a page of answers then costs one small eigenproblem and a few propagations (:func:`learn`).
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.sparse import csr_array

from pal.beliefs import Beliefs
from pal.builders import from_knowledge
from pal.communities import Neighborhood, neighborhood
from pal.errors import InvalidInputError
from pal.knowledge import Knowledge
from pal.posterior import believe

if TYPE_CHECKING:
    from pal.embedding import GraphEmbedding


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a learner keeps of features ``x``, each part worked out when it is first looked at.

    Parameters
    ----------
    x
        Features, (n, d), finite.
    n_components, n_landmarks, seed
        See :func:`prepare`.
    """

    x: Float[ndarray, "n d"]
    n_components: int = 16
    n_landmarks: int = 512
    seed: int = 0

    @cached_property
    def near(self) -> Neighborhood:
        """The neighbour graph, and what beliefs need of it."""
        return neighborhood(self.x.astype(np.float64, copy=False), seed=self.seed)

    @cached_property
    def embedder(self) -> "GraphEmbedding":
        """A fitted :class:`pal.embedding.GraphEmbedding`; beliefs don't need it, embeddings and classifiers do."""
        from pal.embedding import GraphEmbedding

        made = GraphEmbedding(1, n_landmarks=self.n_landmarks, random_state=self.seed)  # a rank of 1 is enough
        made.fit(self.x.astype(np.float64, copy=False))
        made.n_components = min(self.n_components, made.rank_)
        return made

    def embed(self, knowledge: Knowledge, /) -> Float[ndarray, "n k"]:
        """Z by a state of knowledge, (n, n_components)."""
        # A copy shares the factorisation, and leaves the prepared one to others.
        return copy.copy(self.embedder).update(from_knowledge(knowledge)).embedding_


@dataclass(frozen=True, eq=False)
class Model:
    """What is learned from one state of knowledge.

    Parameters
    ----------
    embed
        Z, (n, k), or a function that works it out; that costs as much as the beliefs, and not every oracle looks.
    beliefs
        Posterior over classes.
    affinity
        Normalised neighbour graph S, (n, n) sparse.
    """

    embed: Float[ndarray, "n k"] | Callable[[], Float[ndarray, "n k"]]
    beliefs: Beliefs
    affinity: csr_array

    @cached_property
    def embedding(self) -> Float[ndarray, "n k"]:
        """Z, (n, k); worked out when first looked at."""
        return self.embed() if callable(self.embed) else self.embed


def prepare(x: Float[ndarray, "n d"], /, *, n_components: int = 16, n_landmarks: int = 512, seed: int = 0) -> Prepared:
    """Prepare features for learning: the cost of the neighbours now, O(n · n_landmarks²) with the first embedding.

    Raises
    ------
    InvalidInputError
        If there are fewer than 2 items, or an entry isn't finite.
    """
    prepared = Prepared(checked(x), n_components, n_landmarks, seed)
    _ = prepared.near  # now, for that is what preparing is for
    return prepared


def checked(x: Float[ndarray, "n d"], /) -> Float[ndarray, "n d"]:
    """Features that can be learned from.

    Raises
    ------
    InvalidInputError
        If there are fewer than 2 items, or an entry isn't finite.
    """
    x = np.asarray(x)
    if x.ndim != 2 or len(x) < 2:
        raise InvalidInputError(f"expected features of at least 2 items, (n, d), got shape {x.shape}; add items")
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(axis=1).sum())
        raise InvalidInputError(f"features must be finite, got NaN or infinity in {bad} row(s); remove those items")
    return x


def learn(prepared: Prepared, knowledge: Knowledge, /) -> Model:
    """Refit to a state of knowledge; O(m³ + nnz · C), with m kernel features and C classes."""
    beliefs = believe(prepared.near, knowledge)
    return Model(lambda: prepared.embed(knowledge), beliefs, prepared.near.affinity)
