"""Simulated people: they click the tiles a page asks for, miss some, click some too many, and cannot tell others.

A *target* is a tile that ought to be clicked: alike in mode "same", unlike in mode "different". The rarer targets are,
the more of them are missed (prevalence effect: Wolfe et al. 2005, https://doi.org/10.1038/435439a, found 30 % missed
at a prevalence of 1 %, 16 % at 10 % and 7 % at 50 %).
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int8, Integer
from numpy import ndarray

from pal.answers import Question
from pal.errors import InvalidInputError
from pal.labelers.simulated import uniform_of_pairs


def miss_rate(
    prevalence: Float[ndarray, "*s"] | float, /, *, peak: float = 0.4, fall: float = 4.4
) -> Float[ndarray, "*s"]:
    """Share of targets missed, peak · (1 − 2 p)^fall below a prevalence p of one half, 0 above.

    The defaults give 37 % at p = 1 %, 33 % at 2 %, 15 % at 10 % and 2 % at 25 %.
    """
    return np.asarray(peak * np.maximum(1.0 - 2.0 * np.asarray(prevalence, dtype=np.float64), 0.0) ** fall)


@dataclass(eq=False)
class Person:
    """A person who knows the true labels, and errs as people do.

    Parameters
    ----------
    labels
        True class of each item, (n_items,).
    misses
        Probability to miss a target, however many there are.
    rare_misses
        Probability to miss a target when there are next to none, falling to 0 as half of the tiles are targets
        (:func:`miss_rate`); it comes on top of ``misses``.
    false_alarms
        Probability to click a tile that is no target.
    refusal
        Share of the items that this person cannot tell, whatever they are compared with.
    memory
        Tiles over which a person gets used to how rare targets are; 0 looks at the present page only, and makes the
        person a function of the page.
    seed
        Seed; people with different seeds make different mistakes. Asked about a pair again in a like page, a person
        answers the same.

    Raises
    ------
    InvalidInputError
        If a probability is outside [0, 1], or ``memory`` is negative.
    """

    labels: Integer[ndarray, " n_items"]
    misses: float = 0.0
    rare_misses: float = 0.4
    false_alarms: float = 0.0
    refusal: float = 0.0
    memory: float = 0.0
    seed: int = 0
    _prevalence: float = field(default=0.5, init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("misses", "rare_misses", "false_alarms", "refusal"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise InvalidInputError(f"{name} must lie in [0, 1], got {value}; 0.1 is one in ten")
        if self.memory < 0:
            raise InvalidInputError(f"memory must be 0 or more tiles, got {self.memory}; 60 is four pages")

    def __call__(self, question: Question, /) -> Int8[ndarray, " q"]:
        """Answer a page: +1 alike, −1 unlike, 0 cannot tell, (q,)."""
        clicked_means = 1 if question.mode == "same" else -1
        target = (self.labels[question.items] == self.labels[question.template]) == (clicked_means > 0)
        miss = self.misses + (1.0 - self.misses) * miss_rate(self._get_used_to(target), peak=self.rare_misses)
        chance = uniform_of_pairs(question, seed=self.seed, stream=2)
        clicked = np.where(target, chance >= miss, chance < self.false_alarms)
        relation = np.where(clicked, clicked_means, -clicked_means)
        return np.where(self._unclear(question), 0, relation).astype(np.int8)

    def _get_used_to(self, target: ndarray) -> float:
        """Prevalence that this person expects, after seeing a page."""
        if not len(target):
            return self._prevalence
        keep = self.memory / (self.memory + len(target))
        self._prevalence = keep * self._prevalence + (1.0 - keep) * float(target.mean())
        return self._prevalence

    def _unclear(self, question: Question) -> ndarray:
        if self.refusal == 0.0:
            return np.zeros(len(question.items), dtype=bool)
        shown = [question.template, *question.items.tolist()]
        unclear = [np.random.default_rng((self.seed, 3, item)).random() < self.refusal for item in shown]
        return np.array(unclear[1:]) | unclear[0]
