"""Sums of squares of XᵀX, by the Gram matrix on the smaller of its two sides.

Definition. ‖XᵀX‖²_F = Σ_kl (XᵀX)²_kl = ‖XXᵀ‖²_F, so K × K or b × b, whichever is smaller, is enough; the sum over
k ≠ l leaves out the diagonal, the squared norms of the columns. The gradient, 4 X XᵀX, takes one more product with the
Gram matrix that is kept, where plain autograd would make two.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

# Rows centred at a time: they stay in a core's cache, and no centred copy of Z is kept.
ROWS = 1024


class _Gram(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        gram = z.t() @ z if z.shape[0] >= z.shape[1] else z @ z.t()
        ctx.save_for_backward(z, gram)
        return gram.square().sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        z, gram = ctx.saved_tensors
        return (z @ gram if z.shape[0] >= z.shape[1] else gram @ z).mul_(4 * grad)


class _Covariance(torch.autograd.Function):
    """Centred columns sum to 0, and so do those of the gradient: centring needs no step backward."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> tuple[Tensor, Tensor]:
        mean = z.mean(0)
        if z.shape[0] >= z.shape[1]:
            gram = z.new_zeros(z.shape[1], z.shape[1])
            buffer = z.new_empty(min(ROWS, len(z)), z.shape[1])
            for rows in torch.split(z, ROWS):
                x = torch.sub(rows, mean, out=buffer[: len(rows)])
                gram.addmm_(x.t(), x)
            squares = gram.diagonal().clone()
            gram.fill_diagonal_(0.0)
            value = gram.square().sum()
        else:
            x = z - mean
            gram = x @ x.t()
            squares = x.square().sum(0)
            value = gram.square().sum() - squares.square().sum()
        ctx.save_for_backward(z, mean, gram, squares)
        return value, squares

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, grad_squares: Tensor) -> Tensor:
        z, mean, gram, squares = ctx.saved_tensors
        if z.shape[0] < z.shape[1]:
            x = z - mean
            return (gram @ x).mul_(4 * grad).addcmul_(x, 2 * grad_squares - 4 * grad * squares)
        weight = 4 * grad * gram
        weight.diagonal().add_(2 * grad_squares)
        out = torch.empty(z.shape, dtype=z.dtype, device=z.device)
        buffer = z.new_empty(min(ROWS, len(z)), z.shape[1])
        for rows, part in zip(torch.split(z, ROWS), torch.split(out, ROWS), strict=True):
            torch.mm(torch.sub(rows, mean, out=buffer[: len(rows)]), weight, out=part)
        return out


def gram_square(z: Float[Tensor, "b k"]) -> Float[Tensor, ""]:
    """‖ZᵀZ‖²_F; once differentiable."""
    value: Tensor = _Gram.apply(z)  # type: ignore[no-untyped-call]
    return value


def covariance_square(z: Float[Tensor, "b k"]) -> tuple[Float[Tensor, ""], Float[Tensor, " k"]]:
    """Σ_{k≠l} (XᵀX)²_kl and the diagonal of XᵀX, for X = Z with its columns centred; once differentiable."""
    value, squares = _Covariance.apply(z)  # type: ignore[no-untyped-call]
    return value, squares


class _Cross(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        gram_a, gram_b = a @ a.t(), b @ b.t()
        ctx.save_for_backward(a, b, gram_a, gram_b)
        return (gram_a * gram_b).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        a, b, gram_a, gram_b = ctx.saved_tensors
        return (gram_b @ a).mul_(2 * grad), (gram_a @ b).mul_(2 * grad)


def cross_square(a: Float[Tensor, "n k"], b: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
    """‖AᵀB‖²_F; once differentiable."""
    if a.shape[0] >= a.shape[1]:
        return (a.t() @ b).square().sum()
    value: Tensor = _Cross.apply(a, b)  # type: ignore[no-untyped-call]
    return value
