"""Fashion-MNIST from Debian's package dataset-fashion-mnist: 70,000 pictures of clothes, 28 × 28, 10 classes."""

import gzip
import struct
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from pal.datasets.arrays import items_of
from pal.errors import InvalidInputError
from pal.items import Items

HOME = Path("/usr/share/datasets/fashion-mnist")


def fashion_mnist(home: Path = HOME, /) -> Items:
    """Training and test pictures; vectors are the pixels ÷ 255.

    Raises
    ------
    InvalidInputError
        If the files aren't there.
    """
    parts = [
        (read_idx(home / f"{p}-images-idx3-ubyte.gz"), read_idx(home / f"{p}-labels-idx1-ubyte.gz"))
        for p in ("train", "t10k")
    ]
    pictures = np.concatenate([p for p, _ in parts])
    names = [f"picture {i:05d}" for i in range(len(pictures))]
    x = pictures.reshape(len(pictures), -1) / np.float32(255.0)
    labels = np.concatenate([label for _, label in parts]).astype(np.int64)
    return items_of(x, source="fashion-mnist", names=names, pictures=255 - pictures, labels=labels)


def read_idx(path: Path, /) -> UInt8[ndarray, "..."]:
    """Read a gzipped IDX file of bytes (the format of MNIST)."""
    try:
        data = gzip.decompress(path.read_bytes())
    except OSError as error:
        raise InvalidInputError(
            f"can't read {path}: {error.strerror or error}; install Debian's package dataset-fashion-mnist"
        ) from None
    dimensions = data[3] if len(data) > 3 else 0
    if data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * dimensions:
        raise InvalidInputError(f"{path} is no IDX file of bytes; install Debian's package dataset-fashion-mnist")
    shape = struct.unpack(f">{dimensions}I", data[4 : 4 + 4 * dimensions])
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * dimensions).reshape(shape)
