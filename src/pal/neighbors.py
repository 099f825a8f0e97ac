"""The neighbour graph of the features: which items look alike before anybody answered."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.sparse import csr_array, diags_array

#: Neighbours an item is linked to.
N_NEIGHBORS = 10


def neighbor_weights(x: Float[ndarray, "n d"], /, *, n_neighbors: int = N_NEIGHBORS) -> csr_array:
    """Symmetric weights W of the nearest neighbours, (n, n) sparse, no self-loops.

    W_ij = exp(−d_ij² / (σ_i σ_j)) with σ_i the distance to the 7th neighbour (self-tuning, Zelnik-Manor and Perona
    2004, https://papers.nips.cc/paper/2619), over pairs where either is among the other's ``n_neighbors``.
    """
    from sklearn.neighbors import NearestNeighbors

    n = len(x)
    k = min(n_neighbors, n - 1)
    if k < 1:
        return csr_array((n, n))
    distance, index = NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)
    # An item is among its own neighbours, though not always first: copies are as near.
    rows = np.repeat(np.arange(n), k + 1)
    sigma = np.maximum(distance[:, min(7, k)], 1e-12)
    weight = np.exp(-(distance**2) / (sigma[:, None] * sigma[index]))
    weights = csr_array((np.maximum(weight, 1e-6).ravel(), (rows, index.ravel())), shape=(n, n))
    weights = csr_array(weights.maximum(weights.T))
    weights.setdiag(0.0)
    weights.eliminate_zeros()
    return weights


def normalize(weights: csr_array, /) -> csr_array:
    """S = D^{-1/2} W D^{-1/2}, eigenvalues in [−1, 1]."""
    scale = diags_array(1.0 / np.sqrt(np.maximum(weights.sum(axis=1), 1e-300)))
    return csr_array(scale @ weights @ scale)
