"""Wire: arrays and a few words between two processes of ours, without pickle.

Definition. A message is a line of JSON, ``about``, with under ``arrays`` the name, dtype and shape of each array, and
then their bytes in that order. Dtypes are numbers and truth values only.
"""

import json
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy import ndarray

_KINDS = "biuf"


def send(pipe: IO[bytes], about: Mapping[str, Any], arrays: Mapping[str, ndarray], /) -> None:
    """Write a message.

    Raises
    ------
    TypeError
        If an array isn't of numbers or truth values.
    """
    wrong = [name for name, array in arrays.items() if array.dtype.kind not in _KINDS]
    if wrong:
        raise TypeError(f"arrays must be of numbers, got {arrays[wrong[0]].dtype} for {wrong[0]}")
    kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # The shape before that: a number of no dimension would become one of one.
    listed = [[name, array.dtype.str, arrays[name].shape] for name, array in kept.items()]
    pipe.write(json.dumps({**about, "arrays": listed}).encode() + b"\n")
    for array in kept.values():
        pipe.write(array.reshape(-1).view(np.uint8).data)
    pipe.flush()


def receive(pipe: IO[bytes], /) -> tuple[dict[str, Any], dict[str, ndarray]]:
    """Read a message.

    Raises
    ------
    EOFError
        If the other side hung up.
    """
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError("the other process hung up")
    about: dict[str, Any] = json.loads(line)
    arrays = {}
    for name, dtype, shape in about.pop("arrays"):
        array = np.empty(shape, dtype=np.dtype(dtype))
        # Without readinto a copy of every array would be made.
        if _fill(pipe, array.reshape(-1).view(np.uint8).data) != array.nbytes:
            raise EOFError("the other process hung up")
        arrays[name] = array
    return about, arrays


def _fill(pipe: IO[bytes], room: memoryview) -> int:
    """Read as many bytes as there is room for, and say how many came."""
    done = 0
    while done < len(room):
        came = pipe.readinto(room[done:])  # type: ignore[attr-defined]
        if not came:
            break
        done += came
    return done
