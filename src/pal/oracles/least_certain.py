"""Least certain: items whose most probable class has the least probability (Lewis and Gale 1994)."""

from pal.answers import Question
from pal.oracles.askable import believed
from pal.oracles.pages import likely_page
from pal.oracles.state import State


def least_certain(state: State, /) -> list[Question]:
    """Ask about the items of least confidence, 1 − max_c P_ic; O(N C) a page.

    Lewis and Gale 1994, "A sequential algorithm for training text classifiers", https://arxiv.org/abs/cmp-lg/9407020.
    """
    askable = believed(state)
    return likely_page(state, askable, 1.0 - askable.probability.max(axis=1, initial=0.0))
