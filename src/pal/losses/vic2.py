"""VIC², the spectral contrastive loss (HaoChen et al. 2021, arXiv 2106.04156; eq. 5, theorem 1).

Definition. L(Z; G) = ‖ZZᵀ − G‖²_F = ‖ZᵀZ‖²_F − 2 tr(ZᵀGZ) + ‖G‖²_F, summed over all ordered pairs of rows.

The right-hand side costs O(bK min(b, K) + nnz) and no b × b matrix, but loses all digits near an optimum, where the
loss is small against ‖G‖². With groups of sizes n, their means m and residuals r (Z = Fm + r, Fᵀr = 0, G = FMFᵀ),

    L = ‖N^½ (mmᵀ − M) N^½‖² + 2 tr(mᵀNm · rᵀr) + ‖rᵀr‖²,   N = diag(n),

a sum of squares, is accurate there. It costs r² more, so it is used with at most K groups (with more, K columns
can't fit G and the loss isn't small) and where M is dense anyway.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from pal.losses.batch_graph import BatchGraph, widest
from pal.losses.gram import cross_square, gram_square
from pal.losses.inputs import Graph, full_precision, prepare, prepare_views


@full_precision
def spectral_contrastive(embeddings: Float[Tensor, "b k"], graph: Graph) -> Float[Tensor, ""]:
    """‖ZZᵀ − G‖²_F.

    **How G is used.** As it is: z_iᵀz_j is drawn to G_ij, so to 1, 0 or −1; "unknown" (0) asks for orthogonal rows as
    much as a known 0 would, and a self-loop of 1 asks for rows of norm 1. Keep self-loops: without them the two-view
    graph has eigenvalues ±1, half of which no ZZᵀ can fit. A row without positives is drawn to 0, or to its norm
    where it has a self-loop. **Normalisation**: none, neither of Z nor of G nor by the number of pairs; divide by b²
    for a mean.

    Parameters
    ----------
    embeddings
        Z, (b, K); float16 and bfloat16 are computed in float32.
    graph
        G over the rows: ``SimilarityGraph``, ``BatchGraph`` or symmetric (b, b) tensor.

    Raises
    ------
    InvalidInputError
        If the batch is empty, shapes don't fit or a dense graph isn't symmetric.
    """
    z, g = prepare(embeddings, graph)
    dense = g.relation.ndim == 2 and not g.relation.is_sparse
    if g.one_group and (dense or (g.relation.ndim == 1 and g.n_groups <= z.shape[1])):
        residual: Tensor = _Residual.apply(z, g)  # type: ignore[no-untyped-call]
        return residual
    # Several groups a row have no simple residuals; float64 keeps what the expansion would lose.
    wide = z if g.one_group else z.to(widest(z).dtype)
    expanded: Tensor = _Expanded.apply(wide, g.to(wide))  # type: ignore[no-untyped-call]
    return (expanded + g.squared_norm()).to(z.dtype)


vic2 = spectral_contrastive


@full_precision
def spectral_contrastive_two_view(
    z1: Float[Tensor, "n k"], z2: Float[Tensor, "n k"], *, cross_only: bool = False
) -> Float[Tensor, ""]:
    """VIC² of two views; row i of each embeds item i.

    ``cross_only=False``: all pairs of the 2n rows, ‖Z₁ᵀZ₁ + Z₂ᵀZ₂‖² − 2 Σ_i ‖z₁ᵢ + z₂ᵢ‖² + 4n, equal to
    :func:`spectral_contrastive` on the two-view graph with self-loops. ``cross_only=True``: eq. (5) as printed,
    −2⟨Z₁, Z₂⟩ + (1/n) Σ_{i≠j} ⟨z₁ᵢ, z₂ⱼ⟩², which looks at pairs across the views alone and weighs repulsion by 1/n.
    """
    z1, z2 = prepare_views(z1, z2)
    n = len(z1)
    if not cross_only:
        return gram_square(torch.cat([z1, z2])) - 2 * (z1 + z2).square().sum() + 4 * n
    products = (z1 * z2).sum(1)
    repulsion = cross_square(z1.t(), z2.t())
    return -2 * products.sum() + (repulsion - products.square().sum()) / n


class _Expanded(torch.autograd.Function):
    """‖ZᵀZ‖² − 2 tr(ZᵀGZ), with gradient 4 (Z ZᵀZ − GZ)."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, g: BatchGraph) -> Tensor:
        tall = z.shape[0] >= z.shape[1]
        gram = z.t() @ z if tall else z @ z.t()
        pooled = g.pool(z)
        related = g.relate(pooled)
        ctx.g = g
        ctx.save_for_backward(z, gram, related)
        inner = torch.einsum("gk,gk->", pooled, related) + torch.dot(g.diagonal, _row_squares(z))
        return gram.square().sum() - 2 * inner

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        z, gram, related = ctx.saved_tensors
        out = z @ gram if z.shape[0] >= z.shape[1] else gram @ z
        out = _minus_spread(out, related, ctx.g).addcmul_(z, -ctx.g.diagonal[:, None])
        return out.mul_(4 * grad), None


