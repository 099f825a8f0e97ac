"""Votes on pairs of items: how often each pair was called alike and unlike.

Definition. A pair {i, j}, i < j, has the key i · n_items + j; its verdict is the sign of (alike votes − unlike votes),
so the order of answers, and which of the two items was the template, do not matter.

What labeler l said of a pair is its *ballot*, with the key l · n_items² + (key of the pair): of labeler 0 that of the
pair itself. So one table serves both.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, Integer
from numpy import ndarray

from pal.answers import Answers
from pal.errors import InvalidInputError

# A table this many times shorter is put into the other place by place.
_SHORT = 8
# Largest key.
_LARGEST = int(np.iinfo(np.int64).max)


class Counts(NamedTuple):
    """Votes by pair, sorted by key, each key once."""

    key: Int64[ndarray, " p"]
    alike: Int64[ndarray, " p"]
    unlike: Int64[ndarray, " p"]

    @property
    def verdict(self) -> Int64[ndarray, " p"]:
        """+1 alike, −1 unlike, 0 undecided."""
        return np.sign(self.alike - self.unlike)


@dataclass(frozen=True, eq=False)
class PairVotes:
    """All votes, as runs of geometrically growing size, shared between successive states.

    Adding a page merges only runs of about its own size, so n answers cost O(n log n) in all; a lookup searches
    O(log n) runs.
    """

    n_items: int
    runs: tuple[Counts, ...] = ()

    def add(self, counts: Counts) -> "PairVotes":
        """Votes with ``counts`` added."""
        runs = [*self.runs, counts]
        while len(runs) > 1 and len(runs[-2].key) <= 2 * len(runs[-1].key):
            runs[-2:] = [merge(runs[-2], runs[-1])]
        return PairVotes(self.n_items, tuple(runs))

    def look_up(self, key: Int64[ndarray, " q"]) -> Counts:
        """Votes on some pairs, zero where there are none; the keys need not be sorted."""
        alike, unlike = np.zeros_like(key), np.zeros_like(key)
        for run in self.runs:
            if len(run.key):
                at = np.minimum(np.searchsorted(run.key, key), len(run.key) - 1)
                hit = run.key[at] == key
                alike += np.where(hit, run.alike[at], 0)
                unlike += np.where(hit, run.unlike[at], 0)
        return Counts(key, alike, unlike)

    def all(self) -> Counts:
        """Votes on every pair ever asked, sorted; put together once."""
        return self._all

    @cached_property
    def _all(self) -> Counts:
        if not self.runs:
            nothing = np.zeros(0, dtype=np.int64)
            return Counts(nothing, nothing, nothing)
        total = self.runs[0]
        for run in self.runs[1:]:
            total = merge(total, run)
        return total

    def setting_aside(self, key: Int64[ndarray, " q"]) -> "PairVotes":
        """Votes with a tie on the pairs of some keys, which so have no verdict."""
        counts = self.all()
        most = np.maximum(counts.alike, counts.unlike)
        tied = np.isin(counts.key, key)
        alike, unlike = np.where(tied, most, counts.alike), np.where(tied, most, counts.unlike)
        return PairVotes(self.n_items, (Counts(counts.key, alike, unlike),))

    def among(self, slot: Int64[ndarray, " n_items"], n_items: int, /) -> "PairVotes":
        """Votes, or ballots, between the items that have a ``slot`` among ``n_items`` others, −1 having none."""
        counts = self.all()
        ends = slot[self.ends(counts.key)]
        kept = (ends >= 0).all(axis=1)
        key = self.labeler(counts.key[kept]) * n_items**2 + pair_key(n_items, *ends[kept].T)
        order = np.argsort(key)
        return PairVotes(n_items, (Counts(key[order], counts.alike[kept][order], counts.unlike[kept][order]),))

    def ends(self, key: Int64[ndarray, " q"]) -> Int64[ndarray, "q 2"]:
        """Recover the two items of each key, of a pair or of a ballot."""
        return np.stack(np.divmod(self.pair(key), self.n_items), axis=1)

    def pair(self, key: Int64[ndarray, " q"]) -> Int64[ndarray, " q"]:
        """Key of the pair that each ballot is about."""
        return key % self.n_items**2

    def labeler(self, key: Int64[ndarray, " q"]) -> Int64[ndarray, " q"]:
        """Labeler whose ballot each is."""
        return key // self.n_items**2


def count(n_items: int, answers: Answers) -> Counts:
    """Count the votes of answers, O(n log n). Answers of 0, "cannot tell", are no votes.

    Raises
    ------
    InvalidInputError
        If an answer names an item outside 0..n_items − 1.
    """
    return _counted(n_items, answers, np.zeros(1, dtype=np.int64))


def ballots(n_items: int, answers: Answers) -> Counts:
    """Count them for each labeler; O(n log n).

    Raises
    ------
    InvalidInputError
        As :func:`count`; or if a labeler's number is negative, or too large for a key.
    """
    most = (_LARGEST - n_items**2) // n_items**2
    labeler = answers.labeler
    if len(labeler) and (labeler.min() < 0 or labeler.max() > most):
        raise InvalidInputError(
            f"labelers of {n_items} items must be numbers in 0..{most}, got {labeler.min()}..{labeler.max()}; "
            "number them from 0"
        )
    return _counted(n_items, answers, labeler * n_items**2)


def total(said: PairVotes, /) -> PairVotes:
    """Votes on each pair, whoever cast them; the ballots themselves if all are labeler 0's."""
    counts = said.all()
    if not len(counts.key) or counts.key[-1] < said.n_items**2:
        return said
    return PairVotes(said.n_items, (_sum(said.pair(counts.key), counts.alike, counts.unlike),))


