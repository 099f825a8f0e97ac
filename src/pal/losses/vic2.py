"""VIC², the spectral contrastive loss (HaoChen et al. 2021, arXiv 2106.04156; eq. 5, theorem 1).

Definition. L(Z; G) = ‖ZZᵀ − G‖²_F = ‖ZᵀZ‖²_F − 2 tr(ZᵀGZ) + ‖G‖²_F, summed over all ordered pairs of rows.

The right-hand side costs O(bK min(b, K) + nnz) and no b × b matrix, but loses all digits near an optimum, where the
loss is small against ‖G‖². With groups of sizes n, their means m and residuals r (Z = Fm + r, Fᵀr = 0, G = FMFᵀ),

    L = ‖N^½ (mmᵀ − M) N^½‖² + 2 tr(mᵀNm · rᵀr) + ‖rᵀr‖²,   N = diag(n),

a sum of squares, is accurate there. It costs r² more, so it is used with at most K groups (with more, K columns
can't fit G and the loss isn't small) and where M is dense anyway.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from pal.losses.batch_graph import BatchGraph, widest
from pal.losses.gram import gram_square
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
    if g.one_group and ((g.relation.ndim == 1 and g.n_groups <= z.shape[1]) or _is_dense(g.relation)):
        return _residual_form(z, g)
    # Several groups a row have no simple residuals; float64 keeps what the expansion would lose.
    wide = z if g.one_group else z.to(widest(z).dtype)
    graph64 = g.to(wide)
    return (gram_square(wide) - 2 * graph64.inner(wide) + g.squared_norm()).to(z.dtype)


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
    tall = n >= z1.shape[1]
    repulsion = ((z1.t() @ z1) * (z2.t() @ z2)).sum() if tall else (z1 @ z2.t()).square().sum()
    return -2 * products.sum() + (repulsion - products.square().sum()) / n


def _residual_form(z: Float[Tensor, "b k"], g: BatchGraph) -> Float[Tensor, ""]:
    sizes = g.group_sizes()
    means = g.pool(z) / sizes.clamp(min=1)[:, None]
    weighted = means * sizes.sqrt()[:, None]
    relation = torch.diag(g.relation) if g.relation.ndim == 1 else g.relation
    root = sizes.sqrt()
    loss = (weighted @ weighted.t() - root[:, None] * relation * root).square().sum()
    if g.run != 1:
        residual = z - g.spread(means)
        cross = (weighted.t() @ weighted) * (residual.t() @ residual)
        loss = loss + 2 * cross.sum() + gram_square(residual)
    # The loops apart: ‖A − diag δ‖² = ‖A‖² − 2 Σ δ_i A_ii + Σ δ_i², A = ZZᵀ − FMFᵀ.
    misfit = z.square().sum(1) - g.group_loops()
    return loss + (g.diagonal * (g.diagonal - 2 * misfit)).sum()


def _is_dense(relation: Tensor) -> bool:
    return relation.ndim == 2 and not relation.is_sparse
