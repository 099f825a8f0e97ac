"""VIC² from sampled pairs: eq. (9)-(10), and unbiased estimates of its full sum.

Definition. With pairs I whose relation G_ij was asked and pairs J that only prevent collapse,

    L(Z; G, I, J) = Σ_I G_ij ‖z_i − z_j‖² + Σ_J R(z_i, z_j),   R(a, b) = (aᵀb)² − ‖a‖² − ‖b‖².

Over I = J = all N² ordered pairs, i = j included, the two repulsions are

- "variance", the paper's R: ‖ZᵀZ − N·I‖² + 2 tr(Zᵀ(D − G)Z) − N²K, VICReg with squared variances;
- "exact": R = (aᵀb)² and, on I, G_ij² − 2 G_ij z_iᵀz_j, which sums to ‖ZZᵀ − G‖²: VIC² itself.

They agree, up to a constant, only if D = N·I.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pal.errors import InvalidInputError
from pal.losses.gram import gram_square
from pal.losses.inputs import (
    Graph,
    check_choice,
    checked_embeddings,
    full_precision,
    prepare,
)
from pal.losses.laplacian import laplacian_energy
from pal.losses.vic2 import spectral_contrastive

Repulsion = Literal["variance", "exact"]


@full_precision
def pairs_loss(
    embeddings: Float[Tensor, "b k"],
    asked: Int[Tensor, "p 2"],
    relation: Float[Tensor, " p"],
    repelled: Int[Tensor, "q 2"],
    *,
    repulsion: Repulsion = "variance",
    asked_weight: float | Float[Tensor, " p"] = 1.0,
    repelled_weight: float | Float[Tensor, " q"] = 1.0,
) -> Float[Tensor, ""]:
    """Eq. (9)-(10) over given pairs; O((p + q) K).

    **How G is used.** G_ij of +1 attracts, 0 does nothing, −1 repels ("variance") or draws z_iᵀz_j to −1 ("exact").
    A row in no pair of ``asked`` is only repelled. **Normalisation**: none; the weights are for it.

    Parameters
    ----------
    embeddings
        Z, (b, K); float16 and bfloat16 are computed in float32.
    asked, relation
        I, positions (i, j) of rows, and their G_ij.
    repelled
        J, positions of rows.
    repulsion
        "variance" or "exact", see the module.
    asked_weight, repelled_weight
        One over the expected number of times a pair is drawn, a number or one a pair. For p pairs drawn uniformly
        from all N² (with or without replacement) it is N²/p, and the mean over draws is the full sum.

    Raises
    ------
    InvalidInputError
        If shapes don't fit, a position lies outside the batch or the repulsion is unknown.
    """
    check_choice("repulsion", repulsion, ("variance", "exact"))
    z = checked_embeddings(embeddings)
    a, b = _rows(z, asked, "asked")
    c, d = _rows(z, repelled, "repelled")
    if relation.shape != asked.shape[:1]:
        raise InvalidInputError(
            f"relation must have one entry for each of the {len(asked)} asked pairs, got {tuple(relation.shape)}; "
            "give G_ij for every pair"
        )
    g = relation.to(z)
    repel = (c * d).sum(1).square()
    if repulsion == "variance":
        attract = g * (a - b).square().sum(1)
        repel = repel - c.square().sum(1) - d.square().sum(1)
    else:
        attract = g.square() - 2 * g * (a * b).sum(1)
    return (asked_weight * attract).sum() + (repelled_weight * repel).sum()


@full_precision
def batch_loss(
    embeddings: Float[Tensor, "b k"],
    graph: Graph,
    *,
    n_items: int,
    repulsion: Repulsion = "variance",
) -> Float[Tensor, ""]:
    """Estimate the full sum of eq. (9)-(10) from all pairs of a mini-batch; no b × b matrix for factored graphs.

    For b of N rows drawn uniformly without replacement the mean over batches is the full sum over N² pairs, exactly:
    pairs i ≠ j weigh N(N−1)/(b(b−1)), pairs i = j weigh N/b. **How G is used**: as in :func:`pairs_loss`, I = J = the
    pairs of the batch. **Normalisation**: none; divide by N² for a mean.

    Parameters
    ----------
    embeddings
        Z of the batch, (b, K), b ≥ 2 unless N = 1.
    graph
        G over the batch's rows, ``full_graph.take(items)``.
    n_items
        N, items the batch was drawn from.
    repulsion
        "variance" or "exact", see the module.

    Raises
    ------
    InvalidInputError
        If shapes don't fit, the batch has fewer than two rows or more than N, or the repulsion is unknown.
    """
    check_choice("repulsion", repulsion, ("variance", "exact"))
    z, g = prepare(embeddings, graph, min_rows=min(2, max(n_items, 1)))
    b = len(z)
    if n_items < b:
        raise InvalidInputError(
            f"n_items must be at least the {b} rows of the batch, got {n_items}; give the size of the whole set"
        )
    squares = z.square().sum(1)
    if repulsion == "variance":
        total = gram_square(z) - 2 * b * squares.sum() + 2 * laplacian_energy(z, g)
        loops = (squares.square() - 2 * squares).sum()
    else:
        total = spectral_contrastive(z, g)
        loops = (squares - g.group_loops() - g.diagonal).square().sum()
    pairs = n_items * (n_items - 1) / (b * (b - 1)) if b > 1 else 0.0
    return pairs * (total - loops) + n_items / b * loops


def _rows(z: Float[Tensor, "b k"], pairs: Int[Tensor, "p 2"], name: str) -> tuple[Tensor, Tensor]:
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.is_floating_point():
        raise InvalidInputError(
            f"{name} must be integers of shape (p, 2), got {pairs.dtype} {tuple(pairs.shape)}; give positions (i, j)"
        )
    if not torch.compiler.is_compiling() and pairs.numel():
        low, high = int(pairs.min()), int(pairs.max())
        if low < 0 or high >= len(z):
            raise InvalidInputError(
                f"{name} must hold positions in 0..{len(z) - 1}, got {low}..{high}; index rows of the embeddings"
            )
    return z[pairs[:, 0]], z[pairs[:, 1]]
