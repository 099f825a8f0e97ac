"""CIFAR-100: 32 × 32 colour photographs in 100 classes under 20 parents, from the official files."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8
from numpy import ndarray

from pal.datasets.cifar10 import read_pickled_batch
from pal.errors import InvalidInputError

_ROW = 2 + 3 * 32 * 32


class Cifar100(NamedTuple):
    """Pictures (n, 32, 32, 3) in RGB, their classes (n,) and the classes' parents (n,), for training and testing."""

    x_train: UInt8[ndarray, "n 32 32 3"]
    y_train: Int64[ndarray, " n"]
    parent_train: Int64[ndarray, " n"]
    x_test: UInt8[ndarray, "p 32 32 3"]
    y_test: Int64[ndarray, " p"]
    parent_test: Int64[ndarray, " p"]


def cifar100(path: Path, /) -> Cifar100:
    """Read a folder with the official files: train.bin and test.bin, or train and test of the "python version".

    Raises
    ------
    InvalidInputError
        If the files aren't there or aren't CIFAR-100.
    """
    for name, suffix, read in (("cifar-100-binary", ".bin", _binary), ("cifar-100-python", "", _pickled)):
        home = path / name if (path / name).is_dir() else path
        if (home / f"train{suffix}").is_file():
            return Cifar100(*read(home / f"train{suffix}"), *read(home / f"test{suffix}"))
    raise InvalidInputError(f"expected train.bin or train of CIFAR-100 in {path}, found none; give their folder")


def _pickled(file: Path) -> tuple[ndarray, ndarray, ndarray]:
    x, y = read_pickled_batch(file, "fine_labels", 100)
    return x, y, read_pickled_batch(file, "coarse_labels", 20)[1]


def _binary(file: Path) -> tuple[ndarray, ndarray, ndarray]:
    """Rows of a parent, a class and 3,072 bytes, channel by channel."""
    try:
        data = np.fromfile(file, dtype=np.uint8)
    except OSError as error:
        raise InvalidInputError(f"can't read {file}: {error.strerror or error}") from None
    rows = data.reshape(-1, _ROW) if len(data) and len(data) % _ROW == 0 else None
    if rows is None or rows[:, 0].max() >= 20 or rows[:, 1].max() >= 100:
        raise InvalidInputError(f"{file} must hold rows of {_ROW} bytes with classes below 100; download it again")
    pictures = rows[:, 2:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return pictures, rows[:, 1].astype(np.int64), rows[:, 0].astype(np.int64)
