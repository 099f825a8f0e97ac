"""Ridge probes on the embedding, for the oracles that look at a linear classifier.

W = (Z̃ᵀ S Z̃ + ε I)⁻¹ Z̃ᵀ S Y over the items of known label, Z̃ = [Z, 1], S the weights of the items.
"""

import numpy as np
from jaxtyping import Float, Integer
from numpy import ndarray

# Ridge, as a share of the mean eigenvalue of the Gram matrix.
_RIDGE = 1e-3


def with_ones(z: Float[ndarray, "n k"], /) -> Float[ndarray, "n k+1"]:
    """Z̃ = [Z / scale, 1], columns of comparable size."""
    scale = np.sqrt(np.mean(np.square(z, dtype=np.float64)) * z.shape[1]) if z.size else 1.0
    return np.column_stack([np.asarray(z, dtype=np.float64) / max(scale, 1e-12), np.ones(len(z))])


def regularized_gram(z: Float[ndarray, "q p"], weight: Float[ndarray, " q"], /) -> Float[ndarray, "p p"]:
    """A = Zᵀ S Z + ε I, O(q p²)."""
    gram = z.T @ (weight[:, None] * z)
    return gram + (_RIDGE * np.trace(gram) / len(gram) + 1e-9) * np.eye(len(gram))


def ridge_probe(
    z: Float[ndarray, "q p"],
    label: Integer[ndarray, " q"],
    /,
    *,
    n_classes: int,
    weight: Float[ndarray, " q"] | None = None,
) -> Float[ndarray, "p c"]:
    """W of the items of known label, O(q p² + p³)."""
    weight = np.ones(len(z)) if weight is None else weight
    return np.linalg.solve(regularized_gram(z, weight), z.T @ (weight[:, None] * np.eye(n_classes)[label]))
