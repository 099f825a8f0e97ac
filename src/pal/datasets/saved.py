"""A Hugging Face dataset saved on disk (``Dataset.save_to_disk``): Arrow files, and a description beside them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pal.datasets.choosing import ColumnKind
from pal.datasets.reading import Reading
from pal.datasets.rows import rows_of_table
from pal.datasets.table import Columns, arrow_columns
from pal.errors import InvalidInputError, require_extra
from pal.items import Items

NAME, SHA256 = "path", "sha256"
SHOWN, VECTOR = ("image", "audio", "text"), "vector"
"""Columns of ``pal export``: what a thing was called, its hash, the thing itself, and the vector that came with it."""

_KINDS: dict[str, ColumnKind] = {"Image": "image", "Audio": "audio"}


def is_saved(path: Path, /) -> bool:
    """Whether a folder was written by ``save_to_disk``."""
    return (path / "state.json").is_file() or (path / "dataset_dict.json").is_file()


def saved_dataset(
    path: Path, /, *, reading: Reading, cache: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> Items:
    """Items of a saved dataset, read from its Arrow files without the library that wrote them.

    Raises
    ------
    InvalidInputError
        If it has several parts, was saved with a selection of rows apart, or can't be read.
    """
    if (path / "dataset_dict.json").is_file():
        parts = sorted(p.name for p in path.iterdir() if (p / "state.json").is_file())
        shown = path / (parts[0] if parts else "train")
        raise InvalidInputError(
            f"{path} has several parts ({', '.join(parts) or 'none'}); give one of them, like {shown}"
        )
    try:
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        files = [path / file["filename"] for file in state["_data_files"]]
        info = path / "dataset_info.json"
        features = json.loads(info.read_text(encoding="utf-8")).get("features") or {} if info.is_file() else {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"can't read {path} as a saved dataset: {error}; save it with save_to_disk") from None
    if state.get("_indices_data_files"):
        raise InvalidInputError(f"{path} keeps a selection of rows apart; save it again with save_to_disk")
    home = path.resolve()
    if not all(file.resolve().is_relative_to(home) for file in files):
        raise InvalidInputError(f"{path} names files outside its folder; save it again with save_to_disk")
    columns = _columns(files)
    hints = {name: _KINDS[kind] for name in columns if (kind := _type(features, name)) in _KINDS}
    if {NAME, SHA256, "text"} <= columns.keys():
        hints["text"] = "text"  # also where every text is a number
    for name in columns:
        if _type(features, name) == "ClassLabel" and (classes := features[name].get("names")):
            columns[name] = [_class(value, classes) for value in columns[name]]
    sha256 = SHA256 if SHA256 in columns else None
    if {NAME, SHA256} <= columns.keys() and not reading.columns:
        reading = _exported(columns, reading)
    return rows_of_table(
        columns,
        source=str(path),
        home=path,
        reading=reading,
        hints=hints,
        sha256=sha256,
        cache=cache,
        progress=progress,
    )


def _exported(columns: Columns, reading: Reading) -> Reading:
    """How to read a dataset that ``pal export`` wrote: as what was exported, under the same names."""
    names = columns[NAME]
    ids = reading.ids or (NAME if len(set(names)) == len(names) and all(names) else None)
    shown = [name for name in SHOWN if name in columns][:1]
    return replace(reading, columns=(*shown, *([VECTOR] if VECTOR in columns else [])), ids=ids)


def _columns(files: list[Path]) -> Columns:
    try:
        import pyarrow as pa
    except ImportError:
        raise require_extra("pyarrow", "annotate") from None
    try:
        tables = [pa.ipc.open_stream(pa.memory_map(str(file))).read_all() for file in files]
        return arrow_columns(pa.concat_tables(tables))
    except (OSError, ValueError) as error:  # Arrow's own errors are ValueErrors
        raise InvalidInputError(f"can't read {files[0] if files else 'no file'}: {error}") from None


def _type(features: Any, name: str) -> str:
    feature = features.get(name) if isinstance(features, dict) else None
    return str(feature.get("_type", "")) if isinstance(feature, dict) else ""


def _class(value: Any, classes: list[str]) -> str | None:
    return classes[value] if isinstance(value, int) and 0 <= value < len(classes) else None
