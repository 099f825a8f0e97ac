"""What the answers imply: groups of items that are alike, and groups known to differ.

Definition. Let ~ be the transitive closure of the pairs whose verdict is "alike"; its classes are the *groups*, and a
group is named by its smallest item. Two groups *differ* if some pair across them was judged "unlike". Hence:

- same-as is transitive; being alike to one class means being unlike every class known to differ;
- if ``classes`` names one item of each class and ``complete`` says that there are no others, a group that differs from
  all of them but one joins the last (PAPER: captcha, section 4.3), and this repeats until nothing follows.

A pair judged "unlike" inside one group is a *contradiction*: a value to look at (:mod:`pal.conflicts`), not an error.
Nothing is irreversible: every state is a function of the set of answers, whatever their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int8, Int64, Integer
from numpy import ndarray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pal.answers import Answers
from pal.errors import InvalidInputError
from pal.votes import PairVotes, ballots, count, pair_key, total

# Merges kept apart from the array of groups before they are folded into it.
_FEW = 256
# Pairs judged unlike since the groups that differ were last looked at, beyond which they are made anew.
_MANY = 100_000


class _Closure(NamedTuple):
    """Group of each item: ``group``, then ``merged`` followed from group to smaller group."""

    group: Int64[ndarray, " n_items"]
    merged: dict[int, int]

    def find(self, item: int) -> int:
        root = int(self.group[item])
        while root in self.merged:
            root = self.merged[root]
        return root

    def join(self, pairs: Int64[ndarray, "p 2"]) -> "_Closure":
        closure = _Closure(self.group, dict(self.merged))
        for a, b in pairs.tolist():
            low, high = sorted((closure.find(a), closure.find(b)))
            if low != high:
                closure.merged[high] = low
        return closure if len(closure.merged) <= _FEW else _Closure(closure.flat(), {})

    def flat(self) -> Int64[ndarray, " n_items"]:
        if not self.merged:
            return self.group
        to = np.arange(len(self.group))
        high = np.fromiter(self.merged, dtype=np.int64)
        to[high] = [self.find(g) for g in high.tolist()]
        return to[self.group]


class _Carried(NamedTuple):
    """Groups that differed in an earlier state, and the pairs judged unlike since; groups have only merged since."""

    differing: Int64[ndarray, "d 2"]
    unlike: Int64[ndarray, "p 2"]

    def moved_to(self, group: Int64[ndarray, " n_items"], n_items: int) -> Int64[ndarray, "e 2"]:
        low, high = self.differing.T
        moved = (group[low] != low) | (group[high] != high)  # a group is named by an item, which is in one today
        kept = pair_key(n_items, low, high)[~moved]
        ends = group[np.concatenate([self.differing[moved], self.unlike])]
        new = np.unique(pair_key(n_items, *ends[ends[:, 0] != ends[:, 1]].T))
        at = np.searchsorted(kept, new)
        absent = (kept[np.minimum(at, len(kept) - 1)] != new) if len(kept) else np.ones(len(new), dtype=bool)
        key = np.insert(kept, at[absent], new[absent])
        return np.stack(np.divmod(key, n_items), axis=1)


@dataclass(frozen=True, eq=False)
class Knowledge:
    """State of knowledge about ``n_items`` items; build it with :func:`known`, extend it with :meth:`add`.

    Parameters
    ----------
    n_items
        Number of items, N.
    votes
        Votes on every pair asked.
    ballots
        The same by labeler (:func:`pal.votes.ballots`).
    classes
        Items known to be of pairwise different classes, one a class; may be empty.
    complete
        Whether ``classes`` has every class.
    """

    n_items: int
    votes: PairVotes
    ballots: PairVotes
    classes: tuple[int, ...]
    complete: bool
    _closure: _Closure
    _carried: "_Carried | None" = None

    def without(self, doubted: Int64[ndarray, " d"]) -> "Knowledge":
        """Knowledge that follows if the votes on some pairs (their keys) are set aside; O(n + N).

        The votes and ballots stay to be seen; nothing is concluded from them, until the next answer about that pair.
        """
        if not len(doubted):
            return self
        votes = self.votes.setting_aside(doubted)
        return Knowledge(self.n_items, votes, self.ballots, self.classes, self.complete, _close(votes))

    def add(self, answers: Answers) -> "Knowledge":
        """Fold in more answers; equal to folding all of them anew.

        O(q log n) for a page of q answers after n; O(n + N) only if a vote takes back an earlier "alike".
        """
        new = count(self.n_items, answers)
        before = self.votes.look_up(new.key)
        votes = self.votes.add(new)
        after = votes.look_up(new.key).verdict
        if ((before.verdict > 0) & (after <= 0)).any():
            closure = _close(votes)
        else:
            closure = self._closure.join(votes.ends(new.key[(after > 0) & (before.verdict <= 0)]))
        taken_back = (before.verdict != 0) & (after != before.verdict)
        carried = None if taken_back.any() else self._carry(votes.ends(new.key[(after < 0) & (before.verdict == 0)]))
        said = votes if self._alone and not answers.labeler.any() else self.ballots.add(ballots(self.n_items, answers))
        return Knowledge(self.n_items, votes, said, self.classes, self.complete, closure, carried)

    def grown(self, answers: Answers) -> "Knowledge":
        """As :meth:`add`, going on from the last result where that was of the first of these answers."""
        done, knowledge = self._grown[0] if self._grown else (answers.take(slice(0)), self)
        n = answers.n_common(done)
        found = knowledge.add(answers.take(slice(n, None))) if n == len(done) else self.add(answers)
        self._grown[:] = [(answers, found)]
        return found

    def among(self, rows: Int64[ndarray, " r"], /) -> "Knowledge":
        """Knowledge that follows from the votes between some items alone, by their positions in ``rows``; O(N + votes).

        Classes of other items go, and with them that these are all. The last result is kept: page after page is about
        the items of one model.
        """
        if self._among and self._among[0][0] is rows:
            return self._among[0][1]
        slot = np.full(self.n_items, -1)
        slot[rows] = np.arange(len(rows))
        classes = slot[self._classes]
        votes = self.votes.among(slot, len(rows))
        said = votes if self._alone else self.ballots.among(slot, len(rows))
        complete = self.complete and bool((classes >= 0).all())
        named = tuple(classes[classes >= 0].tolist())
        found = Knowledge(len(rows), votes, said, named, complete, _close(votes))
        self._among[:] = [(rows, found)]
        return found

    # --- what follows ------------------------------------------------------------------------------------------

    @cached_property
    def group(self) -> Int64[ndarray, " n_items"]:
        """Group of each item, named by the group's smallest item."""
        return _eliminate(self._closure.flat(), self._unlike, self._classes) if self.complete else self._told

    @cached_property
    def differing(self) -> Int64[ndarray, "d 2"]:
        """Pairs of groups (g < h) known to differ, sorted; after a page, made of those before it in O(d)."""
        if self._carried is not None:
            return self._carried.moved_to(self.group, self.n_items)
        ends = self.group[self._unlike]
        classes = self.group[self._classes]
        g, h = np.triu_indices(len(classes), 1)
        ends = np.concatenate([ends, np.stack([classes[g], classes[h]], axis=1)])
        key = np.unique(pair_key(self.n_items, *ends[ends[:, 0] != ends[:, 1]].T))
        return self.votes.ends(key)

    @cached_property
    def contradictions(self) -> Int64[ndarray, "c 2"]:
        """Pairs of items judged unlike that lie in one group, sorted."""
        ends = self._unlike
        return ends[self.group[ends[:, 0]] == self.group[ends[:, 1]]]

    @property
    def clash(self) -> bool:
        """Whether any answers contradict one another."""
        return len(self.contradictions) > 0

    @cached_property
    def asked(self) -> Bool[ndarray, " n_items"]:
        """Whether an item takes part in any vote."""
        return self.n_told > 0

    @cached_property
    def n_alike(self) -> int:
        """Pairs found alike."""
        return int((self.votes.all().verdict > 0).sum())

    @cached_property
    def n_told(self) -> Int64[ndarray, " n_items"]:
        """Pairs with each item that anybody judged."""
        return np.bincount(self.votes.ends(self.votes.all().key).ravel(), minlength=self.n_items)

    def relation(
        self, template: int, items: Integer[ndarray, " q"] | Sequence[int] | None = None
    ) -> Int8[ndarray, " q"]:
        """Deduced relation of items (all by default) to a template: +1 alike, −1 unlike, 0 unknown; O(N + votes)."""
        group = self.group if items is None else self.group[np.asarray(items, dtype=np.int64)]
        own = self.group[template]
        low, high = self.differing.T
        others = np.concatenate([high[low == own], low[high == own]])
        excluded = np.zeros(self.n_items, dtype=bool)
        excluded[others] = True
        return np.where(group == own, 1, np.where(excluded[group], -1, 0)).astype(np.int8)

    def _carry(self, unlike: Int64[ndarray, "p 2"]) -> "_Carried | None":
        """What a next state may make its differing groups of; None where that takes all votes."""
        if self.complete:
            return None
        if "differing" in self.__dict__:
            return _Carried(self.differing, unlike)
        if self._carried is None or len(self._carried.unlike) > _MANY:
            return None
        return _Carried(self._carried.differing, np.concatenate([self._carried.unlike, unlike]))

    @property
    def _alone(self) -> bool:
        """Whether all votes are of labeler 0, so that they are the ballots too."""
        return self.ballots is self.votes

    # --- parts -------------------------------------------------------------------------------------------------

    @property
    def _told(self) -> Int64[ndarray, " n_items"]:
        return self._closure.flat()

    @cached_property
    def _among(self) -> "list[tuple[Int64[ndarray, ' r'], Knowledge]]":
        """Items and what is known among them alone, of the last time."""
        return []

    @cached_property
    def _grown(self) -> "list[tuple[Answers, Knowledge]]":
        """Answers that were added the last time, and what is known with them."""
        return []

    @cached_property
    def _classes(self) -> Int64[ndarray, " k"]:
        return np.asarray(self.classes, dtype=np.int64)

    @cached_property
    def _unlike(self) -> Int64[ndarray, "p 2"]:
        counts = self.votes.all()
        return self.votes.ends(counts.key[counts.verdict < 0])


