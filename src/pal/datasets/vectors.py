"""A file of embeddings, .npz or .npy, with an optional table that says what each row is."""

import zipfile
from pathlib import Path

import numpy as np
from numpy import ndarray

from pal.datasets.arrays import items_of
from pal.datasets.files import hash_file, open_picture
from pal.datasets.table import Columns, find_table, read_table
from pal.errors import InvalidInputError
from pal.items import Items, Skipped

NAMES = ("name", "id", "key")
TEXTS = ("text", "sentence", "title", "content")
PATHS = ("path", "file", "filename", "image", "picture")
LABELS = ("y", "label", "class")


def vectors(path: Path, /, *, table: Path | None = None) -> Items:
    """Items of a file of embeddings, in the order of their names.

    An .npz holds them as ``x`` (or ``embeddings``, or its only matrix) and may hold classes ``y``. A table (by
    default the file of the same name ending in .csv, .parquet or .jsonl) has one row for each, with any of the columns
    name, text and path (of a picture, from the table's folder); see NAMES, TEXTS and PATHS for other spellings.

    Raises
    ------
    InvalidInputError
        If the file can't be read or has no matrix, or the table has another number of rows.
    """
    x, labels = read_vectors(path)
    table = find_table(path) if table is None else table
    columns: Columns = {} if table is None else read_table(table)
    for name, column in columns.items():
        if len(column) != len(x):
            raise InvalidInputError(
                f"{table} has {len(column)} rows (column {name}) and {path} has {len(x)}; "
                "give one row for each embedding"
            )
    names = _texts(_first(columns, NAMES))
    texts = _texts(_first(columns, TEXTS))
    files = _first(columns, PATHS)
    if files is None or table is None:
        return items_of(x, source=str(path), names=names, texts=texts, labels=labels)
    rows, paths, ids, skipped = _pictures([str(file) for file in files], table.parent)
    names = [str(file) for file in files] if names is None else names
    return items_of(
        x[rows],
        source=str(path),
        names=[names[i] for i in rows],
        texts=None if texts is None else [texts[i] for i in rows],
        paths=paths,
        path_ids=ids,
        labels=None if labels is None else labels[rows],
        skipped=skipped,
    )


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


def _pictures(files: list[str], home: Path) -> tuple[ndarray, list[Path | None], list[str], list[Skipped]]:
    """Rows whose picture can be read, with their paths and hashes, and the others."""
    rows, paths, ids, skipped = [], [], [], []
    for i, file in enumerate(files):
        path = home / file
        try:
            open_picture(path).close()
            ids.append(hash_file(path))
        except InvalidInputError as error:
            skipped.append(Skipped(file, str(error)))
            continue
        rows.append(i)
        paths.append(path)
    return np.array(rows, dtype=np.int64), list(paths), ids, skipped


def _first(columns: Columns, spellings: tuple[str, ...]) -> list[object] | None:
    found = {name.strip().lower(): column for name, column in columns.items()}
    return next((found[name] for name in spellings if name in found), None)


def _texts(column: list[object] | None) -> list[str] | None:
    return None if column is None else ["" if value is None else str(value) for value in column]
