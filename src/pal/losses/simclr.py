"""SimCLR on a graph (Chen et al. 2020, arXiv 2002.05709; eq. 3, theorem 1).

Definition. With cosines s_ij = z̃_iᵀz̃_j, z̃ = z/‖z‖, and p_ij = exp(s_ij/τ) / Σ_k exp(s_ik/τ), an anchor i costs

    L_i = −Σ_j G_ij log p_ij = d_i ℓ_i − (1/τ) z̃_iᵀ (GZ̃)_i,

where ℓ is the log of the denominator (:mod:`pal.losses.log_partition`) and d = G 1. The positives need no pairs listed,
only GZ̃; the denominators are tiled.
"""

import math
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import normalize

from pal.errors import InvalidInputError
from pal.losses.batch_graph import BatchGraph
from pal.losses.inputs import (
    Graph,
    check_choice,
    check_temperature,
    full_precision,
    prepare,
    prepare_views,
)
from pal.losses.log_partition import (
    BLOCK_CPU,
    BLOCK_GPU,
    SAFE_LOGIT,
    log_partition,
    log_partition_backward,
)

Average = Literal["mean", "sum"]


@full_precision
def simclr(
    embeddings: Float[Tensor, "b k"],
    graph: Graph,
    *,
    temperature: float = 0.5,
    include_self: bool = False,
    positives: Average = "mean",
    reduction: Average = "mean",
    signed: bool = False,
    block: int | None = None,
) -> Float[Tensor, ""]:
    """Cross-entropy between the rows of G and the softmax of cosines over τ; O(b²K) time, O(b · block) memory.

    **How G is used.** +1 (any positive value) is a target with that weight; 0 and −1 alike stand in the denominator
    alone; with ``signed=True`` negative entries are targets of negative weight. A row without positives contributes
    nothing as an anchor, stands in the others' denominators, and isn't counted in the mean; without any positive the
    loss is 0 (``signed=True`` counts rows that have negatives alone as anchors too).
    **Normalisation**: rows of Z to norm 1 (a row of zeros stays 0 and gets no gradient);
    rows of G as ``positives`` says.

    Parameters
    ----------
    embeddings
        Z, (b, K); float16 and bfloat16 are computed in float32.
    graph
        G over the rows: ``SimilarityGraph``, ``BatchGraph`` or symmetric (b, b) tensor.
    temperature
        τ; finite results from 0.005 upwards.
    include_self
        Whether k = i stands in the denominator. False (NT-Xent) also drops the self-loops of G, so graphs with and
        without them give the same loss; True is theorem 1.
    positives
        "mean" divides an anchor's cost by Σ_j |G_ij| (SupCon's L_out); "sum" doesn't, so anchors weigh their degree
        (theorem 1).
    reduction
        "mean" over the anchors that have positives, or "sum".
    signed
        Use the negative entries of G as targets.
    block
        Side of a tile.

    Raises
    ------
    InvalidInputError
        If the batch is empty, shapes don't fit, the temperature isn't above 0, an option is unknown or a dense graph
        isn't symmetric.

    Notes
    -----
    ``positives="sum", reduction="sum", include_self=True, temperature=1.0`` is theorem 1 to the letter. Once
    differentiable.
    """
    check_temperature(temperature)
    check_choice("positives", positives, ("mean", "sum"))
    check_choice("reduction", reduction, ("mean", "sum"))
    z, g = prepare(embeddings, graph)
    positive = g.positive()
    target = g if signed else positive
    with_loops = _absolute_degrees(target, positive)
    if not include_self:
        positive, target = positive.hollow(), target.hollow()
    scale = _absolute_degrees(target, positive)
    # Rounding alone must not make an anchor of a row whose self-loop has been dropped.
    anchor = scale > 1e-6 * with_loops
    weight = anchor / torch.where(anchor, scale, 1.0) if positives == "mean" else anchor.to(z.dtype)
    if reduction == "mean":
        weight = weight / anchor.sum().clamp(min=1)
    return _cross_entropy(z, target, weight, temperature, include_self, block)


