"""Row-wise log Σ exp of cosines, in tiles: the part of SimCLR that needs every pair.

Definition. For rows z̃ of norm 1, ℓ_i = log Σ_k exp(z̃_iᵀz̃_k / τ), k over all rows or all but i. Its gradient,
given w = ∂L/∂ℓ, is (1/τ) Σ_j (w_i p_ij + w_j p_ji) z̃_j with p_ij = exp(z̃_iᵀz̃_j / τ − ℓ_i).

S = Z̃Z̃ᵀ is symmetric, so a tile (I, J), J ≥ I, serves rows I by its row sums and rows J by its column sums; it is
computed once forward and once backward, and never kept: O(b · (K + block)) memory instead of O(b²). Powers of two are
cheaper than exponentials, so the scale log₂(e)/τ goes into the rows. Cosines are at most 1, so no shift is needed
while e^{1/τ} and e^{−1/τ} are far inside float32's range (τ ≥ 1/40); below, rows are shifted by their maximum.

Both passes are custom operators: opaque to torch.compile, which traces around them.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

SAFE_INVERSE_TEMPERATURE = 40.0
# Elements of a tile: small enough to stay in a core's cache, large enough for a GPU to be busy.
BLOCK_CPU, BLOCK_GPU = 512, 4096


def log_partition(
    unit: Float[Tensor, "b k"], *, temperature: float, include_self: bool = False, block: int | None = None
) -> Float[Tensor, " b"]:
    """ℓ for rows of norm 1; −∞ where a row is alone and k = i is left out. Once differentiable.

    ``block`` is the side of a tile (default 512 on CPU, 4096 elsewhere).
    """
    side = block or (BLOCK_CPU if unit.device.type == "cpu" else BLOCK_GPU)
    result: Tensor = torch.ops.pal.log_partition(unit, temperature, include_self, side)
    return result


@torch.library.custom_op("pal::log_partition", mutates_args=())
def _forward(unit: Tensor, temperature: float, include_self: bool, block: int) -> Tensor:
    scaled = _scaled(unit, temperature)
    if 1 / temperature > SAFE_INVERSE_TEMPERATURE:
        return _shifted(scaled, include_self, block)
    sums = scaled.new_zeros(len(scaled))
    buffer = scaled.new_empty(block * block)
    for i, j in _tiles(len(scaled), block):
        tile = _product(scaled[i], scaled[j], buffer).exp2_()
        if i == j and not include_self:
            tile.fill_diagonal_(0.0)
        sums[i] += tile.sum(1)
        if i != j:
            sums[j] += tile.sum(0)
    return sums.log_()


@torch.library.custom_op("pal::log_partition_backward", mutates_args=())
def _backward(unit: Tensor, log_z: Tensor, grad: Tensor, temperature: float, include_self: bool, block: int) -> Tensor:
    scaled = _scaled(unit, temperature)
    # Rows alone, without anything to sum over, have no gradient.
    finite = torch.isfinite(log_z)
    log2_z = torch.where(finite, log_z, 0.0) * math.log2(math.e)
    weight = torch.where(finite, grad, 0.0) / temperature
    safe = 1 / temperature <= SAFE_INVERSE_TEMPERATURE
    share = weight * torch.exp2(-log2_z) if safe else weight
    out = torch.zeros_like(scaled)
    buffer, other = scaled.new_empty(2, block * block)
    for i, j in _tiles(len(scaled), block):
        tile = _product(scaled[i], scaled[j], buffer)
        outer = other[: tile.numel()].view_as(tile)
        if safe:
            tile.exp2_().mul_(torch.add(share[i, None], share[j], out=outer))
        else:
            torch.sub(tile, log2_z[j], out=outer).exp2_().mul_(share[j])
            tile.sub_(log2_z[i, None]).exp2_().mul_(share[i, None]).add_(outer)
        if i == j and not include_self:
            tile.fill_diagonal_(0.0)
        out[i].addmm_(tile, unit[j])
        if i != j:
            out[j].addmm_(tile.t(), unit[i])
    return out


def _shifted(scaled: Tensor, include_self: bool, block: int) -> Tensor:
    """ℓ by whole rows, each shifted by its maximum."""
    n = len(scaled)
    height = max(1, min(block, block * block // n))
    buffer = scaled.new_empty(height * n)
    log_z = scaled.new_empty(n)
    for start in range(0, n, height):
        rows = slice(start, min(start + height, n))
        tile = _product(scaled[rows], scaled, buffer)
        if not include_self:
            tile.diagonal(start).fill_(-math.inf)
        shift = tile.amax(1).clamp_(min=torch.finfo(tile.dtype).min)
        log_z[rows] = tile.sub_(shift[:, None]).exp2_().sum(1).log2_().add_(shift)
    return log_z.mul_(math.log(2))


def _scaled(unit: Tensor, temperature: float) -> Tensor:
    return unit * math.sqrt(math.log2(math.e) / temperature)


def _product(a: Tensor, b: Tensor, buffer: Tensor) -> Tensor:
    return torch.mm(a, b.t(), out=buffer[: len(a) * len(b)].view(len(a), len(b)))


def _tiles(n: int, block: int) -> Iterator[tuple[slice, slice]]:
    """Upper tiles of an n × n matrix."""
    edges = [slice(start, min(start + block, n)) for start in range(0, n, block)]
    for index, rows in enumerate(edges):
        for cols in edges[index:]:
            yield rows, cols


@_forward.register_fake
def _(unit: Tensor, *_options: float) -> Tensor:
    return unit.new_empty(unit.shape[0])


@_backward.register_fake
def _(unit: Tensor, *_others: Tensor | float) -> Tensor:
    return torch.empty_like(unit)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    unit, *ctx.options = inputs
    ctx.save_for_backward(unit, output)


def _gradient(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
    return _backward(*ctx.saved_tensors, grad, *ctx.options), None, None, None


_forward.register_autograd(_gradient, setup_context=_setup)
