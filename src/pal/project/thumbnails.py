"""Thumbnails: small pictures of items, encoded anew, so that what reaches a browser was written here.

Those of 256 pixels are made at import, by the processes that read the files; other sizes when they are asked for.
"""

import io
import os
import threading
from functools import lru_cache
from pathlib import Path

import numpy as np

from pal.encoders.encode import THUMBNAIL, Keep
from pal.encoders.profile import Axes, axes_of, profile
from pal.encoders.waveform import waveform
from pal.errors import InvalidInputError, StoreError
from pal.items import Items
from pal.media import pool
from pal.media.pictures import encode_picture, read_picture

SMALLEST, LARGEST = 16, 1024

_TINY = 16


def thumbnail(items: Items, directory: Path, item: str, size: int, /) -> bytes:
    """Picture of an item as JPEG, at most ``size`` pixels on a side; kept under ``directory``.

    Sounds are drawn, and so are vectors that come with nothing to look at.

    Raises
    ------
    InvalidInputError
        If there is no such item, it has no picture or a broken one, or the size is out of range.
    """
    if item not in items:
        raise InvalidInputError(f"no item {item[:12]}… in this project")
    if not SMALLEST <= size <= LARGEST:
        raise InvalidInputError(f"size must lie in {SMALLEST}..{LARGEST}, got {size}")
    file = _file(directory, item, size)
    try:
        if file.is_file():
            return file.read_bytes()
        data = _draw(items, directory, items.row[item], size)
        _write(file, data)
    except OSError as error:
        raise StoreError(f"can't keep thumbnails in {directory}: {error.strerror}") from None
    return data


def keeper(directory: Path, size: int, /) -> Keep:
    """Function that keeps a thumbnail made at import."""

    def keep(item: str, data: bytes) -> None:
        file = _file(directory, item, size)
        try:
            if not file.is_file():
                _write(file, data)
        except OSError as error:
            raise StoreError(f"can't keep thumbnails in {directory}: {error.strerror}") from None

    return keep


def _file(directory: Path, item: str, size: int) -> Path:
    return directory / str(size) / item[:2] / f"{item}.jpg"


def _write(file: Path, data: bytes) -> None:
    # Another thread may write the same picture: each writes its own file, and the last one to move it wins.
    part = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    try:
        part.write_bytes(data)
    except FileNotFoundError:  # the first of its folder
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
    part.replace(file)


def _draw(items: Items, directory: Path, row: int, size: int) -> bytes:
    if items.pictures is not None:
        return _enlarged(items, row, size)
    source = items.file(row)
    if source is None and items.drawn and items.vectors is not None:
        return profile(items.vectors[row], _axes(items, directory), size)
    if source is None or items.kind not in ("image", "audio"):
        raise InvalidInputError(f"{items.name[row]} has no picture; show its name or text")
    if items.kind == "audio":
        return waveform(pool().sound(source), size)
    made = _file(directory, items.id[row], THUMBNAIL)
    if size < THUMBNAIL and made.is_file():  # written here, so it may be read here
        return encode_picture(read_picture(made, size))
    return pool().picture(source, side=0, thumbnail=size)[1]


@lru_cache(maxsize=1)
def _axes(items: Items, directory: Path) -> Axes:
    """Axes that vectors are drawn along; kept, for pictures of one project must not change as its source grows."""
    assert items.vectors is not None  # noqa: S101
    file = directory / "axes.npz"
    if file.is_file():
        with np.load(file) as kept:
            found = Axes(kept["mean"], kept["scaled"])
        if len(found.mean) == items.vectors.shape[1]:
            return found
    made, data = axes_of(items.vectors), io.BytesIO()
    np.savez(data, **made._asdict())
    _write(file, data.getvalue())
    return made


def _enlarged(items: Items, row: int, size: int) -> bytes:
    from PIL import Image, ImageOps

    assert items.pictures is not None  # noqa: S101
    drawn = Image.fromarray(items.pictures[row]).convert("RGB")
    if max(drawn.size) <= _TINY:
        # Strokes of so few pixels run into the edge; a row of background around them makes them readable.
        drawn = ImageOps.expand(drawn, border=1, fill=(int(items.pictures[row][0, 0]),) * 3)
    scale = max(1, size // max(drawn.size))
    return encode_picture(drawn.resize((drawn.width * scale, drawn.height * scale), Image.Resampling.BICUBIC))
