"""Items: what is labelled, in a fixed order, named by the hash of their content.

Definition. Item i has an id (SHA-256 of its content, in hex), a name (path inside the source, or row name) and, by
kind, a picture, a text or a vector. Things with equal content are one item; the names of the others are its *copies*.
What couldn't be read is *skipped*, with the reason. Items are sorted by name.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from pal.errors import InvalidInputError

Kind = Literal["image", "text", "vector"]


class Skipped(NamedTuple):
    """Something in the source that is no item: its name, and why."""

    name: str
    why: str


@dataclass(frozen=True, eq=False)
class Items:
    """Items of one source.

    Parameters
    ----------
    source
        Where they come from, in words a person knows: a path or a name.
    kind
        What a person looks at.
    id
        SHA-256 of the content, in hex; no two are equal.
    name
        Relative path or row name.
    path
        File of each item's picture, None where there is none.
    text
        Text of each item, or None.
    vectors
        (n, d) features that came with the source, or None: then an encoder makes them from the pictures.
    pictures
        (n, h, w) grey pictures that came with the source, 0 black to 255 white, or None.
    labels
        (n,) true classes, where the source has them; only simulated labelers and scores look at them.
    copies
        Other names of the same content, by id.
    skipped
        What couldn't be read.
    """

    source: str
    kind: Kind
    id: tuple[str, ...]
    name: tuple[str, ...]
    path: tuple[Path | None, ...]
    text: tuple[str, ...] | None = None
    vectors: Float[ndarray, "n d"] | None = None
    pictures: UInt8[ndarray, "n h w"] | None = None
    labels: Int[ndarray, " n"] | None = None
    copies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.id)
        for column in (self.name, self.path, self.text, self.vectors, self.pictures, self.labels):
            if column is not None and len(column) != n:
                raise InvalidInputError(f"items need one entry each, got {n} ids and a column of {len(column)}")
        if len(self.row) != n:
            raise InvalidInputError("ids must be different, got a repeat; group equal content with unique_items")

    def __len__(self) -> int:
        return len(self.id)

    def __contains__(self, item: object) -> bool:
        return item in self.row

    @cached_property
    def row(self) -> dict[str, int]:
        """Row number of each id."""
        return {item: i for i, item in enumerate(self.id)}

    def has_picture(self, i: int, /) -> bool:
        """Whether a person can be shown a picture of item ``i``."""
        return self.pictures is not None or self.path[i] is not None

    def take(self, rows: ndarray, /) -> "Items":
        """Some of the items, by row number."""
        keep = [int(i) for i in rows]
        return replace(
            self,
            id=tuple(self.id[i] for i in keep),
            name=tuple(self.name[i] for i in keep),
            path=tuple(self.path[i] for i in keep),
            text=None if self.text is None else tuple(self.text[i] for i in keep),
            vectors=None if self.vectors is None else self.vectors[rows],
            pictures=None if self.pictures is None else self.pictures[rows],
            labels=None if self.labels is None else self.labels[rows],
        )

    def without(self, broken: Mapping[str, str], /) -> "Items":
        """Items less some that turned out to be broken: reason by id."""
        gone = [Skipped(self.name[self.row[item]], why) for item, why in broken.items() if item in self.row]
        if not gone:
            return self
        rows = np.array([i for i, item in enumerate(self.id) if item not in broken], dtype=np.int64)
        return replace(self.take(rows), skipped=(*self.skipped, *gone))


def unique_rows(ids: Collection[str], names: Collection[str]) -> tuple[ndarray, dict[str, tuple[str, ...]]]:
    """Rows to keep of things with these ids, one an id, sorted by name; and the other names of each repeated id."""
    order = sorted(range(len(ids)), key=list(names).__getitem__)
    id_list, name_list = list(ids), list(names)
    first: dict[str, int] = {}
    copies: dict[str, list[str]] = {}
    for i in order:
        if first.setdefault(id_list[i], i) != i:
            copies.setdefault(id_list[i], []).append(name_list[i])
    return np.fromiter(first.values(), dtype=np.int64), {item: tuple(others) for item, others in copies.items()}
