"""Captcha: one class template against items not yet settled for that class (paper, algorithm 3 and section 4.3)."""

import numpy as np

from pal.answers import Question
from pal.beliefs import settle
from pal.oracles.askable import free_templates, open_pairs
from pal.oracles.state import State


def captcha(state: State, /) -> list[Question]:
    """Ask about the class with fewest known items, against random items not settled for it.

    Templates are ``knowledge.classes`` where given. Without ``knowledge.complete`` others are found on the way: the
    first item opens class 1, and an item unlike all templates opens the next; items unlike most templates go first,
    so that one of them soon does. Settles N items in at most N · C answers. O(N C + votes) a page.
    """
    settled = settle(state.knowledge)
    if not len(settled.anchor):
        return first_page(state)
    template = free_templates(state, settled.anchor)
    known = np.bincount(settled.label[settled.label >= 0], minlength=len(template))
    shown = np.flatnonzero(template >= 0)
    opened = open_pairs(state, template[shown]) & (settled.label < 0)[:, None]
    for j in shown[np.argsort(known[shown], kind="stable")]:
        candidates = state.rng.permutation(np.flatnonzero(opened[:, np.searchsorted(shown, j)]))
        if len(candidates):
            if not state.knowledge.complete:
                candidates = candidates[np.argsort(-settled.excluded[candidates].sum(axis=1), kind="stable")]
            return [Question(int(template[j]), candidates[: state.page_size])]
    return []


def first_page(state: State, /) -> list[Question]:
    """Page before any class is known: the first item against random others, O(N) unless labelers refuse."""
    for template in np.flatnonzero(~state.held):
        candidates = np.flatnonzero(open_pairs(state, np.array([template]))[:, 0])
        if len(candidates):
            return [Question(int(template), state.rng.permutation(candidates)[: state.page_size])]
    return []
