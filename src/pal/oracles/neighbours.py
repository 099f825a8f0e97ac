"""Neighbours: pairs of nearest neighbours in the embedding within a mini-batch (paper, algorithm 4, NNCLR).

With :class:`pal.labelers.neighbours.NeighbourLabeler` this is the paper's oracle without people; people may answer too.
"""

import numpy as np
from jaxtyping import Bool, Int64
from numpy import ndarray

from pal.answers import Question
from pal.oracles.askable import open_pairs
from pal.oracles.clusters import squared_distances
from pal.oracles.state import State
from pal.votes import pair_key

BATCH = 512


def neighbours(state: State, /) -> list[Question]:
    """Ask whether an item is like its nearest neighbours in a random mini-batch of 512; O(N + votes + 512² k) a page.

    Dwibedi et al. 2021, https://arxiv.org/abs/2104.14548. Templates are items whose nearest neighbour isn't known to be
    alike or unlike; once there are none, any item with something unknown. Only pairs not deduced are shown.
    """
    batch = state.rng.permutation(np.flatnonzero(~state.held))[:BATCH]
    template = np.concatenate([batch[_nearest_unknown(state, batch)], state.rng.permutation(_undecided(state))])
    for t in template:
        opened = open_pairs(state, np.array([t]))[:, 0]
        tiles = batch[opened[batch]] if opened[batch].any() else np.flatnonzero(opened)[:BATCH]
        if len(tiles):
            gap = np.square(state.embedding[tiles] - state.embedding[t]).sum(axis=1)
            return [Question(int(t), tiles[np.argsort(gap, kind="stable")][: state.page_size])]
    return []


def _nearest_unknown(state: State, batch: Int64[ndarray, " b"]) -> Bool[ndarray, " b"]:
    """Whether the nearest neighbour of each item of the batch may still be like it or not."""
    if len(batch) < 2:
        return np.zeros(len(batch), dtype=bool)
    z = np.asarray(state.embedding[batch], dtype=np.float64)
    squared = squared_distances(z, z)
    np.fill_diagonal(squared, np.inf)
    own, other = state.knowledge.group[batch], state.knowledge.group[batch[squared.argmin(axis=1)]]
    apart = pair_key(state.n_items, *state.knowledge.differing.T)
    return np.asarray((own != other) & ~np.isin(pair_key(state.n_items, own, other), apart))


def _undecided(state: State) -> Int64[ndarray, " u"]:
    """Items not held, of a group not yet compared with every other group that has an item to show."""
    group, free = state.knowledge.group, ~state.held
    live = np.zeros(state.n_items, dtype=bool)
    live[group[free]] = True
    differing = state.knowledge.differing
    differing = differing[live[differing].all(axis=1)]
    compared = np.bincount(differing.ravel(), minlength=state.n_items)
    return np.flatnonzero(free & (compared[group] < live.sum() - 1))
