"""Sums of squares of ZᵀZ, by the Gram matrix on the smaller of its two sides.

Definition. ‖ZᵀZ‖²_F = Σ_kl (ZᵀZ)²_kl = ‖ZZᵀ‖²_F, so K × K or b × b, whichever is smaller, is enough; the sum over
k ≠ l leaves out the diagonal. Both cost O(b K min(b, K)) and keep one Gram matrix for the gradient 4 Z ZᵀZ, which
plain autograd would build from two products instead of one.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable


class _GramSquare(torch.autograd.Function):
    @staticmethod
    def forward(z: Tensor, off_diagonal: bool) -> tuple[Tensor, Tensor]:
        tall = z.shape[0] >= z.shape[1]
        gram = z.t() @ z if tall else z @ z.t()
        if off_diagonal and tall:
            gram.fill_diagonal_(0.0)
        value = torch.dot(gram.view(-1), gram.view(-1))
        if off_diagonal and not tall:
            value = value - z.square().sum(0).square().sum()
        return value, gram

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, bool], output: tuple[Tensor, Tensor]) -> None:
        z, ctx.off_diagonal = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(z, output[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None]:
        z, gram = ctx.saved_tensors
        tall = z.shape[0] >= z.shape[1]
        out = z @ gram if tall else gram @ z
        if ctx.off_diagonal and not tall:
            out = out - z * z.square().sum(0)
        return out.mul_(4 * grad), None


def gram_square(z: Float[Tensor, "b k"], *, off_diagonal: bool = False) -> Float[Tensor, ""]:
    """‖ZᵀZ‖²_F, or its sum over k ≠ l; once differentiable."""
    value: Tensor = _GramSquare.apply(z, off_diagonal)[0]  # type: ignore[no-untyped-call]
    return value
