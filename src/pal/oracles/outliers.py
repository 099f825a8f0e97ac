"""Spot the outliers: a template and a batch believed alike; people click what differs (paper, footnote 2)."""

import numpy as np

from pal.answers import Question
from pal.oracles.askable import believed
from pal.oracles.captcha import captcha
from pal.oracles.pages import best_first
from pal.oracles.state import State


def outliers(state: State, /) -> list[Question]:
    """Show the items most surely of one class, the class with most of them, in mode "different"; O(N C) a page.

    I = {(t, j)} over a batch believed like the template t. An item is put before the class it most likely belongs to.
    """
    askable = believed(state)
    items = np.flatnonzero(askable.any_open)
    if not len(items):
        return captcha(state)
    column = askable.likely[items]
    sure = askable.probability[items, column]
    j = int(np.bincount(column, weights=sure).argmax())
    mine = items[column == j]
    tiles = mine[best_first(sure[column == j], rng=state.rng)][: state.page_size]
    return [Question(int(askable.template[j]), tiles, "different")]
