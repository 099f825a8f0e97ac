"""What a project tells its faces: plain values, no arrays, nothing that changes later."""

from dataclasses import dataclass
from typing import NamedTuple

from pal.answers import Mode


class TileInfo(NamedTuple):
    """An item to show: its id, its name, its text if it has one."""

    id: str
    name: str
    text: str | None


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
