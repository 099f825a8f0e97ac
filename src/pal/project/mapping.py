"""The map: a view of all items in two dimensions.

Definition. Features are averaged three times over the neighbour graph, x ← S x / deg, which draws the members of a
cluster together; a point is an item's first two principal components of that. It stays put while answers come in. The
embedding itself is a poor map at first: the few items that answers name lie far from all the others.
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from pal.answers import Question
from pal.items import Items
from pal.knowledge import Knowledge
from pal.project.listing import tile
from pal.project.snapshot import Snapshot
from pal.project.standing import Standing
from pal.project.trainer import Published

_ROUNDS = 3

AT_MOST = 8_000
"""Points on a map; of more items, a sample that stays the same."""


@dataclass(frozen=True)
class MapInfo:
    """Columns of one entry a point: ids, names, coordinates in −1..1, group (−1: none), source, confidence.

    ``anchors`` and ``group_names`` are those of the groups, largest first; ``n_items`` counts all items.
    """

    id: tuple[str, ...]
    name: tuple[str, ...]
    text: tuple[str | None, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    group: tuple[int, ...]
    source: tuple[int, ...]
    confidence: tuple[float, ...]
    anchors: tuple[str, ...]
    group_names: tuple[str, ...]
    n_items: int


class Places(NamedTuple):
    """Items on a map, and where they are, in −1..1."""

    rows: Int64[ndarray, " s"]
    at: Float[ndarray, "s 2"]


def places(items: Items, published: Published, /) -> Places:
    """Where the items that a model knows lie; it changes only with their features, not with answers."""
    known = published.rows
    rows = _sample(items, known)
    place = principal(averaged(published.x, published.model.affinity[known][:, known]))
    return Places(rows, place[np.searchsorted(known, rows)])


def map_of(items: Items, now: Snapshot, where: Places | None = None, /) -> MapInfo:
    """Draw up the map of the items that the model knows; ``where`` they lie is worked out if not given."""
    rows, place = places(items, now.published) if where is None else where
    stands = now.standing
    sizes = np.bincount(stands.label[stands.label >= 0], minlength=len(stands.anchor))
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(order)), -1
    tiles = [tile(items, i) for i in rows.tolist()]
    return MapInfo(
        tuple(shown.id for shown in tiles),
        tuple(shown.name for shown in tiles),
        tuple(None if shown.text is None else shown.text[:200] for shown in tiles),
        tuple(place[:, 0].round(4).tolist()),
        tuple(place[:, 1].round(4).tolist()),
        tuple(rank[stands.label[rows]].tolist()),
        tuple(stands.source[rows].tolist()),
        tuple(stands.confidence[rows].round(4).tolist()),
        tuple(items.id[stands.anchor[g]] for g in order.tolist()),
        tuple(now.names.get(g, "") for g in order.tolist()),
        len(items),
    )


def averaged(x: Float[ndarray, "n d"], affinity: csr_array, /, *, rounds: int = _ROUNDS) -> Float[ndarray, "n d"]:
    """Features averaged over neighbours, ``rounds`` times; an item without neighbours keeps its own."""
    degree = np.asarray(affinity.sum(axis=1), dtype=np.float64).reshape(-1)
    alone = degree <= 0
    z = np.asarray(x, dtype=np.float64)
    for _ in range(rounds):
        z = np.where(alone[:, None], z, (affinity @ z) / np.where(alone, 1.0, degree)[:, None])
    return z


def principal(z: Float[ndarray, "n k"], /) -> Float[ndarray, "n 2"]:
    """First two principal components, scaled by one factor into −1..1; O(n k²). Signs are fixed, so maps stay put."""
    centred = np.asarray(z, dtype=np.float64) - z.mean(axis=0) if len(z) else np.zeros((0, z.shape[1]))
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :2]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    place = np.zeros((len(centred), 2))
    place[:, : axes.shape[1]] = centred @ axes
    return place / max(float(np.abs(place).max(initial=0.0)), 1e-12)


def question_among(
    knowledge: Knowledge, stands: Standing, rows: Int64[ndarray, " s"], held: ndarray, /, *, size: int
) -> Question | None:
    """A page made of a selection: compared with the anchor of the group that most of it is in, the least sure first.

    None if nothing is left to ask: what is held (a mask) is left out, and what is known already.
    """
    rows = rows[~held[rows]]
    if not len(rows):
        return None
    groups = stands.label[rows]
    inside = groups[groups >= 0]
    template = int(stands.anchor[np.bincount(inside).argmax()]) if len(inside) else int(rows[0])
    open_ = rows[(knowledge.relation(template, rows) == 0) & (rows != template)]
    chosen = open_[np.argsort(stands.confidence[open_], kind="stable")][:size]
    return Question(template, chosen) if len(chosen) else None


def _sample(items: Items, rows: Int64[ndarray, " r"]) -> Int64[ndarray, " s"]:
    if len(rows) <= AT_MOST:
        return rows
    order = sorted(rows.tolist(), key=lambda i: hashlib.sha256(b"map" + items.id[i].encode()).digest())
    return np.sort(np.array(order[:AT_MOST], dtype=np.int64))
