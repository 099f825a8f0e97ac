"""Few dimensions for learning: principal components of encoded features."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

_SAMPLE = 5_000


@dataclass(frozen=True, eq=False)
class Reduction:
    """x → (x − mean) @ components."""

    mean: Float32[ndarray, " d"]
    components: Float32[ndarray, "d k"]

    def __call__(self, x: Float[ndarray, "n d"], /) -> Float32[ndarray, "n k"]:
        """Reduce rows (n, d) to (n, k)."""
        return ((x - self.mean) @ self.components).astype(np.float32)


def fit_reduction(x: Float[ndarray, "n d"], /, *, n_components: int = 128, seed: int = 0) -> Reduction:
    """Principal components of at most 5,000 of the rows; O(sample · d · k).

    The scale is set so that reduced rows have a mean square length of 1.
    """
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(seed)
    sample = x if len(x) <= _SAMPLE else x[np.sort(rng.choice(len(x), _SAMPLE, replace=False))]
    k = min(n_components, *sample.shape)
    solver = "randomized" if k < 0.8 * min(sample.shape) else "full"
    with np.errstate(invalid="ignore"):  # the shares of no variance at all, where all rows are equal
        pca = PCA(k, svd_solver=solver, random_state=seed).fit(sample)
    length = np.sqrt(max(float(pca.explained_variance_.sum()), 1e-12))
    return Reduction(pca.mean_.astype(np.float32), (pca.components_.T / length).astype(np.float32))


def identity_reduction(n_features: int, /) -> Reduction:
    """A reduction that changes nothing: for vectors that came with the source."""
    return Reduction(np.zeros(n_features, dtype=np.float32), np.eye(n_features, dtype=np.float32))
