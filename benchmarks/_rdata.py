"""Data frames from R's .rda files (XDR serialization, versions 2 and 3), as columns of numbers or of words.

Only what a data frame of numbers and factors needs is read; nothing in a file is executed. The format: R Internals,
section 1.8, https://cran.r-project.org/doc/manuals/r-release/R-ints.html#Serialization-Formats.
"""

import bz2
import gzip
import lzma
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from pal.errors import InvalidInputError

_OPEN = {b"\x1f\x8b": gzip.decompress, b"BZ": bz2.decompress, b"\xfd7": lzma.decompress}
# What R writes for an integer, or the code of a factor, that is missing.
_MISSING = -(2**31)
_NIL, _GLOBAL = (254, 251, 242), (253, 252, 250)
_SYMBOL, _PAIRLIST, _CHAR, _LOGICAL, _INTEGER, _REAL, _WORDS, _LIST, _REFERENCE = 1, 2, 9, 10, 13, 14, 16, 19, 255


class _Vector:
    """A value with its attributes."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.attributes: dict[str, Any] = {}


class _Reader:
    """Reads one value after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.seen: list[str] = []

    def integer(self) -> int:
        return int(self.take(">i", 4)[0])

    def take(self, pattern: str, size: int) -> tuple[Any, ...]:
        self.at += size
        return struct.unpack(pattern, self.data[self.at - size : self.at])

    def array(self, dtype: str, count: int) -> ndarray:
        found = np.frombuffer(self.data, dtype, count, self.at)
        self.at += found.nbytes
        return found.astype(found.dtype.newbyteorder("="))

    def value(self) -> Any:
        """The next value: None, a word, a dict (pairlist), or a vector."""
        flags = self.integer()
        kind, has_attributes, has_tag = flags & 0xFF, bool(flags & 0x200), bool(flags & 0x400)
        if kind in _NIL or kind in _GLOBAL:
            return None
        if kind == _SYMBOL:
            self.seen.append(self.value())
            return self.seen[-1]
        if kind == _REFERENCE:
            return self.seen[(flags >> 8 or self.integer()) - 1]
        if kind == _CHAR:
            size = self.integer()
            return None if size < 0 else self.take(f"{size}s", size)[0].decode("utf-8", "replace")
        if kind == _PAIRLIST:
            return self.pairs(has_attributes=has_attributes, has_tag=has_tag)
        return self.vector(kind, has_attributes=has_attributes)

    def pairs(self, *, has_attributes: bool, has_tag: bool) -> dict[str, Any]:
        if has_attributes:
            self.value()
        tag = self.value() if has_tag else ""
        found = {tag: self.value()}
        rest = self.value()
        return found | (rest if isinstance(rest, dict) else {})

    def vector(self, kind: int, *, has_attributes: bool) -> _Vector:
        count = self.integer()
        if kind in (_INTEGER, _LOGICAL):
            vector = _Vector(self.array(">i4", count))
        elif kind == _REAL:
            vector = _Vector(self.array(">f8", count))
        elif kind in (_WORDS, _LIST):
            vector = _Vector([self.value() for _ in range(count)])
        else:
            raise InvalidInputError(f"expected a data frame of numbers and factors, got R's type {kind}; convert it")
        if has_attributes:
            vector.attributes = self.value()
        return vector


def read_frame(path: Path, name: str, /) -> dict[str, ndarray]:
    """Columns of the data frame ``name`` in an .rda file; factors become their words, and missing numbers NaN.

    Raises
    ------
    InvalidInputError
        If the file isn't one, or holds no such frame.
    """
    data = path.read_bytes()
    data = _OPEN.get(data[:2], bytes)(data)
    if data[:7] not in (b"RDX2\nX\n", b"RDX3\nX\n"):
        raise InvalidInputError(f"{path} is no .rda file in R's XDR format; save it with R's save()")
    reader = _Reader(data[7:])
    version = reader.integer()
    reader.at += 8
    if version == 3:
        reader.at += 4 + struct.unpack(">i", reader.data[reader.at : reader.at + 4])[0]
    frames = reader.value()
    if not isinstance(frames, dict) or name not in frames:
        raise InvalidInputError(f"{path} holds no data frame {name}; it has {', '.join(frames or [])}")
    frame = frames[name]
    return {word: _column(column) for word, column in zip(frame.attributes["names"].value, frame.value, strict=True)}


def _column(column: _Vector) -> ndarray:
    levels, value = column.attributes.get("levels"), np.asarray(column.value)
    missing = value == _MISSING if value.dtype == np.int32 else np.zeros(len(value), dtype=bool)
    if levels is not None:
        return np.array(["", *levels.value])[np.where(missing, 0, value)]
    return np.where(missing, np.nan, value) if missing.any() else value
