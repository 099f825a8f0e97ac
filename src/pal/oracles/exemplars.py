"""Which items stand for a class: to show as its template, or to ask whether it is one with another class."""

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from pal.clarity import UNCLEAR
from pal.oracles.state import State
from pal.votes import pair_key

# Members of a class that may stand for it, so that what is doubtful is asked about once more, with another of them.
_EXEMPLARS = 3


def templates_of(state: State, c: int) -> list[int]:
    """Anchor of the class, then its surest members that a person has confirmed, or any where these are unclear."""
    beliefs = state.beliefs
    anchor = int(beliefs.anchor[c])
    fit = ~state.held & (state.unclear <= UNCLEAR)
    members = beliefs.members[c]
    members = members[fit[members] & (members != anchor)]
    confirmed = members[beliefs.source[members] > 0]
    doubt = -beliefs.probability[confirmed, c] if beliefs.surprise is None else beliefs.surprise[confirmed]
    found = [t for t in (anchor, *confirmed[_least(doubt, _EXEMPLARS - 1)].tolist()) if fit[t]]
    return found or members[_least(-beliefs.probability[members, c], 1)].tolist()


def exemplars(state: State) -> Int64[ndarray, "c d"]:
    """Items that may stand for each class when a join is asked about: its anchor, then its surest members."""
    beliefs = state.beliefs
    unfit = state.held | (state.unclear > UNCLEAR)
    sure = np.where(unfit, -1.0, beliefs.confidence)
    sure[beliefs.anchor] += np.where(unfit[beliefs.anchor], 0.0, 2.0)
    members = np.repeat(beliefs.anchor[:, None], _EXEMPLARS, axis=1)
    for c, own in enumerate(beliefs.members):
        top = own[_least(-sure[own], _EXEMPLARS)]
        members[c, : len(top)] = top
    return members


def delegates(
    state: State, template: int, members: Int64[ndarray, "c d"], worth: Float[ndarray, " c"]
) -> tuple[Int64[ndarray, " j"], Int64[ndarray, " j"]]:
    """Classes worth comparing with the template, and the first of the members of each not compared with it yet."""
    classes = np.flatnonzero(worth > 0)
    items = members[classes]
    keys = pair_key(state.n_items, np.full(items.size, template), items.ravel())
    votes = state.knowledge.votes.look_up(keys)
    free = ((votes.alike + votes.unlike) == 0).reshape(items.shape) & (items != template) & ~state.held[items]
    free &= ~np.isin(items, refused(state, template))
    some = free.any(axis=1)
    return classes[some], items[some, free[some].argmax(axis=1)]


def refused(state: State, template: int) -> Int64[ndarray, " r"]:
    """Items that somebody couldn't compare with a template."""
    silent = state.silent
    return np.concatenate([silent.item[silent.template == template], silent.template[silent.item == template]])


def _least(value: Float[ndarray, " n"], k: int) -> Int64[ndarray, " k"]:
    """Positions of the k least, least first and ties in their order; O(n) but for these."""
    some = np.flatnonzero(value <= np.partition(value, k - 1)[k - 1]) if len(value) > k else np.arange(len(value))
    return some[np.argsort(value[some], kind="stable")[:k]]
