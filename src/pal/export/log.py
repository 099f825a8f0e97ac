"""The log as it is, and the answers as pairs."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from pal.export.tables import harmless
from pal.store import Answered, Event
from pal.store.events import to_dict

PAIRS = ("template", "item", "relation", "labeler", "page", "time")


def write_log(log: Iterable[tuple[int, Event]], until: int, path: Path, /) -> Path:
    """Write the raw log up to a position, one event a line, retracted ones included."""
    with path.open("w", encoding="utf-8") as file:
        for position, event in log:
            if position <= until:
                file.write(json.dumps({"position": position} | to_dict(event), ensure_ascii=False) + "\n")
    return path


def write_pairs(answered: Iterable[Answered], path: Path, /) -> Path:
    """Write every answer that counts as a pair of items: relation +1 alike, -1 unlike, 0 cannot tell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(PAIRS)
        for event in answered:
            rest = (harmless(event.labeler), harmless(event.page), event.time)
            for item, relation in zip(event.items, event.relations, strict=True):
                writer.writerow((event.template, item, relation, *rest))
    return path
