"""Labels in Label Studio's JSON exports: the full one (``annotations``) and JSON-MIN.

Of each task that was annotated and not cancelled, choices (one only) or a taxonomy count; a taxonomy's last step is the
class and the one before it the parent. A task is known by the texts in its data: addresses of uploaded and of local
files are read as the paths behind them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pal.errors import InvalidInputError
from pal.imports.said import Said

# Label Studio puts eight digits of a random id before the name of what is uploaded.
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
# JSON-MIN puts the annotation beside the data.
_OWN = {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time"}


def read_label_studio(path: Path, /) -> list[Said]:
    """Read an export.

    Raises
    ------
    InvalidInputError
        If it isn't one.
    """
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path} isn't JSON: {error}; export as JSON or JSON-MIN") from None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise InvalidInputError(f"expected a list of tasks in {path}; export as JSON or JSON-MIN from Label Studio")
    return [said for task in tasks for said in (_full(task) if "annotations" in task else _short(task))]


def references(value: str, /) -> Iterator[str]:
    """Names that a thing may have here, from a text in a task's data."""
    yield value
    parts = urlsplit(value) if "/" in value and "\n" not in value else None
    if parts is None:
        return
    local = parse_qs(parts.query).get("d")
    place = local[0] if local else unquote(parts.path).lstrip("/")
    yield place
    name = place.rsplit("/", 1)[-1]
    yield _UPLOADED.sub("", name)
    yield name


def _full(task: Mapping[str, Any]) -> Iterator[Said]:
    data = task.get("data")
    names = _names(data if isinstance(data, dict) else {})
    for annotation in task["annotations"] if isinstance(task["annotations"], list) else []:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        for result in annotation.get("result") or []:
            value = result.get("value") if isinstance(result, dict) else None
            if isinstance(value, dict):
                yield from _said(names, value.get("choices"), value.get("taxonomy"))


def _short(task: Mapping[str, Any]) -> Iterator[Said]:
    choice = task.get("choice", task.get("label"))
    data = {name: value for name, value in task.items() if name not in (*_OWN, "choice", "label")}
    if isinstance(choice, dict):
        choice = choice.get("choices")
    yield from _said(_names(data), choice, task.get("taxonomy"))


def _said(names: tuple[str, ...], choices: Any, taxonomy: Any) -> Iterator[Said]:
    chosen = [choices] if isinstance(choices, str) else choices
    if isinstance(chosen, list) and len(chosen) == 1 and isinstance(chosen[0], str) and chosen[0].strip():
        yield Said(names, chosen[0].strip())
    path = taxonomy[0] if isinstance(taxonomy, list) and len(taxonomy) == 1 else None
    if isinstance(path, list) and path and all(isinstance(step, str) for step in path):
        yield Said(names, path[-1].strip(), path[-2].strip() if len(path) > 1 else "")


def _names(data: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(name for value in data.values() if isinstance(value, str) for name in references(value) if name)
    )
