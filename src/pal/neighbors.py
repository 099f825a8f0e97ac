"""The neighbour graph of the features: which items look alike before anybody answered."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from scipy.sparse import csr_array, diags_array

#: Neighbours an item is linked to.
N_NEIGHBORS = 10
#: Neighbours that a kernel of all items keeps: those left out weigh next to nothing.
N_KERNEL = 64
# Dimensions up to which a tree finds neighbours sooner than comparing all pairs.
_FLAT = 15


class Neighbors(NamedTuple):
    """The nearest k items of each, and itself among them, not always first: copies are as near."""

    distance: Float[ndarray, "n m"]
    item: Int64[ndarray, "n m"]

    def first(self, k: int) -> "Neighbors":
        """The nearest ``k``, as many as there are."""
        return Neighbors(self.distance[:, : k + 1], self.item[:, : k + 1])


def nearest(x: Float[ndarray, "n d"], /, *, n_neighbors: int = N_KERNEL) -> Neighbors:
    """Nearest items of each, exactly; O(n² d), or O(n log n) in few dimensions."""
    from sklearn.neighbors import NearestNeighbors

    k = min(n_neighbors, len(x) - 1)
    how = "kd_tree" if x.shape[1] <= _FLAT else "brute"
    distance, index = NearestNeighbors(n_neighbors=k + 1, algorithm=how).fit(x).kneighbors(x)
    return Neighbors(distance, index.astype(np.int64))


def neighbor_weights(
    x: Float[ndarray, "n d"], /, *, n_neighbors: int = N_NEIGHBORS, tuned: int = 7, found: Neighbors | None = None
) -> csr_array:
    """Symmetric weights W of the nearest neighbours, (n, n) sparse, no self-loops.

    W_ij = exp(−d_ij² / (σ_i σ_j)) with σ_i the distance to neighbour number ``tuned``, the 7th (self-tuning,
    Zelnik-Manor and Perona 2004, https://papers.nips.cc/paper/2619), over pairs where either is among the other's
    ``n_neighbors``. They are searched for, or taken from those ``found``.
    """
    n = len(x)
    k = min(n_neighbors, n - 1)
    if k < 1:
        return csr_array((n, n))
    distance, index = _first(x, k, found)
    sigma = np.maximum(distance[:, min(tuned, k)], 1e-12)
    weight = np.exp(-(distance**2) / (sigma[:, None] * sigma[index]))
    return _symmetric(np.maximum(weight, 1e-6), index)


def laplacian_weights(
    x: Float[ndarray, "n d"], /, *, scale: float, n_neighbors: int = N_KERNEL, found: Neighbors | None = None
) -> csr_array:
    """Symmetric weights W_ij = exp(−(d_ij − d) / (scale · d)), (n, n) sparse, no self-loops.

    d is the median distance to the nearest neighbour. A small ``scale`` follows chains of near items, as rings are,
    where the neighbours of :func:`neighbor_weights` reach across; in many dimensions, where all neighbours are about
    as far, the two differ little.
    """
    n = len(x)
    k = min(n_neighbors, n - 1)
    if k < 1:
        return csr_array((n, n))
    distance, index = _first(x, k, found)
    apart = distance[:, 1][distance[:, 1] > 0]
    nearest = float(np.median(apart)) if len(apart) else 1.0
    weight = np.exp(np.minimum(-(distance - nearest) / (scale * nearest), 50.0))
    return _symmetric(np.maximum(weight, 1e-100), index)


def local_dimension(
    x: Float[ndarray, "n d"], /, *, n_neighbors: int = N_NEIGHBORS, found: Neighbors | None = None
) -> float:
    """Dimensions that items spread over nearby: m if the distance to the kth neighbour grows as k^(1/m); d at most."""
    n, d = x.shape
    k = min(n_neighbors, n - 1)
    if k < 2:
        return float(d)
    distance, _ = _first(x, k, found)
    apart = distance[:, 1] > 0
    growth = float(np.median(np.log(distance[apart, k] / distance[apart, 1]))) if apart.any() else 0.0
    return min(float(np.log(k)) / growth, float(d)) if growth > 0 else float(d)


def normalize(weights: csr_array, /) -> csr_array:
    """S = D^{-1/2} W D^{-1/2}, eigenvalues in [−1, 1]."""
    scale = diags_array(1.0 / np.sqrt(np.maximum(weights.sum(axis=1), 1e-300)))
    return csr_array(scale @ weights @ scale)


def _first(x: Float[ndarray, "n d"], k: int, found: Neighbors | None) -> Neighbors:
    return nearest(x, n_neighbors=k) if found is None else found.first(k)


def _symmetric(weight: Float[ndarray, "n m"], index: Int64[ndarray, "n m"]) -> csr_array:
    n = len(index)
    rows = np.repeat(np.arange(n), index.shape[1])
    weights = csr_array((weight.ravel(), (rows, index.ravel())), shape=(n, n))
    weights = csr_array(weights.maximum(weights.T))
    weights.setdiag(0.0)
    weights.eliminate_zeros()
    return weights
