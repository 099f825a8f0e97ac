"""Thumbnails: small pictures of items, encoded anew, so that what reaches a browser was written here."""

import io
import os
import threading
from pathlib import Path

from pal.datasets.files import read_picture
from pal.errors import InvalidInputError, StoreError
from pal.items import Items

SMALLEST, LARGEST = 16, 1024

_TINY = 16


def thumbnail(items: Items, directory: Path, item: str, size: int, /) -> bytes:
    """Picture of an item as WebP, at most ``size`` pixels on a side; kept under ``directory``.

    Raises
    ------
    InvalidInputError
        If there is no such item, it has no picture or a broken one, or the size is out of range.
    """
    if item not in items:
        raise InvalidInputError(f"no item {item[:12]}… in this project")
    if not SMALLEST <= size <= LARGEST:
        raise InvalidInputError(f"size must lie in {SMALLEST}..{LARGEST}, got {size}")
    file = directory / str(size) / item[:2] / f"{item}.webp"
    try:
        if file.is_file():
            return file.read_bytes()
        data = _draw(items, items.row[item], size)
        file.parent.mkdir(parents=True, exist_ok=True)
        # Another thread may write the same picture: each writes its own file, and the last one to move it wins.
        part = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        part.write_bytes(data)
        part.replace(file)
    except OSError as error:
        raise StoreError(f"can't keep thumbnails in {directory}: {error.strerror}") from None
    return data


def _draw(items: Items, row: int, size: int) -> bytes:
    from PIL import Image, ImageOps

    path = items.path[row]
    if path is not None:
        picture = read_picture(path, size)
    elif items.pictures is not None:
        drawn = Image.fromarray(items.pictures[row]).convert("RGB")
        if max(drawn.size) <= _TINY:
            # Strokes of so few pixels run into the edge; a row of background around them makes them readable.
            drawn = ImageOps.expand(drawn, border=1, fill=(int(items.pictures[row][0, 0]),) * 3)
        scale = max(1, size // max(drawn.size))
        picture = drawn.resize((drawn.width * scale, drawn.height * scale), Image.Resampling.BICUBIC)
    else:
        raise InvalidInputError(f"{items.name[row]} has no picture; show its name or text")
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=82, method=2)
    return buffer.getvalue()
