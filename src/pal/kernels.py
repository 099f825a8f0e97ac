"""Kernels k(x, y), and features Φ with Φ Φᵀ = K, exactly or nearly.

Definitions, for rows x, y and a bandwidth σ > 0:

- laplacian: exp(−‖x − y‖ / σ), Euclidean norm (the paper's code; not the L1 kernel of scikit-learn);
- gaussian: exp(−‖x − y‖² / (2σ²));
- linear: ⟨x, y⟩, no bandwidth.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from pal.errors import InvalidInputError

KernelName = Literal["laplacian", "gaussian", "linear"]
KERNELS: tuple[KernelName, ...] = ("laplacian", "gaussian", "linear")

# Rows of x whose kernel is formed at once: bounds memory at this × n_landmarks.
_ROWS = 16_384


def kernel(
    x: Float[ndarray, "n d"], y: Float[ndarray, "p d"], /, *, name: KernelName, bandwidth: float = 1.0
) -> Float[ndarray, "n p"]:
    """Kernel matrix between rows, O(n p d).

    Raises
    ------
    InvalidInputError
        If the name is unknown or the bandwidth isn't positive.
    """
    if name not in KERNELS:
        raise InvalidInputError(f"unknown kernel {name!r}; choose one of {', '.join(KERNELS)}")
    if name == "linear":
        return x @ y.T
    if not bandwidth > 0:
        raise InvalidInputError(f"bandwidth must be positive, got {bandwidth}; try the median distance")
    origin = y.mean(axis=0)  # a common offset would cancel badly below
    x, y = x - origin, y - origin
    squared = np.einsum("nd,nd->n", x, x)[:, None] + np.einsum("pd,pd->p", y, y)[None, :] - 2.0 * (x @ y.T)
    np.maximum(squared, 0.0, out=squared)
    if name == "gaussian":
        squared /= -2.0 * bandwidth**2
        return np.exp(squared, out=squared)
    distance = np.sqrt(squared, out=squared)
    distance /= -bandwidth
    return np.exp(distance, out=distance)


def median_distance(x: Float[ndarray, "n d"], /, *, rng: np.random.Generator, n_sample: int = 500) -> float:
    """Median Euclidean distance between rows of a sample; a common default bandwidth. 1 if all rows coincide."""
    sample = x[rng.choice(len(x), min(n_sample, len(x)), replace=False)].astype(np.float64)
    sample = sample - sample.mean(axis=0)
    squares = (sample**2).sum(axis=1)
    squared = squares[:, None] + squares[None, :] - 2.0 * sample @ sample.T
    apart = squared[np.triu_indices(len(sample), 1)]
    apart = apart[apart > 1e-12 * squares.max()]
    return float(np.sqrt(np.median(apart))) if len(apart) else 1.0


@dataclass(frozen=True, eq=False)
class LinearFeatures:
    """φ(x) = x, for the linear kernel."""

    def __call__(self, x: Float[ndarray, "n d"]) -> Float[ndarray, "n d"]:
        """Return the rows as they are."""
        return x


@dataclass(frozen=True, eq=False)
class KernelFeatures:
    """φ(x) = k(x, landmarks) @ projection; memory for one block of rows beside the result."""

    name: KernelName
    bandwidth: float
    landmarks: Float[ndarray, "p d"]
    projection: Float[ndarray, "p m"]

    def __call__(self, x: Float[ndarray, "n d"]) -> Float[ndarray, "n m"]:
        """Map rows (n, d) to features (n, m); O(n p (d + m))."""
        features = np.empty((len(x), self.projection.shape[1]), dtype=self.projection.dtype)
        for start in range(0, len(x), _ROWS):
            block = kernel(x[start : start + _ROWS], self.landmarks, name=self.name, bandwidth=self.bandwidth)
            features[start : start + _ROWS] = block @ self.projection
        return features


@dataclass(frozen=True, eq=False)
class RandomFeatures:
    """φ(x) = √(2/m) cos(x @ frequencies + phase)."""

    frequencies: Float[ndarray, "d m"]
    phase: Float[ndarray, " m"]

    def __call__(self, x: Float[ndarray, "n d"]) -> Float[ndarray, "n m"]:
        """Map rows (n, d) to features (n, m); O(n d m)."""
        return np.sqrt(2.0 / len(self.phase)) * np.cos(x @ self.frequencies + self.phase)


FeatureMap = LinearFeatures | KernelFeatures | RandomFeatures


def exact_features(
    x: Float[ndarray, "n d"], /, *, name: KernelName, bandwidth: float = 1.0, tolerance: float = 1e-10
) -> FeatureMap:
    """Features with Φ Φᵀ = K on ``x``: φ(x) = k(x, X) U S^{-1/2} for K = U S Uᵀ; O(n³), for small n.

    Eigenvalues up to ``tolerance`` × the largest are dropped: K is singular when rows repeat. The linear kernel's
    features are x itself.
    """
    return nystrom_features(x, name=name, bandwidth=bandwidth, tolerance=tolerance)


def nystrom_features(
    landmarks: Float[ndarray, "p d"], /, *, name: KernelName, bandwidth: float = 1.0, tolerance: float = 1e-7
) -> FeatureMap:
    """Nyström features φ(x) = k(x, L) K_LL^{-1/2} for landmarks L; O(p³) once, O(n p (d + p)) to apply.

    Exact on the landmarks, and elsewhere the best fit in their span (Williams and Seeger 2001,
    https://papers.nips.cc/paper/1866).
    """
    if name == "linear":
        return LinearFeatures()
    values, vectors = np.linalg.eigh(kernel(landmarks, landmarks, name=name, bandwidth=bandwidth).astype(np.float64))
    keep = values > tolerance * values[-1]
    projection = (vectors[:, keep] / np.sqrt(values[keep]))[:, ::-1].astype(landmarks.dtype)
    return KernelFeatures(name, bandwidth, landmarks, projection)


def random_features(
    n_inputs: int, n_features: int, /, *, name: KernelName, bandwidth: float = 1.0, rng: np.random.Generator
) -> RandomFeatures:
    """Random Fourier features with E[Φ Φᵀ] = K (Rahimi and Recht 2007, https://papers.nips.cc/paper/3182).

    Frequencies are normal for the gaussian kernel and multivariate Cauchy for the laplacian one.
    """
    if name not in ("gaussian", "laplacian"):
        raise InvalidInputError(
            f"random features need a gaussian or laplacian kernel, got {name!r}; use exact features"
        )
    if not bandwidth > 0:
        raise InvalidInputError(f"bandwidth must be positive, got {bandwidth}; try the median distance")
    frequencies = rng.standard_normal((n_inputs, n_features)) / bandwidth
    if name == "laplacian":
        frequencies /= np.abs(rng.standard_normal(n_features))
    return RandomFeatures(frequencies, rng.uniform(0.0, 2.0 * np.pi, n_features))
