"""Margin: items whose two most probable classes are closest (Scheffer et al. 2001)."""

import numpy as np

from pal.answers import Question
from pal.oracles.askable import believed
from pal.oracles.pages import likely_page
from pal.oracles.state import State


def margin(state: State, /) -> list[Question]:
    """Ask about the items of smallest margin, 1 − (P_i(1) − P_i(2)); O(N C) a page.

    Scheffer et al. 2001, "Active hidden Markov models for information extraction",
    https://doi.org/10.1007/3-540-44816-0_31. With one class the margin is its probability.
    """
    askable = believed(state)
    if askable.probability.shape[1] < 2:
        return likely_page(state, askable, np.ones(state.n_items))
    second, first = np.partition(askable.probability, -2, axis=1)[:, -2:].T
    return likely_page(state, askable, 1.0 - (first - second))
