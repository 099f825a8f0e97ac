"""Where every item stands: its group, where that comes from, and how sure it is.

Definition. Groups are the classes that the answers prove (:func:`pal.beliefs.settle`), then other groups of two or
more items that may yet turn out to be one of those, then classes that are only believed in. A group that the beliefs
hold for part of a larger one, as surely as ``_PART``, is none: its items are predicted to be of that one. If that is
only believed in, the largest group within it stands for it instead, but for one of less than a twentieth of its items:
what names a class must not be an odd pair in it. Nor is an item a group that answers deny every class, if the beliefs
rather have one of these answers wrong. An item in one of the first two is *told* if a labeler found it alike the
group's anchor (or it is the anchor), else *deduced*. Any other item is *predicted* to be of the group that the last
published beliefs hold most probable, among those it isn't known to differ from now, if there is one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int8, Int64
from numpy import ndarray

from pal.beliefs import DEDUCED, PREDICTED, TOLD, Beliefs, Settled, settle
from pal.knowledge import Knowledge

# Rows of the beliefs looked at together.
_ROWS = 16_384
# Probability from which a group is taken for part of another, when nothing says otherwise.
_PART = 0.8
# Believed classes of more items are groups, though a single one of them is told.
_FEW = 3
# A group by answers stands for a believed class of at most so many times its items.
_STANDS_FOR = 20
# What is no group.
_NONE = -1


@dataclass(frozen=True, eq=False)
class Standing:
    """State of all items.

    Parameters
    ----------
    anchor
        (n_groups,) item that names each group: proven classes, other groups, believed classes.
    n_classes, n_sure
        How many groups are proven classes; how many are groups by answers.
    label
        (n_items,) group of each item, −1 if nothing is known or believed.
    source
        (n_items,) 2 told, 1 deduced, 0 predicted.
    confidence
        (n_items,) probability of the label: 1 if told or deduced, 0 if there is none.
    """

    anchor: Int64[ndarray, " n_groups"]
    n_classes: int
    n_sure: int
    label: Int64[ndarray, " n_items"]
    source: Int8[ndarray, " n_items"]
    confidence: Float[ndarray, " n_items"]

    @cached_property
    def counts(self) -> tuple[int, int, int]:
        """Items with a label, by source: predicted, deduced, told."""
        predicted, deduced, told = np.bincount(self.source[self.label >= 0], minlength=3).tolist()
        return predicted, deduced, told

    def members(self, group: int, /) -> Int64[ndarray, " members"]:
        """Items of a group: told, then deduced, then predicted, surest first."""
        items = np.flatnonzero(self.label == group)
        return items[np.lexsort((items, -self.confidence[items], -self.source[items]))]


def standing(knowledge: Knowledge, beliefs: Beliefs, /) -> Standing:
    """Where every item stands, O(N C + votes).

    Votes that the beliefs hold for wrong, among answers that contradict one another, conclude nothing.
    """
    if beliefs.doubted is not None:
        knowledge = knowledge.without(beliefs.doubted)
    settled = settle(knowledge)
    label, anchor = _with_open_groups(knowledge, settled)
    source = np.where(label >= 0, DEDUCED, PREDICTED).astype(np.int8)
    source[anchor] = TOLD
    counts = knowledge.votes.all()
    ends = knowledge.votes.ends(counts.key[counts.verdict > 0])
    for item, other in (ends.T, ends.T[::-1]):
        told = label[item] >= 0
        told[told] = anchor[label[item[told]]] == other[told]
        source[item[told]] = TOLD
    n_sure = len(anchor)
    known = np.isin(anchor, knowledge.classes)
    slot, believed = _slots(knowledge, beliefs, label, known)
    whole = _whole(knowledge, beliefs, slot, label, anchor, known, believed)
    slot, whole = whole[slot], whole[:n_sure]
    part = label >= 0
    part[part] = whole[label[part]] != label[part]
    label[part], source[part] = -1, PREDICTED
    anchor = np.concatenate([anchor, believed])
    confidence = (label >= 0).astype(np.float64)
    free = np.flatnonzero(label < 0)
    label[free], confidence[free] = _predict(knowledge, beliefs, settled, slot, anchor, free)
    # Believed classes of which no item is left are no groups.
    used = np.unique(np.concatenate([whole[whole != _NONE], label[label >= 0]]))
    label = np.where(label >= 0, np.searchsorted(used, label), -1)
    n_classes, n_sure = (int((used < n).sum()) for n in (len(settled.anchor), n_sure))
    return Standing(anchor[used], n_classes, n_sure, label, source, confidence)


def _with_open_groups(knowledge: Knowledge, settled: Settled) -> tuple[ndarray, ndarray]:
    """Group of each item and anchor of each group: classes, then groups that are no class yet."""
    label = settled.label.copy()
    group, size = np.unique(np.where(label < 0, knowledge.group, -1), return_counts=True)
    others = group[(size > 1) & (group >= 0)]
    slot = np.full(knowledge.n_items, -1)
    slot[others] = len(settled.anchor) + np.arange(len(others))
    label = np.where(label < 0, slot[knowledge.group], label)
    return label, np.concatenate([settled.anchor, others])


def _slots(knowledge: Knowledge, beliefs: Beliefs, label: ndarray, known: ndarray) -> tuple[ndarray, ndarray]:
    """Group that each column of the beliefs is in now, and the anchors of groups that are only believed in.

    Classes may have merged or come apart since; columns more likely one than not share a group, a sure one if they may
    and it isn't too small to stand for them, or ``known``, unless answers say that they differ. What is believed in is
    named by the anchor of its largest column.
    """
    slot, n_sure = label[beliefs.anchor].copy(), len(known)
    if not len(slot):  # no model yet
        return slot, beliefs.anchor
    n_told = np.bincount(label[label >= 0], minlength=n_sure)
    n_believed = np.bincount(beliefs.label, minlength=len(slot))
    partition = np.arange(len(slot)) if beliefs.partition is None else beliefs.partition.copy()
    for one in np.flatnonzero(np.bincount(partition) > 1):
        columns = np.flatnonzero(partition == one)
        anchors = beliefs.anchor[columns]
        if any((knowledge.relation(int(anchor), anchors) < 0).any() for anchor in anchors):
            partition[columns] = partition.max() + 1 + np.arange(len(columns))
            continue
        sure = np.unique(slot[columns][slot[columns] >= 0])
        if len(sure) == 1:
            fit = known[sure[0]] or _may_stand_for(n_told[sure[0]], n_believed[columns].sum())
            slot[columns] = sure[0] if fit else _NONE
    free = np.flatnonzero(slot < 0)
    free = free[np.argsort(-n_believed[free], kind="stable")]
    _, first, group = np.unique(partition[free], return_index=True, return_inverse=True)
    slot[free] = n_sure + group
    return slot, beliefs.anchor[free[first]]


def _may_stand_for(n_told: int, n_believed: int) -> bool:
    """Whether so many items that answers hold together may name so many that are only believed to be of a class."""
    return n_told * _STANDS_FOR >= n_believed


def _whole(
    knowledge: Knowledge,
    beliefs: Beliefs,
    slot: ndarray,
    label: ndarray,
    anchor: ndarray,
    known: ndarray,
    believed: ndarray,
) -> ndarray:
    """Group that each is part of, itself for most: of one by answers a larger one that beliefs hold its items to be of.

    If that is only believed in, the largest group by answers within it stands for it, unless it is too small, and pairs
    found alike leave it whole. Those ``known`` are whole, and so is what answers say to differ. Items alone by mistake
    are of none.
    """
    n, every = len(anchor), np.concatenate([anchor, believed])
    whole = np.arange(len(every))
    items = np.flatnonzero(label >= 0)
    if not len(items) or not len(slot):
        return whole
    host, column = np.unique(slot, return_inverse=True)
    size = np.bincount(label[items], minlength=n)
    share = np.zeros((n, len(host)))
    np.add.at(share, label[items], beliefs.probability[items] @ np.eye(len(host))[column])
    best, surely = host[share.argmax(axis=1)], share.max(axis=1) / np.maximum(size, 1)
    whole[:n][_alone_by_mistake(beliefs, size, anchor) & ~known] = _NONE
    size = np.append(size, np.bincount(slot[beliefs.label], minlength=len(every))[n:])
    rank = np.empty(len(every), dtype=np.int64)
    rank[np.argsort(-size, kind="stable")] = np.arange(len(every))
    within = (surely >= _PART) & (rank[best] < rank[:n]) & (whole[:n] != _NONE) & ~known
    small_first = np.flatnonzero(within)[np.argsort(-rank[:n][within])].tolist()

    def may_be(g: int, h: int) -> bool:
        return not (knowledge.relation(int(anchor[g]), [int(every[h])]) < 0).any()

    for g in reversed(small_first):
        h = int(best[g])
        if h >= n and whole[h] == h and may_be(g, h) and _may_stand_for(size[g], size[h]):
            whole[h] = g
    # Small ones first, so that none goes into one that is gone.
    for g in small_first:
        h = int(whole[best[g]]) if best[g] >= n else int(best[g])
        if h != g and whole[h] != _NONE and may_be(g, h):
            whole[whole == g] = h
    return whole


def _alone_by_mistake(beliefs: Beliefs, size: ndarray, anchor: ndarray) -> ndarray:
    """Groups of one item that the beliefs hold for one of another class, more likely than not."""
    column = np.full(len(beliefs.probability), -1)
    column[beliefs.anchor] = np.arange(len(beliefs.anchor))
    own = column[anchor]
    few = np.bincount(beliefs.label, minlength=len(beliefs.anchor))[own] <= _FEW
    return (size == 1) & ((own < 0) | (few & (beliefs.same.sum(axis=1)[own] > 0.5)))


def _predict(
    knowledge: Knowledge, beliefs: Beliefs, settled: Settled, slot: ndarray, anchor: ndarray, free: ndarray
) -> tuple[ndarray, ndarray]:
    """Most probable group of the items in none, and its probability, by beliefs that may be a page old.

    ``slot`` is the group that each column of the beliefs is in now, if any.
    """
    n_groups = len(anchor)
    if not n_groups:
        return np.full(len(free), -1), np.zeros(len(free))
    # Only columns that share a group are added up.
    some = np.flatnonzero(slot != _NONE)
    first = some[np.unique(slot[some], return_index=True)[1]]
    # What answers tell apart from groups that aren't proven classes; from most, nothing.
    ends = np.concatenate([knowledge.differing, knowledge.differing[:, ::-1]])
    apart = [
        (one, others)
        for one in slot[first].tolist()
        if one >= len(settled.anchor) and len(others := ends[ends[:, 0] == knowledge.group[anchor[one]], 1])
    ]
    label, share = np.full(len(free), -1), np.zeros(len(free))
    for start in range(0, len(free), _ROWS):
        rows = free[start : start + _ROWS]
        columns = beliefs.probability[rows]
        probability = np.zeros((len(rows), n_groups), dtype=columns.dtype)
        probability[:, slot[first]] = columns[:, first]
        for column in np.setdiff1d(some, first).tolist():
            probability[:, slot[column]] += columns[:, column]
        excluded = settled.excluded[rows]
        probability[:, : excluded.shape[1]][excluded] = 0.0
        for one, others in apart:
            probability[np.isin(knowledge.group[rows], others), one] = 0.0
        total = probability.sum(axis=1)
        best = probability.argmax(axis=1)
        label[start : start + _ROWS] = np.where(total > 0, best, -1)
        np.divide(probability[np.arange(len(rows)), best], total, out=share[start : start + _ROWS], where=total > 0)
    return label, share
