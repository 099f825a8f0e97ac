"""Conflicts between answers, as values: who said what, and which answer to ask about again.

Definition. A *contradiction* is a pair of items judged unlike (by net votes) that lie in one group all the same,
because a chain of pairs judged alike joins them: at least one verdict on the circle is wrong. Its *weakest link* is
the pair of the chain with the fewest net votes, the one to ask again. A *dispute* is a pair with votes both ways.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Int64
from numpy import ndarray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from pal.answers import Answers
from pal.knowledge import Knowledge
from pal.votes import pair_key


@dataclass(frozen=True, eq=False)
class Link:
    """A pair of items judged alike: its ends, its net votes, and the rows of the answers on it."""

    ends: tuple[int, int]
    net_votes: int
    rows: Int64[ndarray, " r"]


@dataclass(frozen=True, eq=False)
class Contradiction:
    """A pair judged unlike within one group.

    Parameters
    ----------
    pair
        The two items, the smaller first.
    rows
        Rows of the answers on the pair, both ways.
    chain
        Shortest chain of pairs judged alike from the first item to the second; empty if they are in one group by
        elimination of classes and not by a chain.
    """

    pair: tuple[int, int]
    rows: Int64[ndarray, " r"]
    chain: tuple[Link, ...]

    @property
    def weakest(self) -> Link | None:
        """Link with the fewest net votes, the first of several; None without a chain."""
        return min(self.chain, key=lambda link: link.net_votes, default=None)


@dataclass(frozen=True, eq=False)
class Dispute:
    """A pair of items with votes both ways, and the rows of the answers on it."""

    pair: tuple[int, int]
    alike: int
    unlike: int
    rows: Int64[ndarray, " r"]


def contradictions(knowledge: Knowledge, answers: Answers, /, *, limit: int | None = None) -> list[Contradiction]:
    """Find contradictions, sorted by pair, at most ``limit``; O(votes + answers), and a search in the group for each.

    ``answers`` are those that ``knowledge`` was folded from; rows refer to them.
    """
    pairs = knowledge.contradictions[:limit]
    if not len(pairs):
        return []
    rows = _RowsByPair.of(knowledge.n_items, answers)
    neighbours = _alike(knowledge)
    found = []
    source, came_from = -1, np.zeros(0, dtype=np.int64)
    for a, b in pairs.tolist():
        if a != source:  # pairs are sorted: one search serves all that start at the same item
            source = a
            came_from = breadth_first_order(neighbours, a, directed=False)[1]
        path = _walk(came_from, a, b)
        chain = tuple(_link(knowledge, rows, i, j) for i, j in pairwise(path))
        found.append(Contradiction((a, b), rows.on(a, b), chain))
    return found


def disputes(knowledge: Knowledge, answers: Answers, /) -> list[Dispute]:
    """Find pairs with votes both ways, sorted by pair; O(votes + answers)."""
    counts = knowledge.votes.all()
    both = np.flatnonzero((counts.alike > 0) & (counts.unlike > 0))
    if not len(both):
        return []
    rows = _RowsByPair.of(knowledge.n_items, answers)
    ends = knowledge.votes.ends(counts.key[both]).tolist()
    votes = zip(ends, counts.alike[both].tolist(), counts.unlike[both].tolist(), strict=True)
    return [Dispute((a, b), alike, unlike, rows.on(a, b)) for (a, b), alike, unlike in votes]


def chain(knowledge: Knowledge, answers: Answers, a: int, b: int, /) -> tuple[Link, ...]:
    """Shortest chain of pairs judged alike from item ``a`` to ``b``, empty if there is none; O(votes + answers)."""
    path = _walk(breadth_first_order(_alike(knowledge), a, directed=False)[1], a, b)
    rows = _RowsByPair.of(knowledge.n_items, answers)
    return tuple(_link(knowledge, rows, i, j) for i, j in pairwise(path))


@dataclass(frozen=True, eq=False)
class _RowsByPair:
    """Rows of the votes, sorted by pair."""

    n_items: int
    key: Int64[ndarray, " v"]
    row: Int64[ndarray, " v"]

    @staticmethod
    def of(n_items: int, answers: Answers) -> "_RowsByPair":
        voted = np.flatnonzero(answers.relation)
        key = pair_key(n_items, answers.template[voted], answers.item[voted])
        order = np.argsort(key, kind="stable")
        return _RowsByPair(n_items, key[order], voted[order])

    def on(self, a: int, b: int) -> Int64[ndarray, " r"]:
        key = min(a, b) * self.n_items + max(a, b)
        start, stop = np.searchsorted(self.key, [key, key + 1])
        return self.row[start:stop]


def _alike(knowledge: Knowledge) -> csr_array:
    counts = knowledge.votes.all()
    ends = knowledge.votes.ends(counts.key[counts.verdict > 0])
    return csr_array((np.ones(len(ends)), ends.T), shape=(knowledge.n_items,) * 2)


def _walk(came_from: Int64[ndarray, " n"] | ndarray, start: int, end: int) -> list[int]:
    """Path from start to end along predecessors (negative where there is none); empty if there is no path."""
    path = [end]
    while path[-1] != start:
        step = int(came_from[path[-1]])
        if step < 0:
            return []
        path.append(step)
    return path[::-1]


def _link(knowledge: Knowledge, rows: _RowsByPair, a: int, b: int) -> Link:
    votes = knowledge.votes.look_up(pair_key(knowledge.n_items, np.array([a]), np.array([b])))
    return Link((a, b), int(votes.alike[0] - votes.unlike[0]), rows.on(a, b))
