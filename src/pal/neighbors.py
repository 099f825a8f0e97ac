"""The neighbour graph of the features: which items look alike before anybody answered."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.sparse import csr_array, diags_array


def affinity(x: Float[ndarray, "n d"], /, *, n_neighbors: int = 10) -> csr_array:
    """Symmetric normalised affinity S = D^{-1/2} W D^{-1/2} of the nearest neighbours, (n, n) sparse.

    W_ij = exp(−d_ij² / (σ_i σ_j)) with σ_i the distance to the last neighbour (self-tuning, Zelnik-Manor and Perona
    2004, https://papers.nips.cc/paper/2619), over pairs where either is a neighbour of the other.
    """
    from sklearn.neighbors import NearestNeighbors

    n = len(x)
    k = min(n_neighbors, n - 1)
    if k < 1:
        return csr_array((n, n))
    distance, index = NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)
    # An item is among its own neighbours, though not always first: copies are as near.
    rows = np.repeat(np.arange(n), k + 1)
    sigma = np.maximum(distance[:, -1], 1e-12)
    weight = np.exp(-(distance**2) / (sigma[:, None] * sigma[index]))
    w = csr_array((weight.ravel(), (rows, index.ravel())), shape=(n, n))
    w = w.maximum(w.T)
    w.setdiag(0.0)
    w.eliminate_zeros()
    scale = 1.0 / np.sqrt(np.maximum(w.sum(axis=1), 1e-300))
    return csr_array(diags_array(scale) @ w @ diags_array(scale))
