"""Items of the rows of a table: texts, files named by their paths, files inside the table, or vectors."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from pal.datasets.arrays import NOT_FINITE, assemble, digest, row_names
from pal.datasets.choosing import NAMES, Choice, ColumnKind, choose, column_kind
from pal.datasets.reading import Reading
from pal.datasets.scan import File, load_kept, look_at, save_kept
from pal.datasets.table import Columns
from pal.datasets.texts import usable_text
from pal.errors import InvalidInputError
from pal.items import Items, Skipped
from pal.media import Looked
from pal.media.kinds import FileKind

_OTHER = Looked(None, "its content isn't what it was: another SHA-256 than the table says")


class Content(NamedTuple):
    """What is in the rows that can be used: their numbers, content hashes, texts and paths; and the others."""

    rows: list[int]
    ids: list[str]
    texts: list[str] | None
    paths: list[Path] | None
    skipped: list[Skipped]


def rows_of_table(
    columns: Columns,
    /,
    *,
    source: str,
    home: Path,
    reading: Reading,
    hints: Mapping[str, ColumnKind] | None = None,
    sha256: str | None = None,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Items:
    """Items of a table; ``home`` is the folder that paths start from and must not leave.

    Where a column ``sha256`` says what is in a file that isn't in the table itself, it may lie anywhere: a table then
    shows nobody what whoever made it didn't have.

    Raises
    ------
    InvalidInputError
        If a column is missing or ambiguous, or fewer than 2 different rows can be used.
    """
    n = max((len(column) for column in columns.values()), default=0)
    choice = choose(columns, reading.columns, source, hints)
    names, name_column = row_labels(columns, reading.ids, choice, n, source)
    column = None if choice.content is None else columns[choice.content]
    linked = column is not None and _links_files(column)
    inside = column is not None and _holds_files(column) and not linked
    if column is None:
        content = Content(list(range(n)), [""] * n, None, None, [])
    elif choice.kind == "text":
        content = text_content(column, names)
    elif inside:
        content = _blob_content(column, names)
    else:
        said = None if sha256 is None or not linked else _texts(columns[sha256])
        paths = [(_plain(value) or {}).get("path") for value in column] if linked else column
        kind: FileKind = "audio" if choice.kind == "audio" else "image"
        content = file_content(paths, names, home, kind, cache, progress, said=said)
    vectors = matrix([columns[name] for name in choice.vectors], n) if choice.vectors else None
    if vectors is not None:
        content = _with_vectors(content, vectors, names)
    used = {choice.content, name_column, *choice.vectors}
    return assemble(
        source,
        choice.kind,
        content.ids,
        [names[i] for i in content.rows],
        rows=np.array(content.rows, dtype=np.int64),
        texts=content.texts,
        paths=content.paths,
        vectors=None if vectors is None else vectors[content.rows],
        columns={name: column for name, column in columns.items() if name not in used and shows(column)},
        blobs=column if inside else None,
        skipped=content.skipped,
    )


def row_labels(columns: Columns, ids: str | None, choice: Choice, n: int, source: str) -> tuple[list[str], str | None]:
    """Name of each row, and the column it was taken from."""
    if ids is not None:
        if ids not in columns:
            raise InvalidInputError(f"no column {ids!r} in {source} for --ids; it has {', '.join(columns)}")
        names = _texts(columns[ids])
        repeated = len(set(names)) < n or "" in names
        if repeated:
            raise InvalidInputError(f"--ids {ids}: expected another name in each of {n} rows of {source}, got repeats")
        return names, ids
    for name, column in columns.items():
        if name.strip().lower() in NAMES and len(set(names := _texts(column))) == n and "" not in names:
            return names, name
    if choice.content is not None and choice.kind in ("image", "audio") and not _holds_files(columns[choice.content]):
        paths = _texts(columns[choice.content])
        if len(set(paths)) == n:
            return paths, choice.content
    return row_names(n), None


def text_content(column: Sequence[Any], names: Sequence[str]) -> Content:
    """Rows of texts, by their hashes."""
    rows, ids, texts, skipped = [], [], [], []
    for i, value in enumerate(_texts(column)):
        try:
            text = usable_text(value)
        except InvalidInputError as error:
            skipped.append(Skipped(names[i], str(error)))
            continue
        rows.append(i)
        texts.append(text)
        ids.append(hashlib.sha256(text.encode()).hexdigest())
    return Content(rows, ids, texts, None, skipped)


def file_content(
    column: Sequence[Any],
    names: Sequence[str],
    home: Path,
    kind: FileKind,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    said: Sequence[str] | None = None,
) -> Content:
    """Rows of paths, by the hashes of the files; paths must stay below ``home``, or the hashes be as was ``said``."""
    root = home.resolve()
    rows, paths, files, skipped = [], [], [], []
    for i, value in enumerate(_texts(column)):
        path = home / value.strip()
        try:
            if "\0" in value or (said is None and not path.resolve().is_relative_to(root)):
                raise InvalidInputError(f"a path that leads out of {home}")
            if not value.strip() or not path.is_file():
                raise InvalidInputError("no such file")
            about = path.stat()
        except (InvalidInputError, OSError) as error:
            skipped.append(Skipped(names[i], str(error)))
            continue
        rows.append(i)
        paths.append(path)
        files.append(File(os.path.relpath(path, home), kind, about.st_size, about.st_mtime_ns))
    before = load_kept(cache)
    looked, kept = look_at(home, files, before, progress=progress)
    if cache is not None and kept != before:
        save_kept(kept, cache)
    if said is not None:
        looked = [seen if seen.id in (None, said[i]) else _OTHER for i, seen in zip(rows, looked, strict=True)]
    good = [j for j, seen in enumerate(looked) if seen.id is not None]
    skipped += [Skipped(names[rows[j]], seen.why or "") for j, seen in enumerate(looked) if seen.id is None]
    return Content([rows[j] for j in good], [looked[j].id or "" for j in good], None, [paths[j] for j in good], skipped)


def matrix(columns: Sequence[Sequence[Any]], n: int, /) -> Float32[ndarray, "n d"]:
    """Columns of numbers and of vectors side by side, (n, d); NaN in rows that lack one or have another length."""
    return np.concatenate([_block(column, n) for column in columns], axis=1)


def _block(column: Sequence[Any], n: int) -> ndarray:
    flat = _flat(column, n)
    if flat is not None:
        return flat
    values = list(map(_plain, column))
    width = next((len(value) for value in values if isinstance(value, list | tuple)), 1)
    block = np.full((n, width), np.nan, dtype=np.float32)
    for i, value in enumerate(values):
        one = value if isinstance(value, list | tuple) else [value]
        if len(one) == width:
            try:
                with np.errstate(over="ignore"):  # what is too large becomes infinite, and is skipped
                    block[i] = [np.nan if number is None or number == "" else float(number) for number in one]
            except (TypeError, ValueError, OverflowError):
                continue
    return block


def _flat(column: Sequence[Any], n: int) -> ndarray | None:
    """Vectors in an Arrow column, all of one length, without reading them one at a time."""
    combine, nulls = getattr(column, "combine_chunks", None), getattr(column, "null_count", 0)
    if combine is None or nulls:
        return None
    lists = combine()
    numbers = lists.flatten()
    lengths = np.diff(lists.offsets.to_numpy()) if hasattr(lists, "offsets") else np.array([lists.type.list_size])
    if numbers.null_count or not n or (lengths != lengths[0]).any():
        return None
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is skipped
        return numbers.to_numpy(zero_copy_only=False).astype(np.float32).reshape(n, -1)


def _with_vectors(content: Content, vectors: ndarray, names: Sequence[str]) -> Content:
    """Rows whose vectors are finite, by the hash of everything in them."""
    finite = np.isfinite(vectors).all(axis=1)
    keep = [j for j, i in enumerate(content.rows) if finite[i]]
    lost = [Skipped(names[i], NOT_FINITE) for i in content.rows if not finite[i]]
    rows = [content.rows[j] for j in keep]
    texts = None if content.texts is None else [content.texts[j] for j in keep]
    file = "picture" if texts is None else "text"
    parts = [content.ids[j] if texts is None else texts[k] for k, j in enumerate(keep)]
    ids = [digest(vectors[i], {file: part} if part else {}) for i, part in zip(rows, parts, strict=True)]
    paths = None if content.paths is None else [content.paths[j] for j in keep]
    return Content(rows, ids, texts, paths, [*content.skipped, *lost])


def _blob_content(column: Sequence[Any], names: Sequence[str]) -> Content:
    rows, ids, skipped = [], [], []
    for i in range(len(column)):
        value = _plain(column[i])
        data = value.get("bytes") if isinstance(value, dict) else value
        if not data:
            skipped.append(Skipped(names[i], "no file in this row"))
            continue
        rows.append(i)
        ids.append(hashlib.sha256(data).hexdigest())
    return Content(rows, ids, None, None, skipped)


def shows(column: Sequence[Any], /) -> bool:
    """Whether a column is worth a cell on a card: no files, no vectors."""
    return not _holds_files(column) and column_kind(column) != "vector"


def _holds_files(column: Sequence[Any]) -> bool:
    kind = str(getattr(column, "type", ""))
    return "binary" in kind


def _links_files(column: Sequence[Any]) -> bool:
    """Whether a column of files names them only."""
    chunks = getattr(column, "chunks", None)
    if not chunks or "struct<bytes: binary, path: string>" not in str(getattr(column, "type", "")):
        return False
    return all(chunk.field("bytes").null_count == len(chunk) for chunk in chunks)


def _texts(column: Sequence[Any]) -> list[str]:
    return ["" if value is None else str(value) for value in map(_plain, column)]


def _plain(value: Any) -> Any:
    return value.as_py() if hasattr(value, "as_py") else value
