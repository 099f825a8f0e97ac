"""Energy of the graph's Laplacian, accurate where views nearly agree.

Definition. tr(Zᵀ(D − G)Z) = ½ Σ_ij G_ij ‖z_i − z_j‖², D = diag(G 1). Self-loops cancel.

Written out as Σ d_i ‖z_i‖² − tr(ZᵀGZ) it is a small difference of large numbers: in float32 it is wrong by a fifth when
views differ by a thousandth. With groups of sizes n, means m and residuals r_i = z_i − m_g(i), it is instead

    Σ_i d_i ‖r_i‖² + ½ Σ_gh M_gh n_g n_h ‖m_g − m_h‖²,

whose first term has no cancellation and whose second is 0 where M is diagonal. What is left to expand is centred and
summed in float64.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from pal.losses.batch_graph import BatchGraph, widest


def laplacian_energy(z: Float[Tensor, "b k"], g: BatchGraph) -> Float[Tensor, ""]:
    """tr(Zᵀ(D − G)Z)."""
    if not g.one_group:
        wide = g.to(widest(z))
        z64 = z.to(wide.diagonal.dtype)
        z64 = z64 - z64.mean(0)
        return _expanded(z64, wide.degrees() - wide.diagonal, wide.pool(z64), wide).to(z.dtype)
    sizes = g.group_sizes()
    means = g.pool(z) / sizes.clamp(min=1)[:, None]
    energy = z.new_zeros(())
    if g.run != 1:
        degrees = g.spread(g.relate(sizes[:, None]))[:, 0]
        energy = torch.dot(degrees, (z - g.spread(means)).square().sum(1))
    if g.relation.ndim > 1:
        wide = g.to(widest(z))
        n = wide.group_sizes()[:, None]
        m64 = means.to(n.dtype)
        m64 = m64 - (n * m64).sum(0) / n.sum()
        energy = energy + _expanded(m64, (n * wide.relate(n))[:, 0], n * m64, wide).to(z.dtype)
    return energy


def _expanded(
    z: Float[Tensor, "n k"], degrees: Float[Tensor, " n"], pooled: Float[Tensor, "r k"], g: BatchGraph
) -> Float[Tensor, ""]:
    """Σ d_i ‖z_i‖² − tr(SᵀMS)."""
    return torch.dot(degrees, z.square().sum(1)) - (pooled * g.relate(pooled)).sum()
