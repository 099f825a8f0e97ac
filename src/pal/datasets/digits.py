"""Handwritten digits of scikit-learn, drawn as pictures: the demo."""

import numpy as np

from pal.datasets.arrays import items_of
from pal.items import Items


def digits() -> Items:
    """1,797 digits of 8 × 8 pixels, in classes 0 to 9; vectors are the pixels ÷ 16, pictures are black on white."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pictures = (255.0 - bunch.images * (255.0 / 16.0)).round().astype(np.uint8)
    names = [f"digit {i:04d}" for i in range(len(pictures))]
    return items_of(bunch.data / 16.0, source="digits", names=names, pictures=pictures, labels=bunch.target)
