"""Checks: tiles whose answer is implied, so that a wrong answer may contradict others instead of staying for ever."""

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from pal.oracles.state import State
from pal.votes import pair_key

# One check in so many alike answers, until there were so many without a contradiction.
_EVERY, _AT_MOST = 15, 25


def due(state: State) -> bool:
    """Whether too few answers could have contradicted others, as long as none did."""
    n_alike = state.fitted.n_alike + (0 if state.learned is None else int((state.since.relation > 0).sum()))
    n_groups = int((state.knowledge.group == np.arange(state.n_items)).sum())  # each is named by one of its items
    cycles = n_alike - (state.n_items - n_groups)
    return cycles < min(n_alike // _EVERY, _AT_MOST) and not state.fitted.clash


def with_check(state: State, c: int, template: int, chosen: Int64[ndarray, " q"]) -> Int64[ndarray, " p"]:
    """Put in a tile whose answer is implied, the most surprising one.

    Without such tiles wrong answers would never contradict one another, and stay.
    """
    beliefs = state.beliefs
    if beliefs.surprise is None:
        return chosen
    members = np.flatnonzero((state.knowledge.group == state.knowledge.group[template]) & ~state.held)
    members = members[(members != template) & (beliefs.label[members] == c)]
    own = state.knowledge.votes.look_up(pair_key(state.n_items, np.full(len(members), template), members))
    members = members[((own.alike + own.unlike) == 0) & ~state.related_since(template, members)]
    if not len(members):
        return chosen
    check = int(members[beliefs.surprise[members].argmax()])
    return np.append(chosen[chosen != check][: state.page_size - 1], check)
