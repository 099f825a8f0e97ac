"""Everything about a project at one position of its log."""

from collections.abc import Mapping
from dataclasses import dataclass

from pal.knowledge import Knowledge
from pal.project.standing import Standing
from pal.project.trainer import Published
from pal.store import Answered


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What counts at ``position``; groups are numbered as in ``standing``, flags go by item id."""

    position: int
    knowledge: Knowledge
    answered: tuple[Answered, ...]
    standing: Standing
    names: Mapping[int, str]
    parents: Mapping[int, str]
    flags: Mapping[str, str]
    published: Published
