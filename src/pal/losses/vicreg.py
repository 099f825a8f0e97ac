"""VICReg: variance, invariance, covariance (Bardes et al. 2022, arXiv 2105.04906; eq. 2).

Definition. With C the unbiased covariance of the K columns of Z, over all rows or view by view,

    L = 1/K · [λ · inv + μ · Σ_k max(0, 1 − √(C_kk + ε)) + ν · Σ_{k≠l} C_kl²],   inv = 2 tr(Zᵀ(D − G)Z) / Σ_i d_i,

which is the authors' code: the mean squared difference of the views, the mean hinge, and the squared covariances
divided by K. Equation 2 is its K-fold with λ = 1, μ = α, ν = β, ε = 0.
"""

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import mse_loss

from pal.errors import InvalidInputError
from pal.losses.gram import covariance_square
from pal.losses.inputs import Graph, check_nonnegative, full_precision, prepare, prepare_views, split_views
from pal.losses.laplacian import laplacian_energy

# Invariance, variance, covariance: the coefficients of the VICReg paper.
VICREG_COEFFICIENTS: Final = (25.0, 25.0, 1.0)


@full_precision
def vicreg(
    embeddings: Float[Tensor, "b k"],
    graph: Graph,
    *,
    coefficients: tuple[float, float, float] = VICREG_COEFFICIENTS,
    epsilon: float = 1e-4,
    n_views: int = 1,
    signed: bool = False,
) -> Float[Tensor, ""]:
    """VICReg on a graph; O(bK min(b, K) + nnz) time, no b × b matrix.

    **How G is used.** +1 (any positive value) attracts the pair with that weight; 0 says nothing; −1 is read as 0,
    or with ``signed=True`` repels with its weight (the loss then has no lower bound). Self-loops attract nothing, but
    count in Σd: on the two-view graph the loss equals the two-view form without self-loops, and has half its
    invariance with them. A row without positives enters variance and covariance alone; without any positive the
    invariance is 0. **Normalisation**: invariance by Σd, so that a pair weighs the same in every batch of a graph;
    nothing is normalised in Z.

    Parameters
    ----------
    embeddings
        Z, (b, K), b ≥ 2; float16 and bfloat16 are computed in float32.
    graph
        G over the rows: ``SimilarityGraph``, ``BatchGraph`` or symmetric (b, b) tensor.
    coefficients
        λ, μ, ν of invariance, variance and covariance.
    epsilon
        ε under the square root.
    n_views
        1: one covariance over all rows (eq. 2). V: one a view, for sample-major batches (row i·V + v); the hinge is
        averaged over views and the covariance term summed, as in the authors' code.
    signed
        Use the negative entries of G.

    Raises
    ------
    InvalidInputError
        If shapes don't fit, a view has fewer than two rows, a coefficient is negative, a dense graph isn't
        symmetric, or, with ``signed``, the degrees sum to less than 0.
    """
    _check_options(coefficients, epsilon)
    z, g = prepare(embeddings, graph, min_rows=2)
    g = g if signed else g.positive()
    total = g.degrees().sum()
    if signed and not torch.compiler.is_compiling():
        check_nonnegative(**{"the sum of the graph's degrees": float(total)})
    # Where nothing is linked the energy is 0 too.
    invariance = 2 * laplacian_energy(z, g) / torch.where(total > 0, total, 1.0)
    return _vicreg(invariance, split_views(z, n_views), coefficients, epsilon)


@full_precision
def vicreg_two_view(
    z1: Float[Tensor, "n k"],
    z2: Float[Tensor, "n k"],
    *,
    coefficients: tuple[float, float, float] = VICREG_COEFFICIENTS,
    epsilon: float = 1e-4,
    per_view: bool = False,
) -> Float[Tensor, ""]:
    """VICReg of two views; row i of each embeds item i.

    ``per_view=False`` takes the covariance over both views together (eq. 2) and equals :func:`vicreg` on the two-view
    graph without self-loops; ``per_view=True`` takes it view by view (the authors' code) and equals
    ``vicreg(..., n_views=2)`` there. Options and errors as for :func:`vicreg`.
    """
    _check_options(coefficients, epsilon)
    z1, z2 = prepare_views(z1, z2, min_rows=2 if per_view else 1)
    invariance = mse_loss(z1, z2, reduction="sum") / len(z1)
    views = torch.stack([z1, z2]) if per_view else torch.cat([z1, z2])[None]
    return _vicreg(invariance, views, coefficients, epsilon)


def _vicreg(
    invariance: Float[Tensor, ""],
    views: Float[Tensor, "v n k"],
    coefficients: tuple[float, float, float],
    epsilon: float,
) -> Float[Tensor, ""]:
    n_views, n_rows, n_components = views.shape
    if n_rows < 2:
        raise InvalidInputError(
            f"a covariance needs at least two rows a view, got {n_rows}; use a larger batch or fewer views"
        )
    weight_invariance, weight_variance, weight_covariance = coefficients
    loss = weight_invariance * invariance
    for view in (views[0],) if n_views == 1 else views.unbind():
        covariance, squares = covariance_square(view)
        hinge = torch.relu(1 - torch.sqrt(squares / (n_rows - 1) + epsilon)).sum()
        loss = loss + weight_variance / n_views * hinge + weight_covariance / (n_rows - 1) ** 2 * covariance
    return loss / n_components


def _check_options(coefficients: tuple[float, float, float], epsilon: float) -> None:
    invariance, variance, covariance = coefficients
    check_nonnegative(invariance=invariance, variance=variance, covariance=covariance, epsilon=epsilon)
