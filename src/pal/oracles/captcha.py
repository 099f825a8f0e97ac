"""Captcha: one class template against items not yet settled for that class (paper, algorithm 3 and section 4.3)."""

import numpy as np

from pal.answers import Question
from pal.beliefs import settle
from pal.oracles.state import State


def captcha(state: State, /) -> list[Question]:
    """Ask about the class with fewest known items, against random items not settled for it.

    Templates are ``knowledge.classes`` where given. Without ``knowledge.complete`` others are found on the way: the
    first item opens class 1, and an item unlike all templates opens the next; items unlike most templates go first,
    so that one of them soon does. Settles N items in at most N · C answers. O(N C + votes) a page.
    """
    settled = settle(state.knowledge)
    free = ~state.held
    unsettled = settled.label < 0
    if not len(settled.anchor):
        first = np.flatnonzero(free)
        if len(first) < 2:
            return []
        return [Question(int(first[0]), state.rng.permutation(first[1:])[: state.page_size])]
    known = np.bincount(settled.label[settled.label >= 0], minlength=len(settled.anchor))
    for j in np.argsort(known, kind="stable"):
        candidates = np.flatnonzero(free & unsettled & ~settled.excluded[:, j])
        candidates = candidates[candidates != settled.anchor[j]]
        if len(candidates):
            candidates = state.rng.permutation(candidates)
            if not state.knowledge.complete:
                candidates = candidates[np.argsort(-settled.excluded[candidates].sum(axis=1), kind="stable")]
            return [Question(int(settled.anchor[j]), candidates[: state.page_size])]
    return []
