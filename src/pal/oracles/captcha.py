"""Captcha: one class template against items not yet settled for that class (paper, algorithm 3 and section 4.3)."""

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from pal.answers import Question
from pal.beliefs import Settled, settle
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
        template = _template(settled, free, j)
        if len(candidates) and template is not None:
            candidates = state.rng.permutation(candidates)
            if not state.knowledge.complete:
                candidates = candidates[np.argsort(-settled.excluded[candidates].sum(axis=1), kind="stable")]
            return [Question(template, candidates[: state.page_size])]
    return []


def _template(settled: Settled, free: Bool[ndarray, " n_items"], j: int) -> int | None:
    """Anchor of class j, or another of its items while the anchor is held; None if all are."""
    anchor = int(settled.anchor[j])
    if free[anchor]:
        return anchor
    others = np.flatnonzero(free & (settled.label == j))
    return int(others[0]) if len(others) else None
