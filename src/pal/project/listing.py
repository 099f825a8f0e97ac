"""Listing: items and groups as values to show, from what stands at one moment."""

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from pal.beliefs import SOURCES
from pal.items import Items
from pal.project.exemplars import diverse
from pal.project.infos import GroupInfo, MemberInfo, TileInfo, tile_info
from pal.project.snapshot import Snapshot
from pal.project.trainer import Published

_EXEMPLARS = 4
_LOOKED_AT = 1000
"""Members among which exemplars are looked for."""

_SUREST = 12
"""Predicted members among which exemplars are chosen, where the answers give too few."""


def tile(items: Items, row: int, /) -> TileInfo:
    """Show an item."""
    return tile_info(items, row)


def exemplars(items: Items, published: Published, start: int, members: Int64[ndarray, " m"], /) -> tuple[TileInfo, ...]:
    """A few diverse items among ``members``, without ``start``; none before there are features of ``start``."""
    rows, members = published.rows, members[:_LOOKED_AT]
    at = np.searchsorted(rows, members)
    there = at < len(rows)
    there[there] &= rows[at[there]] == members[there]
    slot = int(np.searchsorted(rows, start))
    if slot >= len(rows) or rows[slot] != start:
        return ()
    chosen = diverse(published.x, at[there], start=slot, count=_EXEMPLARS)
    return tuple(tile(items, int(rows[i])) for i in chosen)


def groups(items: Items, now: Snapshot, /) -> list[GroupInfo]:
    """Every group, largest first, classes and those that may still turn out to be part of one."""
    stands = now.standing
    told, deduced, predicted = (
        np.bincount(stands.label[(stands.source == s) & (stands.label >= 0)], minlength=len(stands.anchor))
        for s in (2, 1, 0)
    )
    order = np.lexsort((np.arange(len(stands.anchor)), -(told + deduced), -predicted - told - deduced))
    return [
        GroupInfo(
            items.id[stands.anchor[g]],
            now.names.get(g),
            int(told[g]),
            int(deduced[g]),
            int(predicted[g]),
            exemplars(items, now.published, int(stands.anchor[g]), _faces(now, g)),
            now.parents.get(g),
        )
        for g in order.tolist()
    ]


def members(items: Items, now: Snapshot, row: int, /) -> list[MemberInfo]:
    """Items of the group that an item is in: told, then deduced, then predicted, surest first."""
    stands = now.standing
    group = int(stands.label[row])
    if group < 0:
        return []
    return [
        MemberInfo(tile(items, i), SOURCES[stands.source[i]], float(stands.confidence[i]))
        for i in stands.members(group).tolist()
    ]


def _faces(now: Snapshot, group: int) -> Int64[ndarray, " m"]:
    """Members that may stand for a group: those by answers, and where these are few, the surest predicted ones."""
    listed = now.standing.members(group)
    sure = int((now.standing.source[listed] > 0).sum())
    return listed[: sure if sure > _EXEMPLARS else _SUREST]
