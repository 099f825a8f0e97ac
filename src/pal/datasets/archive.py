"""A zip file of pictures, sounds or texts: unpacked once into a folder of its project, and then that folder.

What an archive says of itself is checked before anything is written: names lead nowhere else, nothing is encrypted, and
count, depth and size have bounds, in all and against what is packed. Of each file not more is unpacked than was said,
and it has to have the checksum that was said. Links, archives in the archive and whatever nobody could look at here
are left out, as are hidden files. An unpacking that was broken off goes on where it was.
"""

import atexit
import io
import json
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pal.datasets.folder import folder
from pal.errors import InvalidInputError, PalError, StoreError
from pal.items import Items, Skipped
from pal.media import kind_of
from pal.media.kinds import FileKind, stem_and_ending

ENDING = ".zip"

MOST_FILES = 200_000
"""Files in an archive."""

MOST_LISTED = 1 << 26
"""Bytes of its table of contents, which is read at once."""

MOST_BYTES = 1 << 37
"""Bytes that it unpacks to."""

MOST_RATIO = 100
"""Bytes that it unpacks to for each byte of its own; pictures and sounds hardly shrink, texts by some four or five."""

_SMALL = 1 << 20  # a short archive may well be of blank pages
_DEEPEST = 32
_LONGEST = 200  # bytes of a name of a file or folder; most systems take 255
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
_ENCRYPTED = 0x1
_BROKEN = (OSError, ValueError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)
_CHUNK = 1 << 20


def archive(
    path: Path,
    /,
    *,
    kind: FileKind | None = None,
    progress: Callable[[int, int], None] | None = None,
    cache: Path | None = None,
) -> Items:
    """Items of a zip file; it is unpacked beside ``cache``, or until the program ends where there is none.

    Raises
    ------
    InvalidInputError
        If it can't be read, isn't to be trusted, or holds nothing that can be labelled.
    StoreError
        If there is no room to unpack it.
    """
    place = (_temporary() if cache is None else cache.parent) / "unpacked"
    left_out = unpack(path, place, progress=progress)
    items = folder(place, kind=kind, progress=progress, cache=cache)
    return replace(items, source=str(path), skipped=(*left_out, *items.skipped))


def unpack(path: Path, place: Path, /, *, progress: Callable[[int, int], None] | None = None) -> list[Skipped]:
    """Make a folder hold what a zip file does, and return what was left out; see :func:`archive`.

    ``place`` is brought up to date if the archive has changed since, and left alone if it hasn't.
    """
    try:
        with _Bounded(path) as file, zipfile.ZipFile(file) as opened:
            members, left_out = _members(opened, path)
            about = path.stat()
            done, stamp = place.with_suffix(".json"), json.dumps([about.st_size, about.st_mtime_ns])
            if not done.is_file() or done.read_text(encoding="utf-8") != stamp:
                _fill(opened, members, place, progress)
                done.write_text(stamp, encoding="utf-8")
    except PalError:
        raise
    except FileNotFoundError:
        raise InvalidInputError(f"no such file: {path}; give a zip file, a folder, a table or embeddings") from None
    except _BROKEN as error:
        raise InvalidInputError(f"can't read {path} as a zip file: {error}; pack it again") from None
    return left_out


