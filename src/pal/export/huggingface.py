"""A dataset as Hugging Face's library saves it: an Arrow file, and what its columns mean.

``datasets.load_from_disk`` opens the folder; ``pal annotate`` does, too, and finds linked files that are unchanged.
Columns are those of the tables, the number of the class with its names, and the thing itself: picture, sound, text or
vector. Written without that library, a batch of rows at a time.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pal.errors import require_extra
from pal.export.rows import HEADER, Row
from pal.items import Items, Kind

if TYPE_CHECKING:
    import pyarrow as pa

DATA = "data-00000-of-00001.arrow"
_BATCH = 256
_TYPES = {
    "class_id": "int64",
    "confidence": "float64",
    "votes": "int64",
    "votes_alike": "int64",
    "votes_unlike": "int64",
}
_FILES: dict[Kind, tuple[str, str]] = {"image": ("image", "Image"), "audio": ("audio", "Audio")}


def write_dataset(
    rows: Sequence[Row], items: Items, classes: Sequence[str], out: Path, /, *, how: Literal["link", "copy"]
) -> list[Path]:
    """Write a dataset to the folder ``out`` and return its files.

    ``how`` says whether pictures and sounds that are files stay where they are or are taken in. A class id of -1 means
    no known class, as the library has it.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise require_extra("pyarrow", "annotate") from None
    out.mkdir()
    features = _features(items, classes)
    schema = pa.schema([(name, _arrow(feature)) for name, feature in features.items()])
    with pa.OSFile(str(out / DATA), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for start in range(0, len(rows), _BATCH):
            batch = list(_records(rows[start : start + _BATCH], items, how))
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    state: dict[str, Any] = {
        "_data_files": [{"filename": DATA}],
        "_fingerprint": "".join(row.id[:1] for row in rows[:16]).ljust(16, "0"),
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    for name, content in (("dataset_info.json", info), ("state.json", state)):
        (out / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return [out / DATA, out / "dataset_info.json", out / "state.json"]


def _features(items: Items, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What each column means, in the library's words."""
    features: dict[str, dict[str, Any]] = {name: _value(_TYPES.get(name, "string")) for name in HEADER}
    features["class_id"] = {"names": list(classes), "_type": "ClassLabel"}
    if items.kind != "text" and any(items.has_picture(i) for i in range(len(items))):
        name, kind = _FILES.get(items.kind, _FILES["image"])
        features[name] = {"_type": kind}
    if items.text is not None:
        features["text"] = _value("string")
    if items.vectors is not None:
        features["vector"] = {"feature": _value("float32"), "_type": "Sequence"}
    return features


def _value(kind: str) -> dict[str, str]:
    return {"dtype": kind, "_type": "Value"}


def _arrow(feature: dict[str, Any]) -> "pa.DataType":
    import pyarrow as pa

    match feature["_type"]:
        case "ClassLabel":
            return pa.int64()
        case "Image" | "Audio":
            return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        case "Sequence":
            return pa.list_(pa.float32())
    return {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}[feature["dtype"]]


def _records(rows: Sequence[Row], items: Items, how: Literal["link", "copy"]) -> Iterator[dict[str, Any]]:
    for row in rows:
        i = items.row[row.id]
        record: dict[str, Any] = dict(zip(HEADER, row, strict=True))
        name, _ = _FILES.get(items.kind, _FILES["image"])
        record[name] = _file(items, i, row.path, how)
        record["text"] = None if items.text is None else items.text[i]
        record["vector"] = None if items.vectors is None else items.vectors[i].tolist()
        yield record


def _file(items: Items, i: int, name: str, how: Literal["link", "copy"]) -> dict[str, Any] | None:
    source = items.file(i)
    if isinstance(source, Path):
        whole = str(source.resolve())
        return {"bytes": None, "path": whole} if how == "link" else {"bytes": source.read_bytes(), "path": source.name}
    if source is not None:
        return {"bytes": source, "path": name}
    if items.pictures is None:
        return None
    import io

    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(items.pictures[i]).save(held, "PNG")
    return {"bytes": held.getvalue(), "path": f"{name}.png"}
