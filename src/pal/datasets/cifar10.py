"""CIFAR-10: 32 × 32 colour photographs in 10 classes, from the official files or from an .npz."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8
from numpy import ndarray

from pal.datasets.pickles import read_pickled
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
    """Read a folder with the official files, binary or "python version", or an .npz.

    The files are data_batch_1.bin … test_batch.bin, or data_batch_1 … test_batch, in ``path`` or in the folder that the
    archive unpacks to. The pickled version is read by :mod:`pal.datasets.pickles`, which runs nothing of it. The .npz
    has x_train, y_train, x_test and y_test.

    Raises
    ------
    InvalidInputError
        If the files aren't there or aren't CIFAR-10.
    """
    if path.suffix == ".npz":
        return _from_npz(path)
    for name, pattern, read in (
        ("cifar-10-batches-bin", "data_batch_[1-5].bin", _read_batch),
        ("cifar-10-batches-py", "data_batch_[1-5]", read_pickled_batch),
    ):
        home = path / name if (path / name).is_dir() else path
        files = sorted(home.glob(pattern))
        if files:
            train = [read(file) for file in files]
            test = read(home / f"test_batch{files[0].suffix}")
            return Cifar10(np.concatenate([x for x, _ in train]), np.concatenate([y for _, y in train]), *test)
    raise InvalidInputError(
        f"expected data_batch_1.bin or data_batch_1 and the others of CIFAR-10 in {path}, found none; "
        "give their folder or an .npz with x_train, y_train, x_test and y_test"
    )


def read_pickled_batch(file: Path, /, labels: str = "labels", n_classes: int = 10) -> tuple[ndarray, ndarray]:
    """Pictures (n, 32, 32, 3) and classes of a file of the "python version".

    Raises
    ------
    InvalidInputError
        If it holds no pictures of this size with as many labels.
    """
    content = read_pickled(file)
    data, y = content.get("data"), np.asarray(content.get(labels, []))
    fits = isinstance(data, ndarray) and data.dtype == np.uint8 and data.shape == (len(y), _ROW - 1)
    if not fits or not len(y) or y.dtype.kind != "i" or y.min() < 0 or y.max() >= n_classes:
        raise InvalidInputError(f"{file} must hold pictures of 3,072 bytes with {labels}; download it again")
    return np.asarray(data).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), y.astype(np.int64)


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
