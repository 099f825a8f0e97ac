"""Reading texts: as UTF-8, as UTF-16 where it says so, else as the Latin letters that old files hold."""

from pathlib import Path

from pal.errors import InvalidInputError

MAX_BYTES = 4 << 20
MAX_CHARACTERS = 100_000
"""What lies beyond is neither encoded nor shown."""


def read_text(path: Path, /) -> str:
    """Text of a file.

    Raises
    ------
    InvalidInputError
        With the reason in one sentence.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(f"not readable: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise InvalidInputError(f"too large: a text of more than {MAX_BYTES >> 20} MiB")
    return usable_text(_decoded(data))


def usable_text(text: str, /) -> str:
    """A text cut to what is used of it.

    Raises
    ------
    InvalidInputError
        If there is nothing in it, or it is no text.
    """
    if "\0" in text:
        raise InvalidInputError("not a text: it holds bytes of zero")
    if not text.strip():
        raise InvalidInputError("an empty text")
    return text[:MAX_CHARACTERS].encode(errors="replace").decode()  # half a surrogate pair is no letter


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
