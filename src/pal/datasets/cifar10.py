"""CIFAR-10: 32 × 32 colour photographs in 10 classes, from the official binary files or from an .npz."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8
from numpy import ndarray

from pal.errors import InvalidInputError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_ROW = 1 + 3 * 32 * 32


class Cifar10(NamedTuple):
    """Pictures (n, 32, 32, 3) in RGB and their classes (n,), for training and for testing."""

    x_train: UInt8[ndarray, "n 32 32 3"]
    y_train: Int64[ndarray, " n"]
    x_test: UInt8[ndarray, "p 32 32 3"]
    y_test: Int64[ndarray, " p"]


def cifar10(path: Path, /) -> Cifar10:
    """Read a folder with the official binary version (data_batch_1.bin … test_batch.bin), or an .npz.

    The .npz has x_train, y_train, x_test and y_test. The official "python version" is pickled and not read.

    Raises
    ------
    InvalidInputError
        If the files aren't there or aren't CIFAR-10.
    """
    if path.suffix == ".npz":
        return _from_npz(path)
    home = path / "cifar-10-batches-bin" if (path / "cifar-10-batches-bin").is_dir() else path
    train = [_read_batch(file) for file in sorted(home.glob("data_batch_*.bin"))]
    if not train:
        raise InvalidInputError(
            f"expected data_batch_1.bin and the others of CIFAR-10's binary version in {home}, found none; "
            "give their folder or an .npz with x_train, y_train, x_test and y_test"
        )
    test = _read_batch(home / "test_batch.bin")
    return Cifar10(np.concatenate([x for x, _ in train]), np.concatenate([y for _, y in train]), *test)


def _read_batch(file: Path) -> tuple[ndarray, ndarray]:
    """One file: rows of a class byte and 3,072 bytes, channel by channel."""
    try:
        data = np.fromfile(file, dtype=np.uint8)
    except OSError as error:
        raise InvalidInputError(f"can't read {file}: {error.strerror or error}") from None
    if not len(data) or len(data) % _ROW:
        raise InvalidInputError(f"{file} must hold rows of {_ROW} bytes, got {len(data)} bytes; download it again")
    rows = data.reshape(-1, _ROW)
    if rows[:, 0].max() >= len(CLASSES):
        raise InvalidInputError(f"{file} must hold classes 0 to 9, got {rows[:, 0].max()}; download it again")
    return rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), rows[:, 0].astype(np.int64)


def _from_npz(path: Path) -> Cifar10:
    try:
        with np.load(path, allow_pickle=False) as data:
            return Cifar10(
                data["x_train"], data["y_train"].astype(np.int64), data["x_test"], data["y_test"].astype(np.int64)
            )
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInputError(
            f"can't read {path} as CIFAR-10: {error}; it needs x_train, y_train, x_test, y_test"
        ) from None