def _counted(n_items: int, answers: Answers, offset: Int64[ndarray, " m"]) -> Counts:
    for column in (answers.template, answers.item):
        if len(column) and (column.min() < 0 or column.max() >= n_items):
            raise InvalidInputError(
                f"answers must name items in 0..{n_items - 1}, got {column.min()}..{column.max()}; "
                "is the log from another data set?"
            )
    voted = answers.relation != 0
    key = (pair_key(n_items, answers.template, answers.item) + offset)[voted]
    return _sum(key, answers.relation[voted] > 0, answers.relation[voted] < 0)


def pair_key(n_items: int, a: Integer[ndarray, " q"], b: Integer[ndarray, " q"]) -> Int64[ndarray, " q"]:
    """Key of each unordered pair."""
    return np.minimum(a, b).astype(np.int64) * n_items + np.maximum(a, b)


def merge(first: Counts, second: Counts) -> Counts:
    """Add up two sorted tables; a short one is put into a long one without sorting that anew."""
    long, short = (first, second) if len(first.key) >= len(second.key) else (second, first)
    if len(short.key) * _SHORT < len(long.key):
        return _insert(long, short)
    return _sum(np.r_[first.key, second.key], np.r_[first.alike, second.alike], np.r_[first.unlike, second.unlike])


def _insert(long: Counts, short: Counts) -> Counts:
    at = np.searchsorted(long.key, short.key)
    hit = long.key[np.minimum(at, len(long.key) - 1)] == short.key
    alike, unlike = long.alike, long.unlike
    if hit.any():
        alike, unlike = alike.copy(), unlike.copy()
        alike[at[hit]] += short.alike[hit]
        unlike[at[hit]] += short.unlike[hit]
    new = ~hit
    columns = zip((long.key, alike, unlike), short, strict=True)
    return Counts(*(np.insert(column, at[new], more[new]) for column, more in columns))


def _sum(key: ndarray, alike: ndarray, unlike: ndarray) -> Counts:
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.zeros(0, dtype=np.int64)
    if not len(key):
        return Counts(key, first, first)
    return Counts(
        key[first],
        np.add.reduceat(alike[order].astype(np.int64), first),
        np.add.reduceat(unlike[order].astype(np.int64), first),
    )