def known(
    n_items: int,
    answers: Answers | None = None,
    *,
    classes: Sequence[int] = (),
    complete: bool = False,
) -> Knowledge:
    """Fold answers into knowledge, O(n log n + N) for n answers.

    Parameters
    ----------
    n_items
        Number of items.
    answers
        Answers in any order; none by default.
    classes
        Items known to be of pairwise different classes, one a class.
    complete
        Whether ``classes`` has every class.

    Raises
    ------
    InvalidInputError
        If an item lies outside 0..n_items − 1, or ``complete`` comes without classes.
    """
    named = tuple(int(c) for c in classes)
    if complete and not named:
        raise InvalidInputError("complete=True needs the classes, got none; name one item of each class")
    if named and (min(named) < 0 or max(named) >= n_items or len(set(named)) != len(named)):
        raise InvalidInputError(
            f"classes must be distinct items in 0..{n_items - 1}, got {list(named)}; name one item of each class"
        )
    votes = said = PairVotes(n_items)
    if answers is not None and len(answers):
        votes = votes.add(count(n_items, answers))
        said = said.add(ballots(n_items, answers)) if answers.labeler.any() else votes
    return Knowledge(n_items, votes, said, named, complete, _close(votes))


def of_ballots(said: PairVotes, /) -> Knowledge:
    """Knowledge that follows from ballots counted before, O(n + N): all of it but the order in which they came."""
    votes = total(said)
    return Knowledge(votes.n_items, votes, said, (), False, _close(votes))


