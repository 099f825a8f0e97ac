"""Pixels: small thumbnails as features. Always works, knows nothing of what is in a picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from pal.encoders.protocol import Takes

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 32


class Pixels:
    """Pixels of the picture stretched to 32 × 32, in RGB, each picture with mean 0 and standard deviation 1."""

    name = "pixels"
    n_features = 3 * _SIDE**2
    picture_size = 2 * _SIDE
    takes: Takes = "pictures"

    def __call__(self, pictures: "Sequence[Image]", /) -> Float32[ndarray, "b 3072"]:
        """Encode a batch."""
        from PIL import Image

        small = [p.resize((_SIDE, _SIDE), Image.Resampling.BOX) for p in pictures]
        x = np.stack([np.asarray(p, dtype=np.float32).reshape(-1) for p in small])
        x -= x.mean(axis=1, keepdims=True)
        return x / np.maximum(x.std(axis=1, keepdims=True), 1.0)
