"""The two oracles of Fig. 3 as runs over a dense relation matrix, fast enough for hundreds of trials.

Definition. A *run* asks pages of ``page`` questions of a labeler that is always right, and yields the state before each
page: the relation matrix R (n, n) with +1 alike, −1 unlike, 0 unknown, or None where it hasn't changed since the page
before, and which items' classes are known. One item of each class, its template, is known from the start.

Two protocols:

- ``clean``: a page has distinct questions whose answer isn't known yet, and R is closed under deduction: same-as is
  transitive, alike to one group means unlike every group known to differ from it, and an item unlike all templates but
  one is alike to the last. Before the first page R is the identity. The same as :mod:`pal.oracles`,
  :mod:`pal.labelers` and :mod:`pal.knowledge` (a test compares what is deduced), at a twentieth of the time on a
  hundred items. Passive pairs are distinct, but drawn without regard to what is known.
- ``authors``: what the published notebooks do, see :func:`captcha_authors` and :func:`pairs_authors`.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer
from numpy import ndarray

#: Maps which items are known to a class for every item, from the present embedding.
Predict = Callable[[Bool[ndarray, " n"]], Int64[ndarray, " n"]]


class Snapshot(NamedTuple):
    """State before a page: R, or None if it hasn't changed, and which items' classes are known, (n,)."""

    relation: Float[ndarray, "n n"] | None
    known: Bool[ndarray, " n"]


def templates(labels: Integer[ndarray, " n"], /, n_classes: int = 4) -> Int64[ndarray, " c"]:
    """First item of each class; classes without an item are left out."""
    return np.array([int(np.argmax(labels == c)) for c in range(n_classes) if (labels == c).any()])


# --- clean -----------------------------------------------------------------------------------------------------------


def start(n_items: int, anchors: Int64[ndarray, " c"], /) -> Float[ndarray, "n n"]:
    """R when only the templates are known: they differ from one another."""
    relation = np.eye(n_items)
    relation[np.ix_(anchors, anchors)] = 2.0 * np.eye(len(anchors)) - 1.0
    return relation


def tell(relation: Float[ndarray, "n n"], a: int, b: int, alike: bool, anchors: Int64[ndarray, " c"], /) -> None:
    """Write one answer about a pair not known yet into R, in place, with all that follows from it; O(n · group)."""
    if alike:
        _join(relation, a, b)
    else:
        left, right = np.flatnonzero(relation[a] > 0), np.flatnonzero(relation[b] > 0)
        relation[left[:, None], right] = -1.0
        relation[right[:, None], left] = -1.0
    # Open groups have at most C − 2 exclusions, settled ones a relation to all C templates. Something follows if a
    # group has just got its last exclusion, or has just been settled: those unlike it then gain an exclusion.
    for item in (a,) if alike else (a, b):
        at_templates = np.count_nonzero(relation[item, anchors])
        if at_templates == len(anchors) - 1 or (alike and at_templates == len(anchors)):
            _eliminate(relation, anchors)


def captcha_clean(
    labels: Integer[ndarray, " n"], rng: np.random.Generator, /, *, n_pages: int, page: int = 10
) -> Iterator[Snapshot]:
    """Algorithm 3 with known templates: the class with fewest known items against items not settled for it.

    Every question has a template in it, so what is known is a matrix S (n, C): +1 its class, −1 excluded, 0 open.
    """
    anchors = templates(labels)
    against = np.zeros((len(labels), len(anchors)))
    against[anchors] = 2.0 * np.eye(len(anchors)) - 1.0
    changed = True
    for p in range(n_pages):
        positive, negative, still_open = against > 0, against < 0, against == 0
        settled = np.asarray(positive.any(axis=1))
        if p == 0:
            yield Snapshot(np.eye(len(labels)), settled)
        else:
            yield Snapshot(_expand(against, settled) if changed else None, settled)
        askable = still_open.any(axis=0)
        changed = bool(askable.any())
        if not changed:
            continue
        c = int(np.where(askable, positive.sum(axis=0), len(labels) + 1).argmin())
        items = rng.permutation(np.flatnonzero(still_open[:, c]))[:page]
        alike = labels[items] == labels[anchors[c]]
        against[items[alike]] = -1.0
        against[items, c] = np.where(alike, 1.0, -1.0)
        last = items[~alike & (negative[items].sum(axis=1) == len(anchors) - 2)]
        against[last] = np.where(against[last] == 0, 1.0, -1.0)


def _expand(against: Float[ndarray, "n c"], settled: Bool[ndarray, " n"]) -> Float[ndarray, "n n"]:
    """R from S: a settled item is to any other what its class is."""
    one_hot = np.maximum(against, 0.0)
    relation = one_hot @ against.T + (against * ~settled[:, None]) @ one_hot.T
    np.fill_diagonal(relation, 1.0)
    return relation


def pairs_clean(
    labels: Integer[ndarray, " n"], rng: np.random.Generator, /, *, n_pages: int, page: int = 10
) -> Iterator[Snapshot]:
    """Algorithm 2, supervised: distinct random pairs, chosen without regard to what is known; deduction as above."""
    anchors = templates(labels)
    relation = start(len(labels), anchors)
    first, second = np.triu_indices(len(labels), 1)
    order = rng.permutation(len(first))[: n_pages * page]
    changed = True
    for p in range(n_pages):
        shown = np.eye(len(labels)) if p == 0 else relation.copy()
        yield Snapshot(shown if changed else None, (relation[anchors] > 0).any(axis=0))
        due = order[p * page : (p + 1) * page]
        due = due[relation[first[due], second[due]] == 0]
        changed = len(due) > 0
        for a, b in zip(first[due].tolist(), second[due].tolist(), strict=True):
            if relation[a, b] == 0:  # not deduced since the page was begun
                tell(relation, a, b, bool(labels[a] == labels[b]), anchors)


def _join(relation: ndarray, a: int, b: int) -> None:
    row = np.where(relation[a] != 0, relation[a], relation[b])
    members = np.flatnonzero(row > 0)
    relation[members] = row
    relation[:, members] = row[:, None]


def _eliminate(relation: ndarray, anchors: Int64[ndarray, " c"]) -> None:
    """Join every group that is unlike all templates but one to the last, until nothing follows."""
    while True:
        rows = relation[anchors]
        last = ((rows < 0).sum(axis=0) == len(anchors) - 1) & ~(rows > 0).any(axis=0)
        if not last.any():
            return
        item = int(last.argmax())
        _join(relation, item, int(anchors[rows[:, item] == 0][0]))


# --- authors ---------------------------------------------------------------------------------------------------------


def captcha_authors(
    labels: Integer[ndarray, " n"],
    rng: np.random.Generator,
    /,
    *,
    n_pages: int,
    page: int = 10,
    predict: Predict | None = None,
) -> Iterator[Snapshot]:
    """Algorithm 3 as in the published notebooks.

    It differs from the clean run in this: the class is the one with fewest *asked or
    settled* items; a page is sampled with replacement, and counts in full whatever it repeats; negative answers are
    written only against the items of that class known by then, so older ones don't reach items found later; an item
    unlike all classes but one is asked all the same. With ``predict``, items predicted to be
    of the class are asked alone where they fill more than a page (Fig. 3 does so, Fig. 7 does not).
    """
    n, n_classes = len(labels), 4
    relation = np.eye(n)
    truth = 2.0 * (labels[:, None] == labels[None, :]) - 1.0
    known = np.zeros(n, dtype=bool)
    known[[int(np.argmax(labels == c)) for c in range(n_classes)]] = True
    asked = np.zeros((n, n_classes), dtype=bool)
    changed = True
    for _ in range(n_pages):
        yield Snapshot(relation.copy() if changed else None, known.copy())
        c = int(asked.sum(axis=0).argmin())
        candidates = ~known & ~asked[:, c]
        changed = bool(candidates.any()) or not asked.any()
        if not changed:
            continue
        if predict is not None and candidates.sum() > page:  # else the rule can't apply
            favoured = candidates & (predict(known) == c)
            candidates = favoured if favoured.sum() > page else candidates
        items = np.flatnonzero(candidates)
        if len(items) >= page:
            items = rng.choice(items, page)
        known[items[labels[items] == c]] = True
        settled = np.flatnonzero(known)
        new = settled[~asked[settled].all(axis=1)]
        relation[new[:, None], settled] = truth[new[:, None], settled]
        relation[settled[:, None], new] = truth[settled[:, None], new]
        unlike, own = items[labels[items] != c], settled[labels[settled] == c]
        relation[own[:, None], unlike] = -1.0
        relation[unlike[:, None], own] = -1.0
        asked[settled] = True
        asked[items, c] = True


def pairs_authors(
    labels: Integer[ndarray, " n"], rng: np.random.Generator, /, *, n_pages: int, page: int = 10
) -> Iterator[Snapshot]:
    """Distinct random pairs without any deduction; as published, one pair fewer is in the graph than is counted."""
    relation = np.eye(len(labels))
    first, second = np.triu_indices(len(labels), 1)
    order = rng.permutation(len(first))
    known = np.zeros(len(labels), dtype=bool)
    known[templates(labels)] = True
    done = 0
    for p in range(n_pages):
        due = max(p * page - 1, 0)
        a, b = first[order[done:due]], second[order[done:due]]
        relation[a, b] = relation[b, a] = np.where(labels[a] == labels[b], 1.0, -1.0)
        changed = p == 0 or len(a) > 0
        done = due
        yield Snapshot(relation.copy() if changed else None, known)
