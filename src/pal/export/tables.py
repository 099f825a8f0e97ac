"""Tables of labels: CSV, JSON Lines and Parquet."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from pal.errors import require_extra
from pal.export.rows import HEADER, Row


def write_csv(rows: Sequence[Row], path: Path, /) -> Path:
    """Write rows as CSV in UTF-8."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows([harmless(cell) for cell in row] for row in rows)
    return path


def write_jsonl(rows: Sequence[Row], path: Path, /) -> Path:
    """Write rows as objects, one a line, in UTF-8."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) + "\n")
    return path


def write_parquet(rows: Sequence[Row], path: Path, /) -> Path:
    """Write rows as Parquet."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise require_extra("pyarrow", "annotate") from None
    columns = zip(*rows, strict=True)
    pq.write_table(pa.table(dict(zip(HEADER, map(list, columns), strict=True))), path)
    return path


def harmless(cell: object, /) -> object:
    """A cell that no spreadsheet takes for a formula: texts that begin like one get an apostrophe in front."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
