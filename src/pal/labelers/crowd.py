"""A crowd: several people, of whom one answers each page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int8
from numpy import ndarray

from pal.answers import Question
from pal.errors import InvalidInputError


@dataclass(frozen=True, eq=False)
class Crowd:
    """Give each page to one of several labelers, drawn from the page itself: the same page goes to the same person.

    Parameters
    ----------
    people
        The labelers, at least one.
    seed
        Seed of the assignment.

    Raises
    ------
    InvalidInputError
        If there are no people.
    """

    people: Sequence[Callable[[Question], Int8[ndarray, " q"]]]
    seed: int = 0

    def __post_init__(self) -> None:
        if not len(self.people):
            raise InvalidInputError("a crowd needs at least one labeler, got none; pass a list of labelers")

    def who(self, question: Question, /) -> int:
        """Number of the person who answers a page, to be told with the answers: ``loop.tell(..., labeler=who)``."""
        key = (self.seed, question.template, *np.sort(question.items).tolist())
        return int(np.random.default_rng(key).integers(len(self.people)))

    def __call__(self, question: Question, /) -> Int8[ndarray, " q"]:
        """Answer a page by the person it goes to, (q,)."""
        return self.people[self.who(question)](question)