@full_precision
def simclr_two_view(
    z1: Float[Tensor, "n k"],
    z2: Float[Tensor, "n k"],
    *,
    temperature: float = 0.5,
    cross_only: bool = False,
    reduction: Average = "mean",
    block: int | None = None,
) -> Float[Tensor, ""]:
    """SimCLR of two views; row i of each embeds item i.

    ``cross_only=False`` is NT-Xent: 2n anchors, each against the 2n − 1 other rows; equal to :func:`simclr` on the
    two-view graph. ``cross_only=True`` is eq. (3) as printed: n anchors in view 1 against the rows j ≠ i of view 2, so
    the positive isn't in its own denominator; it forms an n × n matrix. Options and errors as for :func:`simclr`.
    """
    check_temperature(temperature)
    check_choice("reduction", reduction, ("mean", "sum"))
    z1, z2 = prepare_views(z1, z2, min_rows=2 if cross_only else 1)
    n = len(z1)
    if cross_only:
        u1, u2 = normalize(z1, dim=1), normalize(z2, dim=1)
        itself = torch.eye(n, dtype=torch.bool, device=u1.device)
        logits = (u1 @ u2.t() / temperature).masked_fill(itself, -torch.inf)
        loss = (logits.logsumexp(1) - (u1 * u2).sum(1) / temperature).sum()
        return loss / n if reduction == "mean" else loss
    z = torch.cat([z1, z2])
    item = torch.arange(n, device=z.device).repeat(2)
    g = BatchGraph(item, z.new_ones(n), -z.new_ones(2 * n), run=0, nonnegative=True, loopless=True)
    weight = z.new_full((2 * n,), 1 / (2 * n) if reduction == "mean" else 1.0)
    return _cross_entropy(z, g, weight, temperature, False, block)


def _absolute_degrees(target: BatchGraph, positive: BatchGraph) -> Float[Tensor, " b"]:
    """Σ_j |G_ij|, by |G| = 2 max(G, 0) − G."""
    if target is positive:
        return positive.degrees()
    return 2 * positive.degrees() - target.degrees()


def _cross_entropy(
    z: Float[Tensor, "b k"],
    g: BatchGraph,
    weight: Float[Tensor, " b"],
    temperature: float,
    include_self: bool,
    block: int | None,
) -> Float[Tensor, ""]:
    """Σ_i w_i L_i."""
    if block is not None and block < 1:
        raise InvalidInputError(f"block must be at least 1, got {block}; leave it out for the default")
    side = block or (BLOCK_CPU if z.device.type == "cpu" else BLOCK_GPU)
    loss: Tensor = _CrossEntropy.apply(z, g, weight, temperature, include_self, side)  # type: ignore[no-untyped-call]
    return loss


class _CrossEntropy(torch.autograd.Function):
    """Σ_i w_i (d_i ℓ_i − ln 2 · s_iᵀ(GS)_i) with rows s_i = c z̃_i, c² = log₂(e)/τ."""

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, g: BatchGraph, weight: Tensor, temperature: float, include_self: bool, block: int
    ) -> Tensor:
        norm = torch.linalg.vector_norm(z, dim=1, keepdim=True)
        scale = (math.log2(math.e) / temperature) ** 0.5
        factor = torch.where(norm > 0, scale / norm, 0.0)
        s = z * factor
        ctx.options = (1 / temperature <= SAFE_LOGIT, include_self, block)
        log_z = log_partition(s, *ctx.options)
        weighted = weight * g.degrees()
        attraction = torch.dot(weight, torch.einsum("ik,ik->i", s, g.product(s)))
        ctx.g, ctx.scale = g, scale
        ctx.save_for_backward(s, factor, log_z, weight, weighted)
        # A row without positives may be alone, with ℓ = −∞: 0 · ∞ is kept out.
        return torch.dot(weighted, torch.where(weighted != 0, log_z, 0.0)) - math.log(2) * attraction

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        s, factor, log_z, weight, weighted = ctx.saved_tensors
        out = log_partition_backward(s, log_z, weighted, *ctx.options)
        half = math.log(2) * weight[:, None]
        out.addcmul_(ctx.g.product(s), -half)
        out.sub_(ctx.g.product(s * half))
        # Through s = c z / ‖z‖: what is left of the gradient across s.
        along = torch.einsum("ik,ik->i", out, s) / ctx.scale**2
        out.addcmul_(s, -along[:, None]).mul_(factor * grad)
        return out, None, None, None, None, None
