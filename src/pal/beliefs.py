"""Beliefs: P(class | answers, features) for every item, and where each label comes from.

Definition. A *class* is a group of items (:mod:`pal.knowledge`) that differs from every other class; it is named by
its *anchor*, the item most often found alike there. A label is

- *told* if a labeler compared the item with the anchor of its class, or it is the anchor;
- *deduced* if it follows from a chain of answers, or by elimination;
- *predicted* if it is only believed.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int8, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from pal.knowledge import Knowledge

EXPECTED_ERROR = 0.03
"""Share of wrong answers expected of people before any."""

ERRING = 0.8 * EXPECTED_ERROR
"""Share of wrong answers from which people err; where answers agree, what is expected of them falls below it soon."""

PREDICTED, DEDUCED, TOLD = np.int8(0), np.int8(1), np.int8(2)
SOURCES = ("predicted", "deduced", "told")


@dataclass(frozen=True, eq=False)
class Beliefs:
    """Posterior over classes, one row an item.

    Parameters
    ----------
    probability
        (n_items, n_classes), rows sum to 1. Classes include communities of items that nobody was asked about yet.
    anchor
        (n_classes,) item that names each class.
    source
        (n_items,) 0 predicted, 1 deduced, 2 told.
    same
        (n_classes, n_classes) probability that two classes are one, 0 on the diagonal.
    error
        Estimated share of wrong answers.
    labeler, sensitivity, specificity
        (n_labelers,) who answered, and how probably they find a pair of one class alike, and one of two unlike.
    reach
        (n_items,) what settling an item would do for labels, own and around (:func:`pal.doubt.reach`); None if unknown.
    surprise
        (n_items,) 1 minus the probability that the others gave to the label of an item asked about; None if unknown.
    partition
        (n_classes,) label of each class after those are joined that are more likely one than not; None joins none.
    unseen
        (n_items,) probability that an item is of a class not seen yet, where nobody was asked about its part of a
        community, and no class is named after one (:func:`pal.classes.judge_parts`), or where it was denied most of
        the others; None if unknown.
    doubted
        Keys (:func:`pal.votes.pair_key`) of votes believed wrong, where answers contradict one another; None for none.
    chained
        How far chains of near items, as along rings, are trusted, 0 to 1 (:func:`pal.doubt.in_chains`).
    """

    probability: Float[ndarray, "n_items n_classes"]
    anchor: Int64[ndarray, " n_classes"]
    source: Int8[ndarray, " n_items"]
    same: Float[ndarray, "n_classes n_classes"]
    error: float
    labeler: Int64[ndarray, " n_labelers"] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    sensitivity: Float[ndarray, " n_labelers"] = field(default_factory=lambda: np.zeros(0))
    specificity: Float[ndarray, " n_labelers"] = field(default_factory=lambda: np.zeros(0))
    reach: Float[ndarray, " n_items"] | None = None
    surprise: Float[ndarray, " n_items"] | None = None
    partition: Int64[ndarray, " n_classes"] | None = None
    unseen: Float[ndarray, " n_items"] | None = None
    doubted: Int64[ndarray, " d"] | None = None
    chained: float = 0.0

    @cached_property
    def label(self) -> Int64[ndarray, " n_items"]:
        """Most probable class."""
        return self.probability.argmax(axis=1)

    @cached_property
    def margin(self) -> Float[ndarray, " n_items"]:
        """Probability of the label less that of the next class; half of it where there is one class alone."""
        p = self.probability
        if p.shape[1] < 2:
            return 0.5 * self.confidence
        second, first = np.partition(p, -2, axis=1)[:, -2:].T
        return np.asarray(first - second)

    @cached_property
    def members(self) -> list[Int64[ndarray, " m"]]:
        """Items of each class by their labels, in their order."""
        order = np.argsort(self.label, kind="stable")
        return np.split(order, np.searchsorted(self.label[order], np.arange(1, len(self.anchor))))

    @cached_property
    def smaller(self) -> Int64[ndarray, "n_classes n_classes"]:
        """Items of the smaller of each two classes, by their labels."""
        size = np.bincount(self.label, minlength=len(self.anchor))
        return np.minimum.outer(size, size)

    @cached_property
    def confidence(self) -> Float[ndarray, " n_items"]:
        """Probability of the label."""
        return self.probability.max(axis=1, initial=0.0)


@dataclass(frozen=True, eq=False)
class Settled:
    """What knowledge alone says about classes.

    Parameters
    ----------
    anchor
        (n_classes,) item that names each class.
    label
        (n_items,) class of each settled item, −1 for the others.
    source
        (n_items,) as in :class:`Beliefs`.
    excluded
        (n_items, n_classes) classes an item is known not to be of.
    """

    anchor: Int64[ndarray, " n_classes"]
    label: Int64[ndarray, " n_items"]
    source: Int8[ndarray, " n_items"]
    excluded: Bool[ndarray, "n_items n_classes"]


def some_wrong(error: float, /, *, clash: bool) -> bool:
    """Whether some answers are wrong: they contradict one another, or a share that isn't small is likely to be."""
    return clash or error > ERRING


