"""Algorithm 1 of the paper, with people: ask, tell, learn, ask again.

:class:`Loop` holds one run in memory; an annotation project (:mod:`pal.project`) does the same over a stored log.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float, Integer
from numpy import ndarray

from pal.answers import Answers, Question, concatenate
from pal.knowledge import Knowledge, known
from pal.labelers import Labeler
from pal.learner import Model, learn, prepare
from pal.oracles.state import Oracle, State, ask

Learn = Callable[[Knowledge], Model]


class Loop:
    """Ask and tell over items with features ``x`` (n, d).

    Parameters
    ----------
    x
        Features.
    oracle
        Chooses the questions.
    page_size
        Tiles a page.
    seed
        Seed of every random choice.
    classes, complete
        See :func:`pal.knowledge.known`.
    learner
        Maps knowledge to a model; by default :func:`pal.learner.learn` on ``x``.
    """

    def __init__(
        self,
        x: Float[ndarray, "n d"],
        oracle: Oracle,
        *,
        page_size: int = 15,
        seed: int = 0,
        classes: Sequence[int] = (),
        complete: bool = False,
        learner: Learn | None = None,
    ) -> None:
        self.oracle = oracle
        self.page_size = page_size
        self.rng = np.random.default_rng(seed)
        self.knowledge = known(len(x), classes=classes, complete=complete)
        self._parts: list[Answers] = []
        self._pending: list[Question] = []
        self._n_pages = 0
        if learner is None:
            prepared = prepare(x, seed=seed)
            learner = lambda knowledge: learn(prepared, knowledge)  # noqa: E731
        self._learn = learner
        self._model: Model | None = None

    @property
    def answers(self) -> Answers:
        """All answers told so far."""
        return concatenate(self._parts)

    @property
    def model(self) -> Model:
        """Model of the present knowledge; fitted when first looked at after an answer."""
        if self._model is None:
            self._model = self._learn(self.knowledge)
        return self._model

    def ask(self) -> Question | None:
        """Return the next page, or None when the oracle has nothing left to ask."""
        if not self._pending:
            state = State(
                self.knowledge,
                self.answers.silent,
                self.model,
                self.page_size,
                self.rng,
                np.zeros(self.knowledge.n_items, dtype=bool),
            )
            self._pending = ask(self.oracle, state)
        return self._pending.pop(0) if self._pending else None

    def tell(self, question: Question, relation: Integer[ndarray, " q"] | Sequence[int], *, labeler: int = 0) -> None:
        """Take in the answers to a page: +1 alike, −1 unlike, 0 cannot tell."""
        page = Answers.of(question, relation, labeler=labeler, number=self._n_pages)
        self.knowledge = self.knowledge.add(page)
        self._parts.append(page)
        self._n_pages += 1
        self._model = None


def run(loop: Loop, labeler: Labeler, *, n_pages: int) -> Iterator[tuple[Question, Answers]]:
    """Let ``labeler`` answer up to ``n_pages`` pages; yields each page with its answers, as they are told.

    A labeler that is several people says who answers a page, ``labeler.who(question)`` (:class:`pal.labelers.Crowd`).
    """
    who: Callable[[Question], int] = getattr(labeler, "who", lambda question: 0)  # noqa: ARG005
    for _ in range(n_pages):
        question = loop.ask()
        if question is None:
            return
        relation = labeler(question)
        loop.tell(question, relation, labeler=who(question))
        yield question, Answers.of(question, relation, labeler=who(question))
