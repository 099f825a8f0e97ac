"""Batches that bring alike items together (algorithm 1: pairs I from the graph, repulsion J from the batch).

An epoch is a partition of the items: each is seen once, whatever the graph, so that epochs cost the same. An anchor is
drawn at random among those left, and brings ``mates`` items that the graph says are alike and that are left too; with
many items, random batches alone would hold hardly a pair of a sparse graph. Anchors with mates are spread evenly over
the epoch.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int64
from numpy import ndarray
from scipy.sparse import csr_array

from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph

# An item is drawn through a group if it belongs to it at least this much of its most.
_BELONGS = 0.5


def epoch(
    graph: SimilarityGraph, /, *, batch_size: int, mates: int = 1, rng: np.random.Generator
) -> list[Int64[ndarray, " b"]]:
    """Batches of one epoch, each of ``batch_size`` items; O(nnz + n_items), in Python.

    What is left after the last whole batch waits for the next epoch; with fewer items than ``batch_size`` all of them
    are the one batch.

    Parameters
    ----------
    graph
        G over all items. Mates are found through its groups: j is a mate of i if they sit in groups g, h, by at least
        half of their largest membership, with M_gh > 0. The loss sees G itself.
    batch_size
        Items a batch, at least 2.
    mates
        Alike items that an anchor brings along; 0 for random batches.

    Raises
    ------
    InvalidInputError
        If the batch size is below 2 or ``mates`` is negative.
    """
    if batch_size < 2 or mates < 0:
        raise InvalidInputError(
            f"batch_size must be at least 2 and mates at least 0, got {batch_size} and {mates}; try 256 and 1"
        )
    order = rng.permutation(graph.n_items)
    if mates:
        order = np.array([item for unit in _spread(list(_units(graph, order, mates, rng)), rng) for item in unit])
    size = min(batch_size, graph.n_items)
    whole = graph.n_items // size * size
    return list(order[:whole].reshape(-1, size))


def has_positive_pair(graph: SimilarityGraph, /) -> bool:
    """Whether G_ij > 0 for two different items; O(nnz) for most graphs, never n × n."""
    count, _ = graph.components()
    return count < graph.n_items


def _spread(units: list[list[int]], rng: np.random.Generator) -> list[list[int]]:
    """Units in random order, those with several items as evenly as can be among the others."""
    place = np.empty(len(units))
    several = np.array([len(unit) > 1 for unit in units])
    for which in (np.flatnonzero(several), np.flatnonzero(~several)):
        place[which] = (rng.permutation(len(which)) + rng.random(len(which))) / max(len(which), 1)
    return [units[i] for i in np.argsort(place)]


def _units(
    graph: SimilarityGraph, order: Int64[ndarray, " n"], mates: int, rng: np.random.Generator
) -> Iterator[list[int]]:
    """Every item once, in units of an anchor and its mates."""
    linked = graph.split_diagonal().linked
    groups, members = _belonging(linked.membership), [list[int]() for _ in range(linked.n_groups)]
    for item in order:
        for group in groups[item]:
            members[group].append(int(item))
    related = [_positive(linked.relation, group) for group in range(linked.n_groups)]
    seen = np.zeros(graph.n_items, dtype=bool)
    for anchor in order:
        if seen[anchor]:
            continue
        seen[anchor] = True
        unit = [int(anchor)]
        choices = [h for g in groups[anchor] for h in related[g]]
        for _ in range(mates if choices else 0):
            pool = members[choices[int(rng.integers(len(choices)))]]
            while pool and seen[pool[-1]]:
                pool.pop()
            if pool:
                mate = pool.pop()
                seen[mate] = True
                unit.append(mate)
        yield unit


def _belonging(membership: csr_array) -> list[list[int]]:
    """Groups that each item mostly belongs to."""
    out = []
    for start, end in zip(membership.indptr[:-1], membership.indptr[1:], strict=True):
        weight = membership.data[start:end]
        enough = weight >= _BELONGS * weight.max(initial=0.0)
        out.append(membership.indices[start:end][enough & (weight > 0)].tolist())
    return out


def _positive(relation: csr_array, group: int) -> list[int]:
    start, end = relation.indptr[group], relation.indptr[group + 1]
    found: list[int] = relation.indices[start:end][relation.data[start:end] > 0].tolist()
    return found
