"""Rows: one a name of an item, with its label, where that comes from, and the votes behind it."""

from typing import NamedTuple

import numpy as np

from pal.beliefs import SOURCES
from pal.items import Items
from pal.project.snapshot import Snapshot


class Row(NamedTuple):
    """A labelled thing. Copies of one content have rows of their own, with the same id.

    ``class_id`` is −1 and ``class_name`` and ``source`` are empty where nothing is known or believed. ``votes`` counts
    the answers about the item, as template or tile. Classes are groups, largest first; groups of one name are one
    class, and a group without a name is called "group N".
    """

    id: str
    path: str
    sha256: str
    class_id: int
    class_name: str
    parent: str
    source: str
    confidence: float
    votes: int
    votes_alike: int
    votes_unlike: int
    flagged: str


HEADER = tuple("class" if name == "class_name" else name for name in Row._fields)
"""Names of the columns in files."""


def rows_of(items: Items, now: Snapshot, /) -> list[Row]:
    """Rows of all items, by path."""
    standing = now.standing
    class_of, names = classes_of(now)
    counts = now.knowledge.votes.all()
    ends = now.knowledge.votes.ends(counts.key)
    alike, unlike = (
        sum(np.bincount(end, weights=votes, minlength=len(items)) for end in ends.T).astype(int).tolist()  # type: ignore[union-attr]
        for votes in (counts.alike, counts.unlike)
    )
    rows = []
    for i, item in enumerate(items.id):
        group = int(standing.label[i])
        label = class_of[group] if group >= 0 else -1
        rest = (
            item,
            label,
            names[label] if label >= 0 else "",
            now.parents.get(group, ""),
            SOURCES[standing.source[i]] if group >= 0 else "",
            round(float(standing.confidence[i]), 6),
            alike[i] + unlike[i],
            alike[i],
            unlike[i],
            now.flags.get(item, ""),
        )
        rows += [Row(item, name, *rest) for name in (items.name[i], *items.copies.get(item, ()))]
    return sorted(rows, key=lambda row: row.path)


def classes_of(now: Snapshot, /) -> tuple[list[int], list[str]]:
    """Class of each group, and the names of the classes."""
    standing = now.standing
    sizes = np.bincount(standing.label[standing.label >= 0], minlength=len(standing.anchor))
    order = np.argsort(-sizes, kind="stable").tolist()
    taken = set(now.names.values())
    number: dict[str, int] = {}
    class_of = [0] * len(order)
    for rank, group in enumerate(order, start=1):
        name = now.names.get(group) or _free_name(rank, taken)
        class_of[group] = number.setdefault(name, len(number))
    return class_of, list(number)


def _free_name(rank: int, taken: set[str]) -> str:
    name = f"group {rank}"
    while name in taken:
        name += "'"
    return name
