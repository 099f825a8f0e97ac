"""One item: its label, where that comes from, and every answer behind it."""

from dataclasses import dataclass

import numpy as np

from pal.beliefs import SOURCES
from pal.conflicts import chain
from pal.items import Items
from pal.project.infos import TileInfo
from pal.project.listing import tile
from pal.project.review import PairInfo, group_name, pair
from pal.project.snapshot import Snapshot


@dataclass(frozen=True)
class FlagInfo:
    """A flag that counts, and the event that set it."""

    event: str
    labeler: str
    time: float
    reason: str


@dataclass(frozen=True)
class ItemInfo:
    """An item, the group it is in, and why.

    ``anchor`` stands for the group (None: no group). ``chain`` are the pairs judged alike that lead from the item to
    the anchor; ``pairs`` every pair of the item that has an answer, the latest first.
    """

    item: TileInfo
    group: str
    parent: str
    anchor: TileInfo | None
    source: str
    probability: float
    copies: tuple[str, ...]
    flags: tuple[FlagInfo, ...]
    chain: tuple[PairInfo, ...]
    pairs: tuple[PairInfo, ...]


def item_info(items: Items, now: Snapshot, row: int, /) -> ItemInfo:
    """Everything about an item; O(votes + answers)."""
    stands, item = now.standing, items.id[row]
    group = int(stands.label[row])
    anchor = int(stands.anchor[group]) if group >= 0 else None
    links = chain(now.knowledge, now.answers, row, anchor) if anchor is not None and stands.source[row] == 1 else ()
    template, other = now.answers.template, now.answers.item
    mine = np.flatnonzero((template == row) | (other == row))
    by_other: dict[int, list[int]] = {}
    for r in reversed(mine.tolist()):
        by_other.setdefault(int(other[r] if template[r] == row else template[r]), []).append(r)
    return ItemInfo(
        tile(items, row),
        group_name(now, row),
        now.parents.get(group, ""),
        None if anchor is None else tile(items, anchor),
        SOURCES[stands.source[row]] if group >= 0 else "",
        float(stands.confidence[row]),
        items.copies.get(item, ()),
        tuple(FlagInfo(f.id, f.labeler, f.time, f.reason) for f in now.flagged if f.item == item),
        tuple(pair(items, now, *link.ends, rows=link.rows) for link in links),
        tuple(pair(items, now, row, end, rows=rows) for end, rows in by_other.items()),
    )
