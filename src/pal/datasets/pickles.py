"""The pickled "python version" of CIFAR-10 and CIFAR-100, read without running what a pickle may ask for.

A pickle is a program: it may name any function and call it. Here only five names are known, and they stand for the
stand-ins below, not for what they name in Python: nothing of numpy is called before shape, type and length of an array
have been checked. Every other name is refused. What builds plain values (dictionaries, lists, bytes) needs no names.
"""

import io
import math
import pickle
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pal.errors import InvalidInputError

_ITEM_SIZE = {"u1": 1, "i4": 4, "i8": 8}


class _Kind:
    """Stands for numpy.dtype, of numbers alone."""

    def __init__(self, kind: object = None, *_: object) -> None:
        text = kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)
        self.kind = text.lstrip("<>|=")
        if self.kind not in _ITEM_SIZE:
            raise InvalidInputError(f"it asks for an array of {text[:40]}")

    def __setstate__(self, state: object) -> None:
        """Byte order, which on the processors that made these files is little, is all that a number's type has."""


class _Array:
    """Stands for numpy.ndarray."""

    value: np.ndarray | None = None

    def __setstate__(self, state: object) -> None:
        """Take an array's state: version, shape, type, order, bytes."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise InvalidInputError("an array in it has no state")
        _, shape, kind, fortran, raw = state
        raw = raw.encode("latin-1") if isinstance(raw, str) else raw
        sizes = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
        if not (sizes and isinstance(kind, _Kind) and isinstance(raw, bytes)):
            raise InvalidInputError("an array in it isn't made of a shape, a type and bytes")
        if math.prod(shape) * _ITEM_SIZE[kind.kind] != len(raw):
            raise InvalidInputError(f"an array in it has {len(raw)} bytes, which isn't what its shape {shape} needs")
        self.value = np.frombuffer(raw, dtype=f"<{kind.kind}").reshape(shape, order="F" if fortran else "C")


def _reconstruct(kind: object, *_: object) -> _Array:
    """Stands for numpy's function of this name."""
    if kind is not _Array:
        raise InvalidInputError("it asks for an array of another class")
    return _Array()


def _encode(text: str, encoding: str = "utf-8") -> bytes:
    """Stands for ``_codecs.encode``, with which protocol 2 writes byte strings."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise InvalidInputError(f"it asks for the encoding {str(encoding)[:40]}")
    return text.encode("latin-1")


_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encode,
}


class _Plain(pickle.Unpickler):
    """Unpickler of arrays of numbers, strings, numbers, lists and dictionaries."""

    def find_class(self, module: str, name: str) -> Any:
        """Stand-in of a name."""
        if (module, name) not in _NAMES:
            raise InvalidInputError(f"it asks for {module}.{name}, which no CIFAR file does")
        return _NAMES[module, name]

    def persistent_load(self, pid: Any) -> NoReturn:
        """Refuse references to things outside the file."""
        raise InvalidInputError(f"it refers to something outside ({str(pid)[:40]})")


def read_pickled(path: Path, /) -> dict[str, Any]:
    """Read a pickled dictionary of arrays, strings and lists; its keys as text.

    Raises
    ------
    InvalidInputError
        If the file can't be read, is no such dictionary, or asks for anything but arrays and strings.
    """
    try:
        content = _Plain(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except OSError as error:
        raise InvalidInputError(f"can't read {path}: {error.strerror or error}") from None
    except Exception as error:  # noqa: BLE001  a broken pickle can raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidInputError(f"{path} isn't a CIFAR file: {reason}; download it again") from None
    if not isinstance(content, dict):
        raise InvalidInputError(f"{path} isn't a CIFAR file: expected a dictionary, got {type(content).__name__}")
    return {
        key.decode("latin-1") if isinstance(key, bytes) else str(key): value.value
        if isinstance(value, _Array)
        else value
        for key, value in content.items()
    }