def settle(knowledge: Knowledge, /) -> Settled:
    """Classes that the answers prove, and the items they settle; O(N C + votes).

    Classes are the groups of ``knowledge.classes``, then, largest first, every group that differs from all classes
    found so far; a group that might still be one of them is no class yet.
    """
    n = knowledge.n_items
    group, differing = knowledge.group, knowledge.differing
    anchors = _anchors(knowledge)
    size = np.bincount(group, minlength=n)
    candidates = np.flatnonzero((group == np.arange(n)) & ((size > 1) | np.isin(np.arange(n), differing)))
    order = candidates[np.argsort(-size[candidates], kind="stable")]
    known = list(dict.fromkeys(group[list(knowledge.classes)].tolist()))
    classes = _greedy_classes(known, order, differing, n)
    slot = np.full(n, -1)
    slot[classes] = np.arange(len(classes))
    label = slot[group]
    anchor = anchors[classes] if len(classes) else np.zeros(0, dtype=np.int64)
    for item in knowledge.classes:
        anchor[slot[group[item]]] = item
    excluded = np.zeros((n, len(classes)), dtype=bool)
    for own, other in (differing.T, differing.T[::-1]):
        hit = slot[other] >= 0
        excluded[own[hit], slot[other[hit]]] = True
    source = np.where(label >= 0, DEDUCED, PREDICTED)
    source[_direct(knowledge, anchor, label)] = TOLD
    return Settled(anchor, label, source, excluded[group])


def _greedy_classes(
    known: list[int], order: Int64[ndarray, " g"], differing: Int64[ndarray, "d 2"], n: int
) -> list[int]:
    """Known classes, then every group that differs from all chosen before it; O(n + d + g)."""
    ends = np.concatenate([differing, differing[:, ::-1]])
    differs = csr_array((np.ones(len(ends), dtype=np.int8), ends.T), shape=(n, n))
    start, other = differs.indptr.tolist(), differs.indices
    n_differs = np.zeros(n, dtype=np.int64)
    classes: list[int] = []
    for i, g in enumerate(known + order[~np.isin(order, known)].tolist()):
        if i < len(known) or n_differs[g] == len(classes):
            classes.append(g)
            n_differs[other[start[g] : start[g + 1]]] += 1
    return classes


def _anchors(knowledge: Knowledge) -> Int64[ndarray, " n_items"]:
    """Item of each group (indexed by the group's name) with most alike pairs; ties go to the smallest item."""
    counts = knowledge.votes.all()
    alike = knowledge.votes.ends(counts.key[counts.verdict > 0])
    degree = np.bincount(alike.ravel(), minlength=knowledge.n_items)
    order = np.lexsort((np.arange(knowledge.n_items), -degree))
    group, first = np.unique(knowledge.group[order], return_index=True)
    anchor = np.arange(knowledge.n_items)
    anchor[group] = order[first]
    return anchor


def _direct(knowledge: Knowledge, anchor: Int64[ndarray, " c"], label: Int64[ndarray, " n"]) -> Int64[ndarray, " told"]:
    """Anchors, and the items that an alike verdict joins to the anchor of their class."""
    counts = knowledge.votes.all()
    ends = knowledge.votes.ends(counts.key[counts.verdict > 0])
    both = np.concatenate([ends, ends[:, ::-1]])
    both = both[label[both[:, 1]] >= 0]
    told = both[anchor[label[both[:, 1]]] == both[:, 0], 1]
    return np.unique(np.concatenate([anchor, told]))
