"""Audits: how accurate predictions are, from items drawn at random and nothing else.

Definition. Of n predicted items drawn at random, k turn out right when a person compares them with their group. The
accuracy is k / n, and its interval is that of Clopper and Pearson (1934), https://doi.org/10.1093/biomet/26.4.404: it
covers the true accuracy in at least ``level`` of all audits, whatever that accuracy is.
"""

from dataclasses import dataclass
from math import ceil, log

from pal.errors import InvalidInputError


@dataclass(frozen=True)
class Audit:
    """Accuracy with its interval: ``right`` of ``asked`` items."""

    right: int
    asked: int
    low: float
    high: float

    @property
    def accuracy(self) -> float | None:
        """Share of right items; None before anything was asked."""
        return self.right / self.asked if self.asked else None


def audit(right: int, asked: int, /, *, level: float = 0.95) -> Audit:
    """Interval of an accuracy, two-sided and exact.

    Raises
    ------
    InvalidInputError
        If the counts aren't 0 ≤ right ≤ asked, or the level isn't inside (0, 1).
    """
    from scipy.stats import beta

    if not 0 <= right <= asked:
        raise InvalidInputError(f"expected 0 <= right <= asked, got {right} of {asked}; count each item once")
    _check(level)
    tail = (1.0 - level) / 2.0
    low = float(beta.ppf(tail, right, asked - right + 1)) if right else 0.0
    high = float(beta.ppf(1.0 - tail, right + 1, asked - right)) if right < asked else 1.0
    return Audit(right, asked, low, high)


def least_asked(target: float, /, *, level: float = 0.95) -> int:
    """Items to ask, all of them right, until the interval lies above ``target``: ⌈ln(α/2) / ln(target)⌉.

    Raises
    ------
    InvalidInputError
        If target or level isn't inside (0, 1).
    """
    _check(level)
    _check(target)
    return ceil(log((1.0 - level) / 2.0) / log(target) - 1e-9)


def _check(share: float) -> None:
    if not 0.0 < share < 1.0:
        raise InvalidInputError(f"expected a share between 0 and 1, got {share}; 0.95 is 95 %")
