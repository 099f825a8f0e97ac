"""Mixture of Gaussians, one a class: the toy data of the paper's figure 10."""

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from pal.errors import InvalidInputError


def mixture(
    n: int, /, noise: float = 0.3, *, rng: np.random.Generator, n_classes: int = 4
) -> tuple[Float64[ndarray, "n c"], Int64[ndarray, " n"]]:
    """Draw n points X = Y + noise · E, with Y one-hot rows of random classes and E ~ N(0, I) (appendix C.2.6).

    Returns the points (n, n_classes) and their classes (n,).
    """
    if n < 1 or n_classes < 1 or not noise >= 0:
        raise InvalidInputError(
            f"expected n and n_classes of at least 1 and noise of at least 0, got {n}, {n_classes} and {noise}"
        )
    label = rng.integers(n_classes, size=n)
    return np.eye(n_classes)[label] + noise * rng.standard_normal((n, n_classes)), label
