"""Simulated people: labelers that know the true labels and make mistakes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int8, Integer
from numpy import ndarray

from pal.answers import Question
from pal.errors import InvalidInputError


@dataclass(frozen=True, eq=False)
class SimulatedLabeler:
    """Answer from true labels, wrong with probability ``error``, the same way each time a pair is asked.

    Parameters
    ----------
    labels
        True class of each item, (n_items,).
    error
        Probability that an answer is flipped.
    refusal
        Probability of "cannot tell".
    seed
        Seed; two labelers with different seeds make different mistakes.

    Raises
    ------
    InvalidInputError
        If a probability is outside [0, 1].
    """

    labels: Integer[ndarray, " n_items"]
    error: float = 0.0
    refusal: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("error", "refusal"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise InvalidInputError(f"{name} must lie in [0, 1], got {value}; 0.1 is one answer in ten")

    def __call__(self, question: Question, /) -> Int8[ndarray, " q"]:
        """Answer a page: +1 alike, −1 unlike, 0 cannot tell, (q,)."""
        truth = np.where(self.labels[question.items] == self.labels[question.template], 1, -1)
        flip = uniform_of_pairs(question, seed=self.seed, stream=0) < self.error
        silent = uniform_of_pairs(question, seed=self.seed, stream=1) < self.refusal
        return np.where(silent, 0, np.where(flip, -truth, truth)).astype(np.int8)


def uniform_of_pairs(question: Question, /, *, seed: int, stream: int) -> Float[ndarray, " q"]:
    """One number in [0, 1) a tile, a function of seed, stream and pair alone: a person asked twice answers the same."""
    low = np.minimum(question.items, question.template)
    high = np.maximum(question.items, question.template)
    draws = [np.random.default_rng((seed, stream, int(a), int(b))).random() for a, b in zip(low, high, strict=True)]
    return np.array(draws)
