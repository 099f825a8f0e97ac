"""Tables that describe the rows of a matrix: CSV, Parquet or JSON lines."""

import csv
import json
from pathlib import Path
from typing import Any

from pal.errors import InvalidInputError, require_extra

SUFFIXES = (".csv", ".parquet", ".jsonl")

Columns = dict[str, list[Any]]


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
    except (OSError, ValueError, csv.Error) as error:
        raise InvalidInputError(f"can't read the table {path}: {error}") from None


def find_table(data: Path, /) -> Path | None:
    """Table beside a file of embeddings: the same name with another ending."""
    return next((p for p in (data.with_suffix(suffix) for suffix in SUFFIXES) if p.is_file()), None)


def _csv(path: Path) -> Columns:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    if not rows:
        raise ValueError("it is empty, expected a line of column names first")
    header, *body = rows
    ragged = next((i for i, row in enumerate(body, start=2) if len(row) != len(header)), None)
    if ragged is not None:
        raise ValueError(f"line {ragged} doesn't have the {len(header)} columns of the first line")
    return {name: [row[j] for row in body] for j, name in enumerate(header)}


def _jsonl(path: Path) -> Columns:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError("expected one JSON object a line")
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _parquet(path: Path) -> Columns:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise require_extra("pyarrow", "annotate") from None
    return {str(name): values for name, values in pq.read_table(path).to_pydict().items()}
