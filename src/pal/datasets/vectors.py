"""A file of embeddings, .npz or .npy, with an optional table that says what each row is."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy import ndarray

from pal.datasets.arrays import items_of
from pal.datasets.choosing import FILES, LABELS, TEXTS, Choice, column_kind
from pal.datasets.reading import Reading
from pal.datasets.rows import file_content, row_labels, shows
from pal.datasets.table import Columns, find_table, read_table
from pal.errors import InvalidInputError
from pal.items import Items


def vectors(
    path: Path,
    /,
    *,
    reading: Reading = Reading(),  # noqa: B008  frozen
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Items:
    """Items of a file of embeddings, in the order of their names.

    An .npz holds them as ``x`` (or ``embeddings``, or its only matrix) and may hold classes ``y``. A table (by
    default the file of the same name ending in .csv, .parquet or .jsonl) has one row for each: with a column of texts
    or of paths (from the table's folder) people see those, and the other columns beside; see
    :mod:`pal.datasets.choosing` for how columns are recognised.

    Raises
    ------
    InvalidInputError
        If the file can't be read or has no matrix, or the table has another number of rows or lacks a column.
    """
    x, labels = read_vectors(path)
    table = find_table(path) if reading.table is None else reading.table
    columns: Columns = {} if table is None else read_table(table)
    for name, column in columns.items():
        if len(column) != len(x):
            raise InvalidInputError(
                f"{table} has {len(column)} rows (column {name}) and {path} has {len(x)}; "
                "give one row for each embedding"
            )
    if table is None:
        return items_of(x, source=str(path), labels=labels)
    shown = _shown(columns, reading.columns, str(table))
    kind = column_kind(columns[shown]) if shown else "vector"
    choice = Choice(kind if kind in ("image", "audio") else "text", shown, ())
    names, name_column = row_labels(columns, reading.ids, choice, len(x), str(table))
    rest = {name: column for name, column in columns.items() if name not in (shown, name_column) and shows(column)}
    if shown is None:
        return items_of(x, source=str(path), names=names, labels=labels, columns=rest)
    if kind not in ("image", "audio"):
        texts = ["" if value is None else str(value) for value in columns[shown]]
        return items_of(x, source=str(path), names=names, texts=texts, labels=labels, columns=rest)
    found = file_content(columns[shown], names, table.parent, "audio" if kind == "audio" else "image", cache, progress)
    return items_of(
        x[found.rows],
        source=str(path),
        names=[names[i] for i in found.rows],
        paths=found.paths,
        path_ids=found.ids,
        labels=None if labels is None else labels[found.rows],
        skipped=found.skipped,
        rows=np.array(found.rows, dtype=np.int64),
        columns=rest,
        kind="audio" if kind == "audio" else "image",
    )


def _shown(columns: Columns, wanted: tuple[str, ...], source: str) -> str | None:
    """The column that people look at: as asked for, or by its name."""
    if len(wanted) > 1:
        raise InvalidInputError(f"--column got {' and '.join(wanted)} of {source}; beside embeddings give one")
    if wanted:
        if wanted[0] not in columns:
            raise InvalidInputError(f"no column {wanted[0]!r} in {source}; it has {', '.join(columns)}")
        return wanted[0]
    found = {name.strip().lower(): name for name in reversed(columns)}
    return next((found[name] for name in (*FILES, *TEXTS, "title") if name in found), None)


def read_vectors(path: Path, /) -> tuple[ndarray, ndarray | None]:
    """The matrix in a file, and its classes if it has some; nothing is unpickled."""
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            arrays = loaded if isinstance(loaded, ndarray) else {name: loaded[name] for name in loaded.files}
    except FileNotFoundError:
        raise InvalidInputError(f"no such file: {path}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidInputError(f"can't read {path} as numpy's .npz or .npy: {error}") from None
    except MemoryError as error:  # as large as it says it is, or a file made to fill the memory
        raise InvalidInputError(f"{path} holds more than this computer's memory: {error}; give fewer rows") from None
    if isinstance(arrays, ndarray):
        return arrays, None
    matrices = [name for name, array in arrays.items() if array.ndim == 2]
    chosen = next((name for name in ("x", "embeddings") if name in arrays), matrices[0] if len(matrices) == 1 else None)
    if chosen is None:
        raise InvalidInputError(
            f"{path} must hold the embeddings as x, got {', '.join(sorted(arrays)) or 'nothing'}; "
            "save it with np.savez(…, x=…)"
        )
    label = next((arrays[name] for name in LABELS if name in arrays), None)
    return arrays[chosen], None if label is None else _classes(label, len(arrays[chosen]), path)


def _classes(label: ndarray, n: int, path: Path) -> ndarray:
    if label.shape != (n,):
        raise InvalidInputError(f"{path}: y must have one class for each of {n} rows of x, got shape {label.shape}")
    return np.unique(label, return_inverse=True)[1].astype(np.int64)
