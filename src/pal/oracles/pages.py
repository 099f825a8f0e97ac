"""From a score per item to a page, most likely class first: what most active-learning rules share.

An item is compared with the class it most likely belongs to, as a "yes" settles it against all classes at once. A page
shows one template, so it goes to the class whose best-scored items are worth most together.
"""

import numpy as np
from jaxtyping import Float, Int64, Integer
from numpy import ndarray

from pal.answers import Mode, Question
from pal.oracles.askable import Askable
from pal.oracles.captcha import captcha
from pal.oracles.state import State

# Two believed classes are worth a tile from this probability of being one, at most this share of a page.
_SAME = 0.05
_SHARE = 0.2


def likely_page(state: State, askable: Askable, score: Float[ndarray, " n"], /) -> list[Question]:
    """Page of the best-scored items, each against its most likely open class.

    Parameters
    ----------
    state
        State of the loop.
    askable
        Columns of templates, from :func:`pal.oracles.askable.believed`.
    score
        Worth of asking about each item, at least 0.

    Returns
    -------
    list
        One page; plain captcha's where the believed classes leave nothing to ask. O(N (C + log N)).
    """
    return page_of(state, askable, askable.likely if len(askable.template) else np.zeros(len(score), np.int64), score)


def page_of(
    state: State, askable: Askable, column: Integer[ndarray, " n"], score: Float[ndarray, " n"], /
) -> list[Question]:
    """Like :func:`likely_page`, each item against the class ``column`` says."""
    open_items = np.flatnonzero(askable.any_open)
    if not len(open_items):
        return captcha(state)
    open_items = open_items[askable.open[open_items, column[open_items]]]
    order = best_first(score[open_items], rng=state.rng)
    item = open_items[order]
    top = _first_of_each(column[item], state.page_size)
    worth = np.bincount(column[item[top]], weights=score[item[top]] + 1e-12, minlength=len(askable.template))
    j = int(worth.argmax())
    rivals = _rivals(askable, j, int(_SHARE * state.page_size))
    mine = item[column[item] == j]
    tiles = np.concatenate([rivals, mine[~np.isin(mine, rivals)]])[: state.page_size]
    expected = np.r_[askable.same[j, askable.label[rivals]], askable.probability[tiles[len(rivals) :], j]]
    return [Question(int(askable.template[j]), tiles, rarer_mode(expected))]


def best_first(score: Float[ndarray, " q"], /, *, rng: np.random.Generator) -> Int64[ndarray, " q"]:
    """Positions by falling score, ties in random order."""
    shuffled = rng.permutation(len(score))
    return shuffled[np.argsort(-score[shuffled], kind="stable")]


def rarer_mode(probability: Float[ndarray, " q"], /) -> Mode:
    """Mode in which fewer clicks are expected, given the probability that each tile is alike."""
    return "different" if len(probability) and probability.mean() > 0.5 else "same"


def entropy_of(probability: Float[ndarray, "n c"], /) -> Float[ndarray, " n"]:
    """Entropy of each row, in nats."""
    safe = np.where(probability > 0, probability, 1.0)
    return np.maximum(-(probability * np.log(safe)).sum(axis=1), 0.0)


def _first_of_each(column: Integer[ndarray, " q"], count: int) -> Int64[ndarray, " t"]:
    """Positions of the first ``count`` occurrences of each value."""
    order = np.argsort(column, kind="stable")
    sorted_column = column[order]
    start = np.searchsorted(sorted_column, sorted_column, side="left")
    return order[np.arange(len(column)) - start < count]


def _rivals(askable: Askable, j: int, count: int) -> Int64[ndarray, " r"]:
    """Templates of the classes that may well be class j under another name, likeliest first."""
    order = np.argsort(-askable.same[j], kind="stable")[:count]
    return askable.template[order[askable.same[j, order] > _SAME]]