def _close(votes: PairVotes) -> _Closure:
    """Transitive closure of the alike verdicts from scratch, O(n + N)."""
    counts = votes.all()
    alike = votes.ends(counts.key[counts.verdict > 0])
    return _Closure(_smallest_members(votes.n_items, alike), {})


def _smallest_members(n: int, edges: Int64[ndarray, "p 2"]) -> Int64[ndarray, " n"]:
    """Connected components of n nodes, each named by its smallest node."""
    if not len(edges):
        return np.arange(n)
    adjacency = coo_array((np.ones(len(edges), dtype=np.int8), edges.T), shape=(n, n))
    _, label = connected_components(adjacency, directed=False)
    _, first = np.unique(label, return_index=True)
    return first[label]


def _eliminate(
    group: Int64[ndarray, " n_items"], unlike: Int64[ndarray, "p 2"], classes: Int64[ndarray, " k"]
) -> Int64[ndarray, " n_items"]:
    """Settle groups that differ from all classes but one, until none is left to settle; each round is O(N + p)."""
    n = len(group)
    while True:
        home = np.unique(group[classes])  # two classes may have been called alike
        slot = np.full(n, -1)
        slot[home] = np.arange(len(home))
        excluded = np.zeros((n, len(home)), dtype=bool)
        ends = group[unlike]
        for own, other in (ends.T, ends.T[::-1]):
            hit = slot[other] >= 0
            excluded[own[hit], slot[other[hit]]] = True
        open_class = len(home) - excluded.sum(axis=1)
        settle = np.flatnonzero((open_class == 1) & (slot < 0) & (group == np.arange(n)))
        if not len(settle):
            return group
        last = home[np.argmin(excluded[settle], axis=1)]
        merged = _smallest_members(n, np.stack([settle, last], axis=1))
        group = merged[group]
