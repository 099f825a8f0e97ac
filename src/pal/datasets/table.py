"""Tables: CSV, Parquet or JSON lines, as columns of equal length."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pal.errors import InvalidInputError, require_extra

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".parquet", ".jsonl")

MAX_CELL = 16 << 20
"""Characters a cell of a CSV may have; beyond, a quote is most likely missing."""

Columns = dict[str, Sequence[Any]]
"""Columns by name: lists, or Arrow's arrays, whose values are read one at a time."""


def read_table(path: Path, /) -> Columns:
    """Read a table into columns of equal length, by the ending of its name.

    Raises
    ------
    InvalidInputError
        If there is no such file, the ending is unknown, or it can't be read.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidInputError(f"expected a table ending in {', '.join(SUFFIXES)}, got {path.name}")
    try:
        return {".csv": _csv, ".parquet": _parquet, ".jsonl": _jsonl}[path.suffix.lower()](path)
    except FileNotFoundError:
        raise InvalidInputError(f"no such file: {path}") from None
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"can't read the table {path}: it isn't UTF-8 (byte {error.start}); save it so"
        ) from None
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise InvalidInputError(f"can't read the table {path}: {error}") from None


def find_table(data: Path, /) -> Path | None:
    """Table beside a file of embeddings: the same name with another ending."""
    return next((p for p in (data.with_suffix(suffix) for suffix in SUFFIXES) if p.is_file()), None)


def arrow_columns(table: "pa.Table", /) -> Columns:
    """Columns of an Arrow table; those of plain short values as lists, which are quicker to read."""
    import pyarrow as pa

    columns: Columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        plain = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_primitive(kind)
        columns[str(name)] = column.to_pylist() if plain else column
    return columns


def _csv(path: Path) -> Columns:
    before = csv.field_size_limit(MAX_CELL)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            # Spreadsheets separate by what the country's decimal comma leaves.
            head = file.readline()
            file.seek(0)
            lines = csv.reader(file, strict=True, delimiter="," if "," in head else max(",;\t", key=head.count))
            try:
                header = next(lines, None)
                body = [(lines.line_num, row) for row in lines if row]
            except csv.Error as error:
                raise ValueError(f"line {lines.line_num}: {error}; is a quote missing?") from None
    finally:
        csv.field_size_limit(before)
    if not header:
        raise ValueError("it is empty, expected a line of column names first")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise ValueError(f"two columns are called {twice!r}; give each a name of its own")
    ragged = next((line for line, row in body if len(row) != len(header)), None)
    if ragged is not None:
        raise ValueError(f"line {ragged} doesn't have the {len(header)} columns of the first line")
    return {name: [row[j] for _, row in body] for j, name in enumerate(header)}


def _jsonl(path: Path) -> Columns:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8-sig").split("\n") if line.strip()]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError("expected one JSON object a line")
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _parquet(path: Path) -> Columns:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise require_extra("pyarrow", "annotate") from None
    return arrow_columns(pq.read_table(path))
