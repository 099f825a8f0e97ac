"""A folder of pictures, one folder a class: what most training code reads."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pal.export.rows import Row
from pal.items import Items

UNKNOWN = "_unknown"
"""Folder of pictures of no known class."""

_STARTS = {
    b"\x89PNG": ".png",
    b"\xff\xd8": ".jpg",
    b"GIF8": ".gif",
    b"RIFF": ".wav",
    b"fLaC": ".flac",
    b"OggS": ".ogg",
    b"ID3": ".mp3",
}


def write_pictures(rows: Iterable[Row], items: Items, out: Path, /, *, how: Literal["link", "copy"]) -> list[Path]:
    """Put every picture into the folder of its class, under its path in the source; flagged ones are left out.

    Pictures that came inside the source are written as PNG. Returns the files.
    """
    folders: dict[int, str] = {-1: UNKNOWN}
    files = []
    for row in rows:
        i = items.row[row.id]
        if row.flagged or not items.has_picture(i):
            continue
        folder = folders.setdefault(row.class_id, safe_name(row.class_name, set(folders.values())))
        files.append(_put(items, i, out / folder / inner_name(row.path), how))
    return files


def safe_name(name: str, taken: set[str], /) -> str:
    """A name that is a folder's on any system, and isn't taken, whatever the case of its letters."""
    safe = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .")[:80] or "_"
    lower = {other.lower() for other in taken}
    candidate, count = safe, 1
    while candidate.lower() in lower:
        count += 1
        candidate = f"{safe} ({count})"
    return candidate


def inner_name(name: str, /) -> str:
    """Relative path for an item's name, that can't lead out of a folder: names may come from a table of others."""
    parts = [safe_name(part, set()) for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "_"


def _put(items: Items, i: int, file: Path, how: Literal["link", "copy"]) -> Path:
    source = items.file(i)
    ending = ".png" if source is None else _ending(source)
    file = file if file.suffix.lower() == ending or isinstance(source, Path) else file.with_name(file.name + ending)
    file.parent.mkdir(parents=True, exist_ok=True)
    if source is None:
        from PIL import Image

        assert items.pictures is not None  # noqa: S101
        Image.fromarray(items.pictures[i]).save(file)
    elif isinstance(source, bytes):
        file.write_bytes(source)
    elif how == "link":
        file.symlink_to(source.resolve())
    else:
        shutil.copyfile(source, file)
    return file


def _ending(source: Path | bytes) -> str:
    """Ending of a file's name, by its first bytes where it has no name."""
    if isinstance(source, Path):
        return source.suffix.lower()
    if source[8:12] == b"WEBP":
        return ".webp"
    return next((ending for start, ending in _STARTS.items() if source.startswith(start)), "")
