"""Items: what is labelled, in a fixed order, named by the hash of their content.

Definition. Item i has an id (SHA-256 of its content, in hex), a name (path inside the source, or row name) and, by
kind, a picture, a text, a sound or a vector. Things with equal content are one item; the names of the others are its
*copies*. What couldn't be read is *skipped*, with the reason. Items are sorted by name.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from pal.errors import InvalidInputError

Kind = Literal["image", "text", "audio", "vector"]

_CELL = 200
"""Characters of a cell that are shown."""


class Skipped(NamedTuple):
    """Something in the source that is no item: its name, and why."""

    name: str
    why: str


@dataclass(frozen=True, eq=False)
class Cells:
    """Columns of a table beside the items, read a row at a time: item i is row ``rows[i]`` of each column."""

    columns: Mapping[str, Sequence[Any]]
    rows: Int[ndarray, " n"]

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, i: int, /) -> tuple[tuple[str, str], ...]:
        """Names and values of a row, as short texts; cells without a value are left out."""
        row = int(self.rows[i])
        cells = ((name, _plain(column[row])) for name, column in self.columns.items())
        return tuple((name, _short(value)) for name, value in cells if value is not None and value != "")

    def take(self, rows: ndarray, /) -> "Cells":
        """Some of the rows."""
        return Cells(self.columns, self.rows[rows])


@dataclass(frozen=True, eq=False)
class Blobs:
    """Files that lie inside the source, read one at a time: item i is row ``rows[i]`` of ``column``."""

    column: Sequence[Any]
    rows: Int[ndarray, " n"]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int, /) -> bytes:
        value = _plain(self.column[int(self.rows[i])])
        return bytes(value["bytes"] if isinstance(value, dict) else value)

    def take(self, rows: ndarray, /) -> "Blobs":
        """Some of the files."""
        return Blobs(self.column, self.rows[rows])


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
        File of each item, None where there is none.
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
    cells
        What else a table says of each item, or None.
    blobs
        Files of the items where they lie inside the source, or None.
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
    cells: Cells | None = None
    blobs: Blobs | None = None

    def __post_init__(self) -> None:
        n = len(self.id)
        for column in (
            self.name, self.path, self.text, self.vectors, self.pictures, self.labels, self.cells, self.blobs
        ):  # fmt: skip
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

    @property
    def drawn(self) -> bool:
        """Whether pictures are shown: of the items, of sounds, or of vectors of which nothing else is known."""
        return self.kind in ("image", "audio") or (self.vectors is not None and self.text is None and not self.cells)

    def has_picture(self, i: int, /) -> bool:
        """Whether item ``i`` is a picture or a file, which a folder of its class can hold."""
        return self.pictures is not None or self.file(i) is not None

    def file(self, i: int, /) -> Path | bytes | None:
        """File of item ``i``: its path, or its bytes where it lies inside the source; None if there is none."""
        return self.path[i] if self.blobs is None else self.blobs[i]

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
            cells=None if self.cells is None else self.cells.take(rows),
            blobs=None if self.blobs is None else self.blobs.take(rows),
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


def _plain(value: Any) -> Any:
    """A value of a column; Arrow's wrapped ones as Python's."""
    return value.as_py() if hasattr(value, "as_py") else value


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    text = text.encode(errors="replace").decode()
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"
