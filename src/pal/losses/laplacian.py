"""Energy of the graph's Laplacian, accurate where views nearly agree.

Definition. tr(Zᵀ(D − G)Z) = ½ Σ_ij G_ij ‖z_i − z_j‖², D = diag(G 1). Self-loops cancel.

Written out as Σ d_i ‖z_i‖² − tr(ZᵀGZ) it is a small difference of large numbers: in float32 it is wrong by a fifth when
views differ by a thousandth. With groups of sizes n, means m and residuals r_i = z_i − m_g(i), it is instead

    Σ_i d_i ‖r_i‖² + ½ Σ_gh M_gh n_g n_h ‖m_g − m_h‖²,

whose first term has no cancellation and whose second is 0 where M is diagonal. What is left to expand is centred and
summed in float64.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from pal.losses.batch_graph import BatchGraph, widest


def laplacian_energy(z: Float[Tensor, "b k"], g: BatchGraph) -> Float[Tensor, ""]:
    """tr(Zᵀ(D − G)Z)."""
    if not g.one_group:
        wide = g.to(widest(z))
        z64 = z.to(wide.diagonal.dtype)
        z64 = z64 - z64.mean(0)
        return _expanded(z64, wide.degrees() - wide.diagonal, wide.pool(z64), wide).to(z.dtype)
    energy: Tensor = z.new_zeros(()) if g.run == 1 else _Within.apply(z, g)  # type: ignore[no-untyped-call]
    if g.relation.ndim > 1:
        wide = g.to(widest(z))
        n = wide.group_sizes()[:, None]
        means = wide.pool(z.to(n.dtype)) / n.clamp(min=1)
        means = means - (n * means).sum(0) / n.sum()
        energy = energy + _expanded(means, (n * wide.relate(n))[:, 0], n * means, wide).to(z.dtype)
    return energy


class _Within(torch.autograd.Function):
    """Σ_i d_i ‖r_i‖²; its gradient is 2 d_i r_i, as d is constant in a group and residuals sum to 0 there."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, g: BatchGraph) -> Tensor:
        sizes = g.group_sizes()
        means = g.pool(z).div_(sizes.clamp(min=1)[:, None])
        residuals = g.residuals(z, means)
        degrees = g.spread(g.relate(sizes[:, None]))
        ctx.g = g
        ctx.save_for_backward(z, means, degrees)
        return torch.dot(degrees[:, 0], torch.einsum("ik,ik->i", residuals, residuals))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        z, means, degrees = ctx.saved_tensors
        return ctx.g.residuals(z, means).mul_(2 * grad * degrees), None


def _expanded(
    z: Float[Tensor, "n k"], degrees: Float[Tensor, " n"], pooled: Float[Tensor, "r k"], g: BatchGraph
) -> Float[Tensor, ""]:
    """Σ d_i ‖z_i‖² − tr(SᵀMS)."""
    return torch.dot(degrees, z.square().sum(1)) - (pooled * g.relate(pooled)).sum()