class _Residual(torch.autograd.Function):
    """‖N^½ A N^½‖² + 2 tr(mᵀNm · rᵀr) + ‖rᵀr‖², A = mmᵀ − M, apart from diag(δ).

    A quarter of its gradient is F (A N m + m rᵀr) + r (mᵀNm + rᵀr).
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, g: BatchGraph) -> Tensor:
        sizes = g.group_sizes()
        means = g.pool(z) / sizes.clamp(min=1)[:, None]
        misfit = means @ means.t()
        if g.relation.ndim == 1:
            misfit.diagonal().sub_(g.relation)
        else:
            misfit -= g.relation
        ctx.g = g
        products = () if g.run == 1 else _residual_products(g.residuals(z, means), means, sizes)
        ctx.save_for_backward(z, means, sizes, misfit, *products)
        value = torch.dot(sizes, misfit.square() @ sizes)
        if products:
            value = value + _residual_value(*products, sizes)
        # ‖B − diag δ‖² = ‖B‖² − 2 Σ δ_i B_ii + Σ δ_i², B = ZZᵀ − FMFᵀ.
        return value + torch.dot(g.diagonal, g.diagonal + 2 * g.group_loops() - 2 * _row_squares(z))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        z, means, sizes, misfit, *products = ctx.saved_tensors
        weighted = sizes[:, None] * means
        groups = misfit @ weighted
        if not products:
            out = groups
        elif z.shape[0] >= z.shape[1]:
            residuals, gram, cross = products
            groups += means @ gram
            out = residuals @ (cross + gram)
        else:
            residuals, gram, cross = products
            groups += cross.t() @ residuals
            out = (gram @ residuals).addmm_(cross, weighted)
        if products:
            out = _minus_spread(out, -groups, ctx.g)
        return out.addcmul_(z, -ctx.g.diagonal[:, None]).mul_(4 * grad), None


def _residual_products(r: Tensor, means: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Residuals with rᵀr and mᵀNm (K × K), or with rrᵀ (b × b) and rmᵀ where K > b."""
    if r.shape[0] >= r.shape[1]:
        return r, r.t() @ r, means.t() @ (sizes[:, None] * means)
    return r, r @ r.t(), r @ means.t()


def _residual_value(r: Tensor, gram: Tensor, cross: Tensor, sizes: Tensor) -> Tensor:
    """2 tr(mᵀNm · rᵀr) + ‖rᵀr‖²."""
    between = (cross * gram).sum() if r.shape[0] >= r.shape[1] else (cross.square() @ sizes).sum()
    return 2 * between + gram.square().sum()


def _row_squares(z: Tensor) -> Tensor:
    return torch.einsum("ik,ik->i", z, z)


def _minus_spread(out: Tensor, s: Tensor, g: BatchGraph) -> Tensor:
    """Out − F s, in place."""
    if g.run > 1:
        out.view(g.n_groups, g.run, -1).sub_(s[:, None])
        return out
    return out.sub_(g.spread(s))
