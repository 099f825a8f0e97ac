"""Reading pictures safely: a list of formats, a limit of pixels, and one clear reason where a file can't be read."""

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

from pal.errors import InvalidInputError, require_extra

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What Pillow may open; formats that run code or fetch other files (EPS, SVG) are not among them."""

MAX_PIXELS = 89_478_485
"""Pillow's own limit: above it, a small file may be a decompression bomb."""


def open_picture(source: Path | bytes, /) -> "Image":
    """Open a picture, a file or its bytes, without decoding it.

    Raises
    ------
    InvalidInputError
        With the reason in one sentence: not a picture, of too many pixels, or not readable.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise require_extra("Pillow", "annotate") from None

    try:
        picture = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InvalidInputError(_too_large()) from None
    except UnidentifiedImageError:
        raise InvalidInputError(f"not a picture in a known format ({', '.join(FORMATS)})") from None
    except OSError as error:
        raise InvalidInputError(f"not readable: {error.strerror or error}") from None
    except (ValueError, SyntaxError, EOFError, MemoryError, OverflowError) as error:
        raise InvalidInputError(f"broken file: {error}") from None
    if picture.width * picture.height > MAX_PIXELS:
        picture.close()
        raise InvalidInputError(_too_large(picture.width * picture.height))
    return picture


def read_picture(source: Path | bytes, /, size: int | None = None) -> "Image":
    """Read a picture as RGB, upright, on white where it is transparent, and no larger than ``size`` on a side.

    Raises
    ------
    InvalidInputError
        As :func:`open_picture`, also if the file ends too early.
    """
    with open_picture(source) as picture:
        try:
            if size is not None:
                picture.draft("RGB", (2 * size, 2 * size))  # JPEG only: decodes at a fraction of the size
            picture.load()
            return _upright_rgb(picture, size)
        except (OSError, ValueError, SyntaxError, EOFError, MemoryError, OverflowError) as error:
            raise InvalidInputError(f"broken file: {error}") from None


def hash_file(path: Path, /) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def encode_picture(picture: "Image", /) -> bytes:
    """A picture in RGB as JPEG: ten times as quick to write as WebP, and half as large again."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88, subsampling=0)
    return buffer.getvalue()


def _upright_rgb(picture: "Image", size: int | None) -> "Image":
    from PIL import Image, ImageOps

    if picture.mode.startswith("I;16"):
        picture = picture.point(lambda value: value / 256.0, "L") if picture.mode == "I;16" else picture.convert("I")
    if size is not None and picture.mode not in ("P", "1"):
        picture.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    upright = ImageOps.exif_transpose(picture).convert("RGB")
    if size is not None:
        upright.thumbnail((size, size), Image.Resampling.LANCZOS)
    return upright


def _too_large(pixels: int | None = None) -> str:
    shown = "" if pixels is None else f" ({pixels / 1e6:.0f} megapixels)"
    return f"too large{shown}: more than {MAX_PIXELS / 1e6:.0f} megapixels"
