"""Concentric circles: the toy data of the paper's figures 3 to 9."""

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from pal.errors import InvalidInputError


def circles(
    n: int, /, noise: float, *, rng: np.random.Generator, n_classes: int = 4
) -> tuple[Float64[ndarray, "n 2"], Int64[ndarray, " n"]]:
    """Draw n points of random class and angle: x = (c + 1) (cos t, sin t) + noise · N(0, I).

    Returns the points (n, 2) and their classes c in 0..n_classes − 1 (n,). Paper, appendix C.2.1.
    """
    _check(n, n_classes, noise)
    label = rng.integers(n_classes, size=n)
    return _points(label, rng.uniform(0.0, 2.0 * np.pi, n), noise, rng), label


def circles_test(
    n: int = 1000, /, noise: float = 0.0, *, rng: np.random.Generator, n_classes: int = 4
) -> tuple[Float64[ndarray, "n 2"], Int64[ndarray, " n"]]:
    """Test points, on regular angles of each circle in turn; n ÷ n_classes a circle, noise as for training."""
    _check(n, n_classes, noise)
    label = np.arange(n) * n_classes // n
    each = np.bincount(label, minlength=n_classes)
    angle = np.concatenate([np.linspace(0.0, 2.0 * np.pi, m, endpoint=False) for m in each])
    return _points(label, angle, noise, rng), label


def _points(label: ndarray, angle: ndarray, noise: float, rng: np.random.Generator) -> ndarray:
    radius = label + 1.0
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return points + noise * rng.standard_normal(points.shape)


def _check(n: int, n_classes: int, noise: float) -> None:
    if n < 1 or n_classes < 1 or not noise >= 0:
        raise InvalidInputError(
            f"expected n and n_classes of at least 1 and noise of at least 0, got {n}, {n_classes} and {noise}"
        )
