"""Neighbours: pairs of nearest neighbours in the embedding within a mini-batch (paper, algorithm 4, NNCLR).

With :class:`pal.labelers.neighbours.NeighbourLabeler` this is the paper's oracle without people; people may answer too.
"""

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from pal.answers import Question
from pal.oracles.askable import open_pairs
from pal.oracles.state import State

BATCH = 512


def neighbours(state: State, /) -> list[Question]:
    """Ask whether a random item is like its nearest neighbours in a random mini-batch of 512; O(N + votes) a page.

    Dwibedi et al. 2021, https://arxiv.org/abs/2104.14548. Only pairs not deduced are asked; items left with few of them
    see the whole data set as their batch.
    """
    for template in state.rng.permutation(np.flatnonzero(_undecided(state))):
        candidates = np.flatnonzero(open_pairs(state, np.array([template]))[:, 0])
        if len(candidates):
            batch = state.rng.permutation(candidates)[:BATCH]
            gap = np.square(state.embedding[batch] - state.embedding[template]).sum(axis=1)
            return [Question(int(template), batch[np.argsort(gap, kind="stable")][: state.page_size])]
    return []


def _undecided(state: State) -> Bool[ndarray, " n"]:
    """Items not held, of a group not yet compared with every other group that has an item to show."""
    group, free = state.knowledge.group, ~state.held
    live = np.zeros(state.n_items, dtype=bool)
    live[group[free]] = True
    differing = state.knowledge.differing
    differing = differing[live[differing].all(axis=1)]
    compared = np.bincount(differing.ravel(), minlength=state.n_items)
    return free & (compared[group] < live.sum() - 1)
