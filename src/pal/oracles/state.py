"""What an oracle may look at, and what it returns."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer
from numpy import ndarray

from pal.answers import Answers, Question
from pal.beliefs import Beliefs, some_wrong
from pal.clarity import HOPELESS, unclear
from pal.knowledge import Knowledge
from pal.learner import Model


@dataclass(frozen=True, eq=False)
class State:
    """State of the loop when a question is due.

    Parameters
    ----------
    knowledge
        What the answers imply.
    silent
        The answers so far that say "cannot tell" (:attr:`pal.answers.Answers.silent`).
    model
        Embedding, beliefs and neighbour graph, perhaps a page or two behind the answers.
    page_size
        Tiles a page.
    rng
        Source of every random choice.
    held
        (n_items,) items that must not be shown: on a page still open, flagged, or not yet encoded.
    learned
        What the answers implied when the model was fitted: all but ``since``. None if that is ``knowledge``, or if
        answers were taken back.
    since
        Answers that the model doesn't know yet.
    """

    knowledge: Knowledge
    silent: Answers
    model: Model
    page_size: int
    rng: np.random.Generator
    held: Bool[ndarray, " n_items"] = field(repr=False)
    learned: Knowledge | None = None
    since: Answers = field(default_factory=Answers.empty)

    @property
    def n_items(self) -> int:
        """Number of items, N."""
        return self.knowledge.n_items

    @property
    def embedding(self) -> Float[ndarray, "n_items k"]:
        """Z, the closed-form embedding."""
        return self.model.embedding

    @property
    def beliefs(self) -> Beliefs:
        """Posterior over classes."""
        return self.model.beliefs

    @property
    def fitted(self) -> Knowledge:
        """What the answers implied when the model was fitted."""
        return self.learned or self.knowledge

    @property
    def some_wrong(self) -> bool:
        """Whether some answers are wrong (:func:`pal.beliefs.some_wrong`), by what the model knows."""
        return some_wrong(self.beliefs.error, clash=self.fitted.clash)

    @cached_property
    def unclear(self) -> Float[ndarray, " n_items"]:
        """Probability that people cannot tell an item (:mod:`pal.clarity`), by what the model knows besides."""
        return unclear(self.silent, self.fitted.n_told)

    @cached_property
    def n_denied(self) -> Int64[ndarray, " n_items"]:
        """How often each item was denied without being found alike anything, by what the model knows; 0 where it was.

        A wrong "no" leaves an item so, and contradicts nothing.
        """
        size = np.bincount(self.fitted.group, minlength=self.n_items)
        return np.where(size[self.fitted.group] == 1, self.fitted.n_told, 0)

    def related_since(self, template: int, items: Integer[ndarray, " q"], /) -> Bool[ndarray, " q"]:
        """Whether answers relate items to a template that didn't when the model was fitted: what it can't doubt."""
        if self.learned is None:
            return np.zeros(len(items), dtype=bool)
        return (self.learned.relation(template, items) == 0) & (self.knowledge.relation(template, items) != 0)

    def asked_since(self) -> Bool[ndarray, " n_items"]:
        """Whether an item was asked about after the model was fitted; O(n_items)."""
        mask = np.zeros(self.n_items, dtype=bool)
        mask[self.since.item] = True
        return mask

    def among(self, rows: Int64[ndarray, " r"], model: Model) -> "State":
        """State of some items alone, of which there is a model.

        O(n_items) where it is known what the model was fitted on; else also O(votes).
        """
        silent, since = (said.among(rows, self.n_items) for said in (self.silent, self.since))
        learned = None if self.learned is None else self.learned.among(rows)
        knowledge = self.knowledge.among(rows) if learned is None else learned.grown(since)
        return State(knowledge, silent, model, self.page_size, self.rng, self.held[rows], learned, since)


#: An oracle returns the next page, or several to be asked at once, or none when nothing is left to ask.
Oracle = Callable[[State], list[Question]]


def ask(oracle: Oracle, state: State, /) -> list[Question]:
    """Pages by an oracle: among the items of the model's core while these leave something to ask, then among all.

    So a page costs what the core does, however many items there are.
    """
    return ask_core(oracle, state) or ask_all(oracle, state)


def ask_core(oracle: Oracle, state: State, /) -> list[Question]:
    """Pages by an oracle among the items of the model's core alone; none where it has no core."""
    core = state.model.core
    if core is None:
        return []
    rows = core.rows
    return [
        Question(int(rows[page.template]), rows[page.items], page.mode)
        for page in oracle(_clear(state.among(rows, core.model)))
    ]


def ask_all(oracle: Oracle, state: State, /) -> list[Question]:
    """Pages by an oracle among all items but those that people cannot tell."""
    return list(oracle(_clear(state)))


def _clear(state: State) -> State:
    """State in which what people cannot tell is held back."""
    hopeless = state.unclear > HOPELESS
    return replace(state, held=state.held | hopeless) if hopeless.any() else state
