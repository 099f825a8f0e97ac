"""Handwritten digits of scikit-learn, drawn as pictures: the demo."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from pal.datasets.arrays import items_of
from pal.items import Items


def digits() -> Items:
    """1,797 digits of 8 × 8 pixels, in classes 0 to 9; vectors are the pixels ÷ 16, pictures are black on white."""
    # Its file, without importing it: that would be most of what the demo takes to start.
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
    rows = np.loadtxt(Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    pixels, labels = rows[:, :-1], rows[:, -1].astype(np.int64)
    pictures = (255.0 - pixels.reshape(-1, 8, 8) * (255.0 / 16.0)).round().astype(np.uint8)
    names = [f"digit {i:04d}" for i in range(len(pictures))]
    return items_of(pixels / 16.0, source="digits", names=names, pictures=pictures, labels=labels)
