"""Barlow Twins: redundancy reduction (Zbontar et al. 2021, arXiv 2103.03230; eq. 4, theorem 1).

Definition. With Z̃ the columns of Z, centred and divided by √(Σ_i z_ik² + bε) (batch norm, over √b), and
Ĝ = D^{-½} G D^{-½},

    C = Z̃ᵀ Ĝ Z̃,   L = Σ_k (1 − C_kk)² + λ Σ_{k≠l} C_kl².

Theorem 1 writes G for Ĝ, though its text names the degree matrix D: the nonzero eigenvalues of a supervised G are its
class sizes, those of Ĝ are 1, and only then C = I can be reached. With λ = 1 the loss is ‖C − I‖²_F.

Where b < K the K × K matrix C is never formed: ‖C‖²_F = tr(BB) with the b × b matrix B = ĜZ̃Z̃ᵀ.
"""

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from pal.losses.batch_graph import BatchGraph
from pal.losses.inputs import Graph, check_nonnegative, full_precision, prepare, prepare_views, split_views

# λ of the Barlow Twins paper.
BARLOW_REDUNDANCY: Final = 0.0051


@full_precision
def barlow_twins(
    embeddings: Float[Tensor, "b k"],
    graph: Graph,
    *,
    redundancy: float = BARLOW_REDUNDANCY,
    epsilon: float = 1e-5,
    center: bool = True,
    normalize: bool = True,
    n_views: int = 1,
    signed: bool = False,
) -> Float[Tensor, ""]:
    """Barlow Twins on a graph; O(bK min(b, K) + nnz) time.

    **How G is used.** +1 (any positive value) correlates the pair with that weight; 0 leaves it out; −1 is read as 0,
    or with ``signed=True`` counts against the correlation.
    Self-loops count: they put Z̃ᵀZ̃ into C, so leave them out where the two-view loss is meant. A row without
    positives (of degree 0 or less) adds nothing to C if G is normalised; it still counts in the columns' means and
    norms. **Normalisation**: columns of Z to norm 1 (a constant column to 0), G by its degrees.

    Parameters
    ----------
    embeddings
        Z, (b, K), b ≥ 2; float16 and bfloat16 are computed in float32.
    graph
        G over the rows: ``SimilarityGraph``, ``BatchGraph`` or symmetric (b, b) tensor.
    redundancy
        λ, the weight of the squared off-diagonal entries; 1 is theorem 1.
    epsilon
        ε added to the variances.
    center
        Whether columns are centred. False is theorem 1, whose optimum YRD with K = C columns isn't centred.
    normalize
        Ĝ (True) or G itself (False).
    n_views
        1: means and norms over all rows. V: view by view, for sample-major batches, as in the authors' code.
    signed
        Use the negative entries of G.

    Raises
    ------
    InvalidInputError
        If shapes don't fit, a view has fewer than two rows, λ or ε is negative, or a dense graph isn't symmetric.

    Notes
    -----
    On the two-view graph without self-loops ``n_views=2`` equals ``barlow_twins_two_view(..., symmetric=True)``.
    """
    check_nonnegative(redundancy=redundancy, epsilon=epsilon)
    z, g = prepare(embeddings, graph, min_rows=2)
    g = g if signed else g.positive()
    views = split_views(z, n_views)
    columns = _standardised(views, epsilon, center).transpose(0, 1).reshape(z.shape)
    if normalize:
        degrees = g.degrees()
        live = degrees > 0
        root = torch.where(live, degrees, 1.0).rsqrt() * live
        columns_hat = columns * root[:, None]
    else:
        columns_hat = columns
    diagonal, square = _correlation(columns_hat, g)
    return _barlow(diagonal, square, redundancy)


@full_precision
def barlow_twins_two_view(
    z1: Float[Tensor, "n k"],
    z2: Float[Tensor, "n k"],
    *,
    redundancy: float = BARLOW_REDUNDANCY,
    epsilon: float = 1e-5,
    center: bool = True,
    symmetric: bool = False,
) -> Float[Tensor, ""]:
    """Barlow Twins of two views; row i of each embeds item i.

    C = Z̃₁ᵀZ̃₂ with the means and norms of each view: the authors' code. ``symmetric=True`` takes (C + Cᵀ)/2, which is
    what a symmetric graph can say, and equals :func:`barlow_twins` with ``n_views=2`` on the two-view graph without
    self-loops. Other options and errors as there.
    """
    check_nonnegative(redundancy=redundancy, epsilon=epsilon)
    z1, z2 = prepare_views(z1, z2, min_rows=2)
    # norm 1 over both views together, so twice each view's product
    u1, u2 = _standardised(torch.stack([z1, z2]), epsilon, center) * 2**0.5
    diagonal = (u1 * u2).sum(0)
    if len(u1) >= u1.shape[1]:
        c = u1.t() @ u2
        square = ((c + c.t()) / 2).square().sum() if symmetric else c.square().sum()
    else:
        square = ((u1 @ u1.t()) * (u2 @ u2.t())).sum()
        if symmetric:
            cross = u2 @ u1.t()
            square = (square + (cross * cross.t()).sum()) / 2
    return _barlow(diagonal, square, redundancy)


def _standardised(views: Float[Tensor, "v n k"], epsilon: float, center: bool) -> Float[Tensor, "v n k"]:
    """Columns centred and scaled within each view, of norm 1 over all views together."""
    n_views, n_rows, _ = views.shape
    if center:
        views = views - views.mean(1, keepdim=True)
    variance = views.square().mean(1, keepdim=True) + epsilon
    scale = torch.where(variance > 0, variance, 1.0).rsqrt()
    return views * (scale / (n_rows * n_views) ** 0.5)


def _correlation(x: Float[Tensor, "b k"], g: BatchGraph) -> tuple[Float[Tensor, " k"], Float[Tensor, ""]]:
    """Diagonal of C = XᵀGX and ‖C‖²_F."""
    related = g @ x
    diagonal = (x * related).sum(0)
    if x.shape[0] >= x.shape[1]:
        return diagonal, (x.t() @ related).square().sum()
    product = related @ x.t()
    return diagonal, (product * product.t()).sum()


def _barlow(diagonal: Float[Tensor, " k"], square: Float[Tensor, ""], redundancy: float) -> Float[Tensor, ""]:
    off_diagonal = square - diagonal.square().sum()
    return (1 - diagonal).square().sum() + redundancy * off_diagonal
