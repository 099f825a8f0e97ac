"""Barlow Twins: redundancy reduction (Zbontar et al. 2021, arXiv 2103.03230; eq. 4, theorem 1).

Definition. With Z̃ the columns of Z, centred and divided by √(Σ_i z_ik² + bε) (batch norm, over √b), and
Ĝ = D^{-½} G D^{-½},

    C = Z̃ᵀ Ĝ Z̃,   L = Σ_k (1 − C_kk)² + λ Σ_{k≠l} C_kl².

Theorem 1 writes G for Ĝ, though its text names the degree matrix D: the nonzero eigenvalues of a supervised G are its
class sizes, those of Ĝ are 1, and only then C = I can be reached. With λ = 1 the loss is ‖C − I‖²_F.

Where b < K the K × K matrix C is never formed: ‖C‖²_F = tr(BB) with the b × b matrix B = ĜZ̃Z̃ᵀ.
"""

from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import batch_norm

from pal.errors import InvalidInputError
from pal.losses.batch_graph import BatchGraph
from pal.losses.gram import cross_square
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
    columns = _standardised(z, n_views, epsilon, center)
    root = _inverse_root(g.degrees()) if normalize else columns.new_ones(len(z))
    diagonal, square = _Correlation.apply(columns, root, g)  # type: ignore[no-untyped-call]
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
    u1, u2 = (_standardised(z, 1, epsilon, center) for z in (z1, z2))
    diagonal = (u1 * u2).sum(0)
    if not symmetric:
        square = cross_square(u1, u2)
    elif len(u1) >= u1.shape[1]:
        c = u1.t() @ u2
        square = (c + c.t()).square().sum() / 4
    else:
        cross = u2 @ u1.t()
        square = (cross_square(u1, u2) + (cross * cross.t()).sum()) / 2
    return _barlow(diagonal, square, redundancy)


def _standardised(z: Float[Tensor, "b k"], n_views: int, epsilon: float, center: bool) -> Float[Tensor, "b k"]:
    """Columns centred and scaled within each view, of norm 1 over all rows."""
    # A column for each view and component.
    columns = len(split_views(z, n_views)[0])
    flat = z.reshape(columns, -1)
    if columns < 2:
        raise InvalidInputError(
            f"a correlation needs at least two rows a view, got {columns}; use a larger batch or fewer views"
        )
    if center:
        scaled = batch_norm(flat, None, None, training=True, eps=epsilon)
    else:
        power = flat.square().mean(0) + epsilon
        scaled = flat * torch.where(power > 0, power, 1.0).rsqrt()
    return (scaled * len(z) ** -0.5).view(z.shape)


def _inverse_root(degrees: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """d^{-½}, 0 where d isn't positive."""
    live = degrees > 0
    return torch.where(live, degrees, 1.0).rsqrt() * live


class _Correlation(torch.autograd.Function):
    """Diagonal of C = XᵀRGRX and ‖C‖²_F, R = diag(root)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, root: Tensor, g: BatchGraph) -> tuple[Tensor, Tensor]:
        related = g.product(x * root[:, None]).mul_(root[:, None])
        tall = x.shape[0] >= x.shape[1]
        if tall and g.pairs:
            # One of each pair is enough: the other adds the transpose.
            half = x[0::2].t() @ related[0::2]
            product = half + half.t()
        else:
            product = x.t() @ related if tall else related @ x.t()
        diagonal = product.diagonal().clone() if tall else (x * related).sum(0)
        ctx.save_for_backward(related, product)
        return diagonal, (product * (product if tall else product.t())).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_diagonal: Tensor, grad: Tensor) -> tuple[Tensor, None, None]:
        related, product = ctx.saved_tensors
        if related.shape[0] >= related.shape[1]:
            weight = 4 * grad * product
            weight.diagonal().add_(2 * grad_diagonal)
            return related @ weight, None, None
        return (product @ related).mul_(4 * grad).addcmul_(related, 2 * grad_diagonal), None, None


def _barlow(diagonal: Float[Tensor, " k"], square: Float[Tensor, ""], redundancy: float) -> Float[Tensor, ""]:
    off_diagonal = square - diagonal.square().sum()
    return (1 - diagonal).square().sum() + redundancy * off_diagonal
