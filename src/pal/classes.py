"""Classes while they are found: each anchored at an item, made of parts of communities, joined and opened by answers.

Definition. Before any answer every community is a class, anchored at its medoid. Answers then

- move a part of a community (:func:`pal.communities.parts`) to the class of the items asked about at its heart, or
  open one for it, and show how seldom parts leave their communities (:func:`judge_parts`);
- join two classes, when the votes across them make that likelier than not by a margin (:func:`pal.joins.join`);
- open a class for items that a class not seen yet explains better (:func:`open_classes`), one a part at a time.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray
from scipy.special import expit, softmax

from pal.communities import Neighborhood
from pal.evidence import Evidence
from pal.strays import SEVERAL

# Items at the heart of a part (share of the most central one's membership ** _HEART) say which class it is of, unless
# they are odd ones in it; less than _ENOUGH of them says nothing about the other parts.
_HEART, _ENOUGH, _ODD = 4, 0.5, 0.15
# Share of the parts of a community that are of one class, to begin with, and how many parts that weighs as much as.
_PURITY, _PARTS = 0.8, 5.0
# Share of the classes of a part that its links don't show.
_UNLINKED = 0.2
# One item in so many is of a class not seen yet, to begin with.
_RARE = 20.0
# Items believed to be of a class less than this may anchor that of a lost part.
_HALF = 0.5
# Several items that answers hold together are given a class of their own from these log-odds on, if answers left less
# than half of what was expected of them: people are asked then whether it is one with another.
_TOGETHER, _HALVED = -3.0, float(np.log(2.0))
# One part in so many is of a class not seen yet, to begin with.
_RARE_PART = 5.0


@dataclass(frozen=True, eq=False)
class Classes:
    """Classes found so far.

    Parameters
    ----------
    anchor
        (c,) item that names each class.
    given
        How many of them, the first ones, are known: they stay apart.
    opened
        How many of them, the last ones, were opened by answers.
    inherited
        (k,) class of each part if no answer is about it, −1 for none.
    fixed
        (t,) class of each item asked about that is an anchor, −1 for the others.
    """

    anchor: Int64[ndarray, " c"]
    given: int
    opened: int
    inherited: Int64[ndarray, " k"]
    fixed: Int64[ndarray, " t"]

    def apart(self) -> Float[ndarray, "c c"]:
        """Probability that two classes are one before the votes across them are weighed: none."""
        return np.zeros((len(self.anchor), len(self.anchor)))

    def joined(self, label: Int64[ndarray, " c"]) -> "Classes":
        """Classes of one ``label`` become one, anchored where the first of them was."""
        _, first = np.unique(label, return_index=True)
        to = np.append(label, -1)
        n_opened = int((first >= len(self.anchor) - self.opened).sum())
        return Classes(self.anchor[first], self.given, n_opened, to[self.inherited], to[self.fixed])


class Change(NamedTuple):
    """Classes after a revision, and the belief that each item asked about is of each."""

    classes: Classes
    belief: Float[ndarray, "t c"]


def start(
    near: Neighborhood,
    item: Int64[ndarray, " t"],
    given: Int64[ndarray, " g"],
    sure: Int64[ndarray, " t"],
    /,
    *,
    n_known: int,
    closed: bool,
) -> Classes:
    """One class for each item ``given``, then one for each community that holds none of these, unless ``closed``.

    ``sure`` is the class given that answers make sure of for each item asked about, −1 for none: a community whose
    medoid is among these is of that class. The first ``n_known`` of the items given stay apart.
    """
    n_communities = len(near.medoid)
    home = np.zeros((len(given), n_communities))
    np.add.at(home.T, near.parent, near.membership[given].T)
    of_community = np.full(n_communities, -1)
    if len(given):
        share = home.max(axis=0)
        held = share > (0.0 if closed else _ENOUGH)
        of_community[held] = home.argmax(axis=0)[held]
    anchor = list(given)
    if not closed:
        at, asked = _rows(item, near.medoid)
        of_community[asked] = np.where(sure[at[asked]] >= 0, sure[at[asked]], of_community[asked])
        free = np.flatnonzero(of_community < 0)
        of_community[free] = len(given) + np.arange(len(free))
        anchor.extend(near.medoid[free])
    anchors = np.array(anchor, dtype=np.int64)
    return Classes(anchors, n_known, 0, of_community[near.parent], _fixed(item, anchors))


class Parts(NamedTuple):
    """Beliefs about the class of each part, (k, c), rows sum to 1; and log-odds that none is its class, (k,).

    ``unseen`` is the probability that a part nobody was asked about is of a class not seen yet, 0 for the others.
    """

    belief: Float[ndarray, "k c"]
    new: Float[ndarray, " k"]
    unseen: Float[ndarray, " k"]


def judge_parts(
    near: Neighborhood,
    classes: Classes,
    item: Int64[ndarray, " t"],
    told: Float[ndarray, "t c"],
    differ: Float[ndarray, " t"],
    /,
) -> Parts:
    """What the answers about the items at its heart say of each part.

    ``told`` is the log-likelihood of the answers about each item if it is of a class, ``differ`` if it is of none.
    Before any answer about it, a part is of the class inherited with the probability that the answers found other
    parts to be of the class of their community, else of the classes that it is linked to.
    """
    k, c = len(near.parent), len(classes.anchor)
    if not c:
        return Parts(np.zeros((k, 0)), np.zeros(k), np.zeros(k))
    heart = _heart(near, item).T
    # An anchor is of its class, whatever the answers.
    anchored = classes.fixed >= 0
    every = np.column_stack([told, differ])
    every[anchored] = np.where(np.eye(c + 1)[classes.fixed[anchored]] > 0, 0.0, -np.inf)
    share = np.exp(every - every.max(axis=1, initial=-np.inf, keepdims=True))
    share = (1.0 - _ODD) * share + _ODD * share.mean(axis=1, keepdims=True)
    fit = heart @ np.log(share)
    inherited = np.append(np.eye(c), np.zeros((1, c)), axis=0)[classes.inherited]
    linked = (near.between @ inherited) * (1.0 - inherited) + 1e-12
    linked = (1.0 - _UNLINKED) * linked / linked.sum(axis=1, keepdims=True) + _UNLINKED / c
    asked = heart.sum(axis=1) > _ENOUGH
    purity, rare = _PURITY, 1.0 / _RARE_PART
    for _ in range(2):
        at_home = np.where(classes.inherited >= 0, purity, 0.0)[:, None]
        score = np.log(at_home * inherited + (1.0 - at_home) * linked) + fit[:, :c]
        new = np.log(rare) + fit[:, c] - score.max(axis=1)  # a single class, or parts of many would wait for ever
        belief = softmax(score, axis=1)
        purity, rare = _learned(near, classes, belief, expit(new), asked)
    return Parts(belief, new, np.where(asked, 0.0, rare))


def _learned(
    near: Neighborhood,
    classes: Classes,
    belief: Float[ndarray, "k c"],
    new: Float[ndarray, " k"],
    asked: Bool[ndarray, " k"],
) -> tuple[float, float]:
    """Share of the parts asked about that are of the class at the centre of their community, and of unseen classes."""
    centre = near.part[near.medoid]
    others = asked.copy()
    others[centre] = False
    lead = belief.argmax(axis=1)[centre][near.parent[others]]
    opened = belief.argmax(axis=1)[others] >= belief.shape[1] - classes.opened
    fresh = np.maximum(new[others], opened)
    home = (1.0 - fresh) * belief[others, lead]
    return (
        float((_PURITY * _PARTS + home.sum()) / (_PARTS + len(home))),
        float((1.0 + fresh.sum()) / (_RARE_PART + len(fresh))),
    )


def communal(near: Neighborhood, part: Float[ndarray, "k c"], /) -> Float[ndarray, "n c"]:
    """Mass of the communities, by the beliefs about each part."""
    return near.membership @ part * (len(near.medoid) / len(near.membership))


def new_class_prior(n_opened: float, n_elsewhere: float, /) -> float:
    """Share of the items that the features mistook that are of a class not seen yet.

    By how many of them opened a class, and how many were of another class.
    """
    return (1.0 + n_opened) / (_RARE + n_opened + n_elsewhere)


def open_classes(
    near: Neighborhood,
    evidence: Evidence,
    classes: Classes,
    belief: Float[ndarray, "t c"],
    group: Int64[ndarray, " t"],
    unfit: Float[ndarray, " t"],
    rare: float,
    part_gain: Float[ndarray, " k"],
    /,
) -> Change | None:
    """A class for each part that a new class explains better than all others, or with an item of which that holds.

    ``unfit`` is by how much, in log-likelihood, the answers about an item's ``group`` fit a class of its own better
    than others; ``rare`` the log of the probability of such a class, and ``part_gain`` the log-odds that a part is one.
    The class is anchored at the item of least belief at the heart, and all of its group are of it.
    """
    if not len(evidence.item):
        return None
    heart = _heart(near, evidence.item)
    lost = (part_gain > 0) & (classes.inherited < len(classes.anchor) - classes.opened)
    home = heart.argmax(axis=1)
    least = np.where((np.bincount(group)[group] >= SEVERAL) & (unfit > _HALVED), _TOGETHER, 0.0)
    orphan = np.flatnonzero(
        (classes.fixed < 0) & ((unfit + rare > least) | (lost[home] & (unfit > 0) & (belief.max(axis=1) < _HALF)))
    )
    if not len(orphan):
        return None
    c = len(classes.anchor)
    apart = heart[orphan, home[orphan]] * (1.0 - belief[orphan].max(axis=1))
    order = orphan[np.lexsort((-apart, home[orphan]))]
    order = order[np.sort(np.unique(group[order], return_index=True)[1])]  # one of each group
    part, first = np.unique(home[order], return_index=True)
    chosen = order[first]
    n_new = len(chosen)
    anchor = np.r_[classes.anchor, evidence.item[chosen]]
    inherited = classes.inherited.copy()
    inherited[part] = c + np.arange(n_new)
    fixed = _fixed(evidence.item, anchor)
    moved = group[:, None] == group[chosen]
    found = np.hstack([belief * ~moved.any(axis=1, keepdims=True), moved])
    return Change(Classes(anchor, classes.given, classes.opened + n_new, inherited, fixed), found)


def _heart(near: Neighborhood, item: Int64[ndarray, " t"]) -> Float[ndarray, "t k"]:
    """How near each item lies to the heart of each part, 1 for the most central one."""
    share = near.membership[item] / near.membership.max(axis=0, initial=1e-300)
    return np.asarray(share**_HEART)


def _fixed(item: Int64[ndarray, " t"], anchor: Int64[ndarray, " c"]) -> Int64[ndarray, " t"]:
    """Class that each item anchors, −1 for none."""
    fixed = np.full(len(item), -1)
    at, hit = _rows(item, anchor)
    fixed[at[hit]] = np.flatnonzero(hit)
    return fixed


def _rows(item: Int64[ndarray, " t"], wanted: Int64[ndarray, " w"]) -> tuple[Int64[ndarray, " w"], Bool[ndarray, " w"]]:
    """Row of each wanted item among those asked about, and whether it is one of them."""
    at = np.searchsorted(item, wanted)
    hit: Bool[ndarray, " w"] = at < len(item)
    hit[hit] = item[at[hit]] == wanted[hit]
    return at, hit
