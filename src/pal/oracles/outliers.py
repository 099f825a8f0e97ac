"""Spot the outliers: a template and a batch believed alike; people click what differs (paper, footnote 2)."""

import numpy as np

from pal.answers import Question
from pal.oracles.askable import believed
from pal.oracles.captcha import captcha
from pal.oracles.pages import best_first
from pal.oracles.state import State


def outliers(state: State, /) -> list[Question]:
    """Show the items most surely of one class, the class confirmed least so far, in mode "different"; O(N C) a page.

    I = {(t, j)} over a batch believed like the template t. An item is put before the class it most likely belongs to.
    """
    askable = believed(state)
    items = np.flatnonzero(askable.any_open)
    if not len(items):
        return captcha(state)
    column = askable.likely[items]
    sure = askable.probability[items, column]
    n_classes = len(askable.template)
    left = np.bincount(column, weights=sure, minlength=n_classes)
    confirmed = np.bincount(askable.label[askable.label >= 0], minlength=n_classes)
    j = int(np.where(left > 0, left / (left + confirmed), -1.0).argmax())
    mine = items[column == j]
    tiles = mine[best_first(sure[column == j], rng=state.rng)][: state.page_size]
    return [Question(int(askable.template[j]), tiles, "different")]
