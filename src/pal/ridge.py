"""Kernel ridge regression on items asked about, with leave-one-out predictions: the discriminative opinion.

Definition. With Φ (n, m) features of a Gaussian kernel (Nyström, Williams and Seeger 2001,
https://papers.nips.cc/paper/1866), rows T asked about, and soft labels q, the scores of all items are
S = Φ (Φ_Tᵀ Φ_T + λ I)⁻¹ Φ_Tᵀ q̃ with q̃ less the mean of its row. Left out of its own fit, item i scores
(S_i − h_i q̃_i) ÷ (1 − h_i), h the diagonal of the hat matrix; so nothing is refitted.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from pal.kernels import kernel

# λ, m, and σ in root mean squares of the centred features.
_PENALTY, _LANDMARKS, _BANDWIDTH = 0.1, 256, 0.7


class Hat(NamedTuple):
    """Factors of the hat matrix: rows Φ_T, (Φ_Tᵀ Φ_T + λ I)⁻¹ Φ_Tᵀ, and its diagonal h."""

    rows: Float[ndarray, "t m"]
    solved: Float[ndarray, "m t"]
    own: Float[ndarray, " t"]


def ridge_features(x: Float[ndarray, "n d"], /, *, rng: np.random.Generator) -> Float[ndarray, "n m"]:
    """Φ, of at most 256 columns, float32; O(n m (d + m))."""
    return kernel_features(x, bandwidth=_BANDWIDTH, n_most=_LANDMARKS, least=1e-6, rng=rng)


def kernel_features(
    x: Float[ndarray, "n d"], /, *, bandwidth: float, n_most: int, least: float, rng: np.random.Generator
) -> Float[ndarray, "n m"]:
    """Nyström's features of a Gaussian kernel on 256 random landmarks, float32; O(n (256 d + 256 m)).

    Parameters
    ----------
    x
        Items.
    bandwidth
        In root mean squares of the centred items.
    n_most, least
        Features kept: at most so many, those of the largest eigenvalues, and of these such as have more than ``least``
        of the largest.
    rng
        Draws the landmarks.
    """
    x = x - x.mean(axis=0)
    spread = float(np.sqrt((x**2).sum(axis=1).mean())) or 1.0
    landmarks = x[np.sort(rng.choice(len(x), min(_LANDMARKS, len(x)), replace=False))]
    values, vectors = np.linalg.eigh(kernel(landmarks, landmarks, name="gaussian", bandwidth=bandwidth * spread))
    keep = np.flatnonzero(values > least * values[-1])[-n_most:]
    whiten = vectors[:, keep] / np.sqrt(values[keep])
    return (kernel(x, landmarks, name="gaussian", bandwidth=bandwidth * spread) @ whiten).astype(np.float32)


def hat(features: Float[ndarray, "n m"], items: Int64[ndarray, " t"], /) -> Hat:
    """Factorise once for any labels, O(t m² + m³)."""
    rows = features[items].astype(np.float64)
    solved = np.linalg.solve(rows.T @ rows + _PENALTY * np.eye(rows.shape[1]), rows.T)
    return Hat(rows, solved, np.einsum("tm,mt->t", rows, solved))


def left_out(fit: Hat, belief: Float[ndarray, "t c"], /) -> Float[ndarray, "t c"]:
    """Scores of the items asked about, each from the others; O(t m c)."""
    centred = _centred(belief)
    scores = fit.rows @ (fit.solved @ centred)
    return (scores - fit.own[:, None] * centred) / (1.0 - fit.own[:, None])


def scores(fit: Hat, features: Float[ndarray, "n m"], belief: Float[ndarray, "t c"], /) -> Float[ndarray, "n c"]:
    """Scores of all items, O(n m c)."""
    weights = fit.solved @ _centred(belief)
    return np.asarray(features @ weights.astype(np.float32), dtype=np.float64)


def _centred(belief: Float[ndarray, "t c"]) -> Float[ndarray, "t c"]:
    return belief - belief.sum(axis=1, keepdims=True) / max(belief.shape[1], 1)
