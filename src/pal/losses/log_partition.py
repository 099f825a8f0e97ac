"""Row-wise log-sum-exp over every pair, in tiles: the part of SimCLR that needs them all.

Definition. For rows s_i with s_iᵀs_k = log₂(e) · (logit of i and k), ℓ_i = ln Σ_k 2^{s_iᵀs_k}, k over all rows or all
but i. Given a = ∂L/∂ℓ, its gradient is ln 2 · Σ_j (a_i p_ij + a_j p_ji) s_j with p_ij = 2^{s_iᵀs_j} e^{−ℓ_i}. Powers
of two are cheaper than exponentials.

The logits are symmetric, so a tile (I, J), J ≥ I, serves rows I by its row sums and rows J by its column sums; it is
computed once forward and once backward, and never kept: O(b · (K + block)) memory instead of O(b²). While logits lie
within ±40 no shift is needed in float32 (``safe``); otherwise rows are shifted by their maximum.

Both passes are custom operators: opaque to torch.compile, which traces around them.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

SAFE_LOGIT = 40.0
# Side of a tile: small enough to stay in a core's cache, large enough for a GPU to be busy.
BLOCK_CPU, BLOCK_GPU = 512, 4096


@torch.library.custom_op("pal::log_partition", mutates_args=())
def log_partition(s: Tensor, safe: bool, include_self: bool, block: int) -> Tensor:
    """ℓ, (b,); −∞ where a row is alone and k = i is left out."""
    if not safe:
        return _shifted(s, include_self, block)
    sums = s.new_zeros(len(s))
    buffer = s.new_empty(block * block)
    for i, j in _tiles(len(s), block):
        tile = _product(s[i], s[j], buffer).exp2_()
        if i == j and not include_self:
            tile.fill_diagonal_(0.0)
        sums[i] += tile.sum(1)
        if i != j:
            sums[j] += tile.sum(0)
    return sums.log_()


@torch.library.custom_op("pal::log_partition_backward", mutates_args=())
def log_partition_backward(
    s: Tensor, log_z: Tensor, grad: Tensor, safe: bool, include_self: bool, block: int
) -> Tensor:
    """Gradient with respect to ``s``, (b, K), given that with respect to ℓ."""
    # Rows alone have nothing to sum over, and no gradient.
    finite = torch.isfinite(log_z)
    log2_z = torch.where(finite, log_z, 0.0) * math.log2(math.e)
    weight = torch.where(finite, grad, 0.0) * math.log(2)
    share = weight * torch.exp2(-log2_z) if safe else weight
    out = torch.zeros_like(s)
    buffer, other = s.new_empty(2, block * block)
    for i, j in _tiles(len(s), block):
        tile = _product(s[i], s[j], buffer)
        outer = other[: tile.numel()].view_as(tile)
        if safe:
            tile.exp2_().mul_(torch.add(share[i, None], share[j], out=outer))
        else:
            torch.sub(tile, log2_z[j], out=outer).exp2_().mul_(share[j])
            tile.sub_(log2_z[i, None]).exp2_().mul_(share[i, None]).add_(outer)
        if i == j and not include_self:
            tile.fill_diagonal_(0.0)
        out[i].addmm_(tile, s[j])
        if i != j:
            out[j].addmm_(tile.t(), s[i])
    return out


def _shifted(s: Tensor, include_self: bool, block: int) -> Tensor:
    """ℓ by whole rows, each shifted by its maximum."""
    n = len(s)
    height = max(1, min(block, block * block // n))
    buffer = s.new_empty(height * n)
    log_z = s.new_empty(n)
    for start in range(0, n, height):
        rows = slice(start, min(start + height, n))
        tile = _product(s[rows], s, buffer)
        if not include_self:
            tile.diagonal(start).fill_(-math.inf)
        shift = tile.amax(1).clamp_(min=torch.finfo(tile.dtype).min)
        log_z[rows] = tile.sub_(shift[:, None]).exp2_().sum(1).log2_().add_(shift)
    return log_z.mul_(math.log(2))


def _product(a: Tensor, b: Tensor, buffer: Tensor) -> Tensor:
    return torch.mm(a, b.t(), out=buffer[: len(a) * len(b)].view(len(a), len(b)))


def _tiles(n: int, block: int) -> Iterator[tuple[slice, slice]]:
    """Upper tiles of an n × n matrix."""
    edges = [slice(start, min(start + block, n)) for start in range(0, n, block)]
    for index, rows in enumerate(edges):
        for cols in edges[index:]:
            yield rows, cols


@log_partition.register_fake
def _(s: Tensor, *_options: int) -> Tensor:
    return s.new_empty(s.shape[0])


@log_partition_backward.register_fake
def _(s: Tensor, *_others: Tensor | int) -> Tensor:
    return torch.empty_like(s)
