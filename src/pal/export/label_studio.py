"""Tasks that Label Studio imports, and the labelling interface that they go with.

What was told or deduced is an annotation, what is predicted a prediction with its score. Files are named as Label
Studio serves them from a folder of its computer: set its local storage to the source's folder.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from pal.export.rows import Row
from pal.items import Items, Kind

LOCAL = "/data/local-files/?d="
"""Where Label Studio serves files of its own computer."""

_TAGS: dict[Kind, tuple[str, str]] = {
    "image": ("Image", "image"),
    "audio": ("Audio", "audio"),
    "text": ("Text", "text"),
    "vector": ("Text", "path"),
}


def write_label_studio(rows: Iterable[Row], items: Items, classes: Sequence[str], out: Path, /) -> list[Path]:
    """Write ``label_studio.json`` and ``label_studio.xml`` to the folder ``out``; one task a row."""
    tasks = out / "label_studio.json"
    with tasks.open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows):
            file.write("[\n" if number == 0 else ",\n")
            file.write(json.dumps(_task(row, items), ensure_ascii=False))
        file.write("\n]\n")
    return [tasks, _interface(items.kind, classes, out / "label_studio.xml")]


def _task(row: Row, items: Items) -> dict[str, Any]:
    i = items.row[row.id]
    tag, name = _TAGS[items.kind]
    data: dict[str, Any] = {"path": row.path, "sha256": row.sha256}
    if items.text is not None:
        data["text"] = items.text[i]
    elif tag != "Text":
        data[name] = LOCAL + quote(row.path)
    # Apart: a name beside the data may be taken for the item's own.
    data["pal"] = {"parent": row.parent, "source": row.source, "votes": row.votes, "flagged": row.flagged}
    task: dict[str, Any] = {"data": data}
    if row.class_id < 0:
        return task
    choice = {"from_name": "class", "to_name": "item", "type": "choices", "value": {"choices": [row.class_name]}}
    if row.source == "predicted":
        return task | {"predictions": [{"model_version": "PAL", "score": row.confidence, "result": [choice]}]}
    return task | {"annotations": [{"result": [choice], "was_cancelled": False, "ground_truth": False}]}


def _interface(kind: Kind, classes: Sequence[str], path: Path) -> Path:
    tag, name = _TAGS[kind]
    choices = "\n".join(f"    <Choice value={quoteattr(one)}/>" for one in classes)
    path.write_text(
        f'<View>\n  <{tag} name="item" value="${name}"/>\n'
        f'  <Choices name="class" toName="item" choice="single">\n{choices}\n  </Choices>\n</View>\n',
        encoding="utf-8",
    )
    return path
