"""Items from arrays: one item a row of a matrix, with names, texts, pictures or labels where there are any."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int, Num, UInt8
from numpy import ndarray

from pal.errors import InvalidInputError
from pal.items import Items, Kind, Skipped, unique_rows


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
) -> Items:
    """Make items of the rows of ``x`` (n, d); O(n d).

    A row's content is its vector in float32, its text and its picture's (``path_ids``: hashes of the files in
    ``paths``); rows that agree in all of it are one item. Without names, rows are called by their number.

    Raises
    ------
    InvalidInputError
        If ``x`` isn't a finite matrix of numbers with at least 2 rows.
    """
    x = np.asarray(x)
    if x.ndim != 2 or x.dtype.kind not in "fiub":
        raise InvalidInputError(
            f"{source}: expected embeddings as a matrix of numbers, one row an item, got {x.dtype} of shape {x.shape}"
        )
    if len(x) < 2 or x.shape[1] < 1:
        raise InvalidInputError(f"{source}: expected at least 2 items with 1 number each, got shape {x.shape}")
    vectors = x.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise InvalidInputError(
            f"{source}: embeddings must be finite, got NaN or infinity in {len(bad)} of {len(x)} rows, "
            f"first in row {bad[0]}; remove those rows"
        )
    names = _row_names(len(x)) if names is None else names
    ids = [
        _digest(row, texts[i] if texts else None, path_ids[i] if path_ids else None)
        for i, row in enumerate(np.ascontiguousarray(vectors))
    ]
    rows, copies = unique_rows(ids, names)
    everything = [int(i) for i in rows]
    kind: Kind = "image" if pictures is not None or paths is not None else "vector" if texts is None else "text"
    return Items(
        source,
        kind,
        tuple(ids[i] for i in everything),
        tuple(names[i] for i in everything),
        tuple(None if paths is None else paths[i] for i in everything),
        None if texts is None else tuple(texts[i] for i in everything),
        vectors[rows],
        None if pictures is None else pictures[rows],
        None if labels is None else np.asarray(labels)[rows].astype(np.int64),
        copies,
        tuple(skipped),
    )


def _digest(row: ndarray, text: str | None, picture: str | None) -> str:
    digest = hashlib.sha256(row.astype("<f4", copy=False).tobytes())
    for kind, part in (("text", text), ("picture", picture)):
        if part is not None:
            digest.update(f"\0{kind}\0{part}".encode())
    return digest.hexdigest()


def _row_names(n: int) -> list[str]:
    width = len(str(n - 1))
    return [f"row {i:0{width}d}" for i in range(n)]
