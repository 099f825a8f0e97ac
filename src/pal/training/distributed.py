"""Several processes that act as one: each holds a share of the batch, and the loss sees all of it.

Embeddings are gathered by :func:`pal.losses.gather_rows`, whose gradients are summed over processes before
data-parallel training averages them; batch norm takes its statistics over all rows.
"""

from typing import Any

import torch
from jaxtyping import Float, Int64
from numpy import ndarray
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable


def my_share(items: Int64[ndarray, " b"], rank: int, world_size: int, /) -> Int64[ndarray, " s"]:
    """Consecutive part of a batch that a process holds; ``world_size`` divides the batch."""
    size = len(items) // world_size
    return items[rank * size : (rank + 1) * size]


def synchronised(module: nn.Module, world_size: int, /) -> nn.Module:
    """Module whose batch norms take their statistics over all processes, in place; unchanged with one process.

    torch's own version runs on GPUs alone; this one runs everywhere.
    """
    if world_size == 1:
        return module
    for child in module.modules():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            child.__class__ = _Shared1d if isinstance(child, nn.BatchNorm1d) else _Shared2d
    return module


class _Sum(torch.autograd.Function):
    """Sum over processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ARG004
        total = grad.contiguous().clone()
        distributed.all_reduce(total)
        return total


def _normalised(norm: nn.BatchNorm1d | nn.BatchNorm2d, x: Float[Tensor, "b c *hw"]) -> Float[Tensor, "b c *hw"]:
    """Batch norm in training, over the rows of all processes; equally many each."""
    over = [0, *range(2, x.ndim)]
    wide = x.float()
    count = x.numel() // x.shape[1] * distributed.get_world_size()
    mean = _Sum.apply(wide.sum(over)) / count  # type: ignore[no-untyped-call]
    shape = (1, -1, *(1,) * (x.ndim - 2))
    centred = wide - mean.view(shape)
    variance = _Sum.apply(centred.square().sum(over)) / count  # type: ignore[no-untyped-call]
    with torch.no_grad():
        if norm.track_running_stats and norm.running_mean is not None and norm.running_var is not None:
            assert norm.num_batches_tracked is not None  # noqa: S101
            norm.num_batches_tracked += 1
            rate = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
            norm.running_mean.lerp_(mean, rate)
            norm.running_var.lerp_(variance * count / max(count - 1, 1), rate)
    out = centred * torch.rsqrt(variance + norm.eps).view(shape)
    if norm.affine:
        out = out * norm.weight.view(shape) + norm.bias.view(shape)
    return out.to(x.dtype)


class _Shared1d(nn.BatchNorm1d):
    def forward(self, x: Tensor) -> Tensor:
        return _normalised(self, x) if self.training else super().forward(x)


class _Shared2d(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return _normalised(self, x) if self.training else super().forward(x)
