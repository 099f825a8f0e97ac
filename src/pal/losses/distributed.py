"""Losses over the batch of all processes.

Definition. W processes hold batches of b rows each; the loss is over all W·b rows, so every process computes it from
all embeddings. Data-parallel training averages parameters' gradients over processes, and what arrives must be
Σ_r ∂L/∂z_r · ∂z_r/∂θ, once: going backward, the gradients of a row are therefore summed over processes, and the average
divides by W again. A gather without that sum scales the gradient by 1/W.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, distributed
from torch.autograd.function import once_differentiable


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.rows = len(z)
        parts = [torch.empty_like(z) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, z.contiguous())
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        total = grad.clone()
        distributed.all_reduce(total)
        start = distributed.get_rank() * ctx.rows
        return total[start : start + ctx.rows]


def gather_rows(z: Float[Tensor, "b k"]) -> Float[Tensor, "w_b k"]:
    """Embeddings of all processes, in order of rank; ``z`` itself where there is one process.

    Every process must hold equally many rows, compute the same loss of the result, over the graph of all rows, and
    average gradients over processes, as DistributedDataParallel does. Sample-major batches stay sample-major.

    Parameters
    ----------
    z
        This process's embeddings, (b, K).
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return z
    gathered: Tensor = _Gather.apply(z)  # type: ignore[no-untyped-call]
    return gathered
