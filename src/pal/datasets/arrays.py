"""Items from arrays and columns: one item a row, with names, texts, pictures or labels where there are any."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int, Int64, Num, UInt8
from numpy import ndarray

from pal.errors import InvalidInputError
from pal.items import Blobs, Cells, Items, Kind, Skipped, unique_rows


def items_of(
    x: Num[ndarray, "n d"],
    /,
    *,
    source: str,
    names: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
    paths: Sequence[Path | None] | None = None,
    path_ids: Sequence[str] | None = None,
    pictures: UInt8[ndarray, "n h w"] | None = None,
    labels: Int[ndarray, " n"] | None = None,
    skipped: Sequence[Skipped] = (),
    rows: Int64[ndarray, " n"] | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    kind: Kind | None = None,
) -> Items:
    """Make items of the rows of ``x`` (n, d); O(n d).

    A row's content is its vector in float32, its text and its picture's (``path_ids``: hashes of the files in
    ``paths``); rows that agree in all of it are one item. Without names, rows are called by their number. Rows that
    aren't finite are skipped. ``columns`` is what else a table says, item i in its row ``rows[i]``.

    Raises
    ------
    InvalidInputError
        If ``x`` isn't a matrix of numbers, or has fewer than 2 finite rows.
    """
    x = np.asarray(x)
    if x.ndim != 2 or x.dtype.kind not in "fiub":
        raise InvalidInputError(
            f"{source}: expected embeddings as a matrix of numbers, one row an item, got {x.dtype} of shape {x.shape}"
        )
    if len(x) < 2 or x.shape[1] < 1:
        raise InvalidInputError(f"{source}: expected at least 2 items with 1 number each, got shape {x.shape}")
    names = row_names(len(x)) if names is None else names
    with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, and is skipped
        vectors = np.ascontiguousarray(x, dtype=np.float32)
    finite = np.isfinite(vectors).all(axis=1)
    if finite.sum() < 2:
        raise InvalidInputError(
            f"{source}: embeddings must be finite, got NaN or infinity in {int((~finite).sum())} of {len(x)} rows; "
            "at least 2 good ones are needed"
        )
    good = np.flatnonzero(finite).tolist()
    parts = {"text": texts, "picture": path_ids}
    ids = [digest(vectors[i], {name: part[i] for name, part in parts.items() if part}) for i in good]
    if kind is None:
        kind = "image" if pictures is not None or paths is not None else "vector" if texts is None else "text"
    return assemble(
        source,
        kind,
        ids,
        [names[i] for i in good],
        rows=(np.arange(len(x)) if rows is None else rows)[good],
        texts=None if texts is None else [texts[i] for i in good],
        paths=None if paths is None else [paths[i] for i in good],
        vectors=vectors if finite.all() else vectors[good],
        pictures=None if pictures is None else pictures[good],
        labels=None if labels is None else np.asarray(labels)[good],
        columns=columns,
        skipped=[*skipped, *(Skipped(names[i], NOT_FINITE) for i in np.flatnonzero(~finite).tolist())],
    )


NOT_FINITE = "NaN, infinity or no number in its vector"


def assemble(
    source: str,
    kind: Kind,
    ids: Sequence[str],
    names: Sequence[str],
    /,
    *,
    rows: Int64[ndarray, " n"],
    texts: Sequence[str] | None = None,
    paths: Sequence[Path | None] | None = None,
    vectors: Float32[ndarray, "n d"] | None = None,
    pictures: UInt8[ndarray, "n h w"] | None = None,
    labels: Int[ndarray, " n"] | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    blobs: Sequence[Any] | None = None,
    skipped: Sequence[Skipped] = (),
) -> Items:
    """Items of n things with their ids and names, one an id, by name; item i is row ``rows[i]`` of a table.

    Raises
    ------
    InvalidInputError
        If fewer than 2 are different.
    """
    keep, copies = unique_rows(ids, names)
    if len(keep) < 2:
        first = f", the first is {skipped[0].name}: {skipped[0].why}" if skipped else ""
        raise InvalidInputError(
            f"{source}: expected at least 2 different items, got {len(keep)}; {len(skipped)} row(s) skipped{first}"
        )
    order = keep.tolist()
    return Items(
        source,
        kind,
        tuple(ids[i] for i in order),
        tuple(names[i] for i in order),
        tuple(None if paths is None else paths[i] for i in order),
        None if texts is None else tuple(texts[i] for i in order),
        None if vectors is None else vectors[keep],
        None if pictures is None else pictures[keep],
        None if labels is None else np.asarray(labels)[keep].astype(np.int64),
        copies,
        tuple(skipped),
        Cells(columns, rows[keep]) if columns else None,
        None if blobs is None else Blobs(blobs, rows[keep]),
    )


def digest(row: ndarray, parts: Mapping[str, str], /) -> str:
    """SHA-256 of a vector in float32 and of what belongs to it, in hex."""
    found = hashlib.sha256(row.astype("<f4", copy=False).tobytes())
    for kind, part in parts.items():
        found.update(f"\0{kind}\0{part}".encode())
    return found.hexdigest()


def row_names(n: int, /) -> list[str]:
    """Names of n rows by their number, all of one length."""
    width = len(str(n - 1))
    return [f"row {i:0{width}d}" for i in range(n)]
