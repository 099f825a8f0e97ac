"""Labels in a table: a column that names the thing, a column with its class.

Columns are found by name, whatever their case: the thing by id, sha256, path, file, filename, image, name or text, the
class by class, label, category or target. Tables that PAL exported say where a label comes from, in ``source``: what
was only predicted is left out, and so is what has no class.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pal.errors import InvalidInputError, require_extra
from pal.imports.said import Said

THINGS = ("id", "sha256", "path", "file", "filename", "image", "name", "text")
CLASSES = ("class", "label", "category", "target")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LARGEST = 10 << 20
"""Characters of one cell."""


def read_table(path: Path, /, *, predicted: bool) -> list[Said]:
    """Read a table.

    Raises
    ------
    InvalidInputError
        If it lacks a column, or a row can't be read.
    """
    rows = READERS[path.suffix.lower()](path)
    said, columns = [], None
    for row in rows:
        lower = {str(name).strip().lower(): value for name, value in row.items() if name is not None}
        if columns is None:
            columns = _columns(path, lower)
        things, label = columns
        words = text(lower.get(label))
        if not words or (not predicted and text(lower.get("source")) == "predicted"):
            continue
        names = tuple(name for thing in things if (name := text(lower.get(thing))))
        said.append(Said(names, words, text(lower.get("parent"))))
    return said


def text(value: Any, /) -> str:
    """A cell as text, without the apostrophe that keeps spreadsheets from reading a formula."""
    words = "" if value is None else str(value)
    if words.startswith("'") and words[1:].startswith(_FORMULA):
        words = words[1:]
    return words.strip()


def _columns(path: Path, row: Mapping[str, Any]) -> tuple[list[str], str]:
    things = [name for name in THINGS if name in row]
    label = next((name for name in CLASSES if name in row), None)
    if not things or label is None:
        raise InvalidInputError(
            f"{path} needs a column {'/'.join(THINGS)} and a column {'/'.join(CLASSES)}, got {', '.join(row)[:200]}"
        )
    return things, label


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    csv.field_size_limit(_LARGEST)
    with path.open(newline="", encoding="utf-8-sig") as file:
        head = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=head.count)
        reader = csv.DictReader(file, delimiter=delimiter, strict=True)
        try:
            yield from reader
        except csv.Error as error:
            raise InvalidInputError(f"{path}, line {reader.line_num}: {error}; mend the line") from None


def _jsonl(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InvalidInputError(f"{path}, line {number}: {error}; expected one object a line") from None
            if not isinstance(row, dict):
                raise InvalidInputError(f"{path}, line {number}: expected one object a line")
            yield row


def _parquet(path: Path) -> Iterable[Mapping[str, Any]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise require_extra("pyarrow", "annotate") from None
    try:
        rows: list[Mapping[str, Any]] = pq.read_table(path).to_pylist()
    except pa.ArrowException as error:
        raise InvalidInputError(f"{path} is no Parquet file: {error}") from None
    return rows


READERS = {".csv": _csv, ".tsv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
"""What reads the rows of a table, by the ending of its name."""
