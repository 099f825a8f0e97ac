"""What a project tells its faces: plain values, no arrays, nothing that changes later."""

from dataclasses import dataclass
from typing import NamedTuple

from pal.answers import Mode
from pal.items import Items


class TileInfo(NamedTuple):
    """An item to show: its id, its name, the start of its text if it has one, and what else a table says of it."""

    id: str
    name: str
    text: str | None
    cells: tuple[tuple[str, str], ...] = ()


SHOWN = 4000
"""Characters of a text that are shown."""


def tile_info(items: Items, row: int, /) -> TileInfo:
    """Show an item."""
    text = None if items.text is None else items.text[row]
    if text is not None and len(text) > SHOWN:
        text = f"{text[: SHOWN - 1]}…"
    return TileInfo(items.id[row], items.name[row], text, () if items.cells is None else items.cells.at(row)[:CELLS])


CELLS = 30
"""Cells of a table's row that are shown."""


@dataclass(frozen=True)
class Page:
    """A page to answer, leased until ``expires`` (seconds since the epoch)."""

    id: str
    template: TileInfo
    exemplars: tuple[TileInfo, ...]
    tiles: tuple[TileInfo, ...]
    mode: Mode
    group: str
    expires: float


@dataclass(frozen=True)
class NoPage:
    """There is no page now; ``reason`` says why."""

    reason: str


@dataclass(frozen=True)
class Recorded:
    """Events that are on disk, old ones sent again included, and the position of the log."""

    accepted: tuple[str, ...]
    position: int


@dataclass(frozen=True)
class Progress:
    """How far a project is: items by source of their label, groups, pages and tiles answered, seconds spent."""

    n_items: int
    told: int
    deduced: int
    predicted: int
    n_groups: int
    pages: int
    answers: int
    flagged: int
    seconds: float
    position: int
    encoded: int


@dataclass(frozen=True)
class GroupInfo:
    """A group, named by its anchor item; counts of its items by source of their label."""

    anchor: str
    name: str | None
    told: int
    deduced: int
    predicted: int
    exemplars: tuple[TileInfo, ...]
    parent: str | None


@dataclass(frozen=True)
class MemberInfo:
    """An item of a group: where its label comes from, and how probable it is."""

    tile: TileInfo
    source: str
    probability: float