class _Bounded(io.BufferedReader):
    """A file of which not more is read at once than a table of contents may have."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._path = path

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MOST_LISTED:
            raise InvalidInputError(_too_much(self._path, f"a table of contents of {size:,} bytes", f"{MOST_LISTED:,}"))
        return super().read(size)


def _members(opened: zipfile.ZipFile, path: Path) -> tuple[dict[str, zipfile.ZipInfo], list[Skipped]]:
    """What to unpack, by relative path, and what not.

    Raises
    ------
    InvalidInputError
        If the archive isn't to be trusted or has nothing to unpack.
    """
    listed = [(_name(info, path), info) for info in opened.infolist() if not info.is_dir()]
    size = sum(info.file_size for _, info in listed)
    if len(listed) > MOST_FILES:
        raise InvalidInputError(_too_much(path, f"{len(listed):,} files", f"{MOST_FILES:,}"))
    if size > MOST_BYTES:
        raise InvalidInputError(_too_much(path, f"{size:,} bytes to unpack", f"{MOST_BYTES:,}"))
    most = MOST_RATIO * max(path.stat().st_size, _SMALL)
    if size > most:
        raise InvalidInputError(_too_much(path, f"{size:,} bytes to unpack for its own size", f"{most:,}"))
    members: dict[str, zipfile.ZipInfo] = {}
    left_out: list[Skipped] = []
    for name, info in listed:
        why = _why_not(name, info, members)
        if why is None:
            members[name] = info
        elif why:
            left_out.append(Skipped(name, why))
    folders = {str(above) for name in members for above in Path(name).parents}
    for name in folders & members.keys():
        del members[name]
        left_out.append(Skipped(name, "a file and a folder at once"))
    if not members:
        first = f"; the first file left out is {left_out[0].name}: {left_out[0].why}" if left_out else ""
        raise InvalidInputError(f"expected pictures, sounds or texts in {path}, got none{first}")
    return members, left_out


def _name(info: zipfile.ZipInfo, path: Path) -> str:
    """Relative path of a member, below wherever it is unpacked."""
    name = info.filename.replace("\\", "/")
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or ":" in parts[0] or "\0" in info.orig_filename:
        raise InvalidInputError(
            f"{path} would write outside of its folder ({info.filename[:80]!r}); don't trust it, or pack it again"
        )
    if len(parts) > _DEEPEST:
        raise InvalidInputError(_too_much(path, f"{len(parts)} folders in each other", str(_DEEPEST)))
    if info.flag_bits & _ENCRYPTED:
        raise InvalidInputError(f"{path} is encrypted; unpack it yourself and give the folder")
    return "/".join(part for part in parts if part not in ("", "."))


def _why_not(name: str, info: zipfile.ZipInfo, members: dict[str, zipfile.ZipInfo]) -> str | None:
    """Why a member is left out; None if it isn't, "" for what a folder leaves out without a word."""
    *folders, file = name.split("/")
    if file.startswith(".") or any(one.startswith(".") or one.endswith(".pal") for one in folders):
        return ""
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "a link, or no file at all"
    ending = stem_and_ending(name)[1].lower()
    if ending in _ARCHIVES:
        return "an archive in the archive; unpack it yourself"
    if kind_of(name) is None:
        return f"of no known kind ({ending or 'no ending'})"
    if info.compress_type not in _METHODS:
        return "packed in another way than deflate; pack it again"
    if max(len(part.encode()) for part in (*folders, file)) > _LONGEST:
        return "a name that is too long"
    return "a name that was there before" if name in members else None


def _fill(
    opened: zipfile.ZipFile,
    members: dict[str, zipfile.ZipInfo],
    place: Path,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Unpack what isn't there yet, and remove what is no member."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        place.with_suffix(".json").unlink(missing_ok=True)
        for found in [below for below in place.rglob("*") if below.is_symlink() or not below.is_dir()]:
            if found.relative_to(place).as_posix() not in members:
                found.unlink(missing_ok=True)
        needed = sum(info.file_size for name, info in members.items() if not (place / name).is_file())
        if needed > shutil.disk_usage(place).free:
            raise OSError(0, f"{needed:,} bytes are needed")
        for i, (name, info) in enumerate(members.items()):
            if progress is not None:
                progress(i, len(members))
            if not _same(place / name, info):
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                _write(opened, info, place / name)
    except OSError as error:
        raise StoreError(
            f"can't unpack into {place}: {error.strerror or error}; make room, or give another --project"
        ) from None


def _same(target: Path, info: zipfile.ZipInfo) -> bool:
    """Whether a file is a member already, by size and checksum."""
    if not target.is_file() or target.stat().st_size != info.file_size:
        return False
    checksum = 0
    with target.open("rb") as file:
        while chunk := file.read(_CHUNK):
            checksum = zlib.crc32(chunk, checksum)
    return checksum == info.CRC


def _write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """Unpack a member, in one step: it never gives more than it said, and fails if that isn't what was packed."""
    part = target.with_name(f".{os.getpid()}.part")
    try:
        with opened.open(info) as packed, part.open("wb") as file:
            shutil.copyfileobj(packed, file, _CHUNK)
        if part.stat().st_size != info.file_size:
            raise zipfile.BadZipFile(f"{info.filename[:80]!r} isn't as large as it says")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _temporary() -> Path:
    made = Path(tempfile.mkdtemp(prefix="pal-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _too_much(path: Path, found: str, most: str) -> str:
    return f"{path} has {found}, at most {most} are taken; unpack it yourself if you trust it, and give the folder"
