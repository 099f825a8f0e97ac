"""Hierarchical: coarse questions until clusters are confident, then fine ones (paper, algorithm 6).

A page compares with one class, so a coarse question here is one chosen for what it tells about an item's *parent*: the
item is doubtful between parents, and is put before the likeliest class of its likeliest parent.
"""

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from pal.answers import Question
from pal.oracles.askable import Askable, believed
from pal.oracles.pages import entropy_of, likely_page, page_of
from pal.oracles.state import State
from pal.oracles.taxonomy import Parents, derived_parents, parents_of

CONFIDENT = 0.8


def hierarchical(state: State, /, *, parents: Parents | None = None, confident: float = CONFIDENT) -> list[Question]:
    """Ask about the parent while the mean belief in the likeliest parent is below ``confident``, then about the class.

    Parameters
    ----------
    state
        State of the loop.
    parents
        Parent of some items' classes (:mod:`pal.oracles.taxonomy`); derived from the embedding by default. Bind it
        with ``functools.partial(hierarchical, parents=...)``, which is an oracle.
    confident
        What counts as a strong opinion on clusters.

    Returns
    -------
    list
        One page, O(N C k).
    """
    askable = believed(state)
    parent = (
        derived_parents(state.embedding, askable.probability, rng=state.rng)
        if parents is None
        else parents_of(state.knowledge, askable.template, parents)
    )
    coarse = coarse_probability(askable, parent)
    opened = askable.any_open
    if not opened.any() or coarse[opened].max(axis=1).mean() >= confident:
        return likely_page(state, askable, entropy_of(askable.probability))
    allowed = parent[None, :] == coarse.argmax(axis=1)[:, None]
    column = np.where(askable.open & allowed, askable.probability, -1.0).argmax(axis=1)
    return page_of(state, askable, column, entropy_of(coarse))


def coarse_probability(askable: Askable, parent: Int64[ndarray, " c"], /) -> Float[ndarray, "n p"]:
    """P(parent) of each item, (n, n_parents): the sum over its classes."""
    return askable.probability @ np.eye(int(parent.max(initial=-1)) + 1)[parent]
