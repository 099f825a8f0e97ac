"""Matrices that are dense, sparse or, where they are square and have one dimension, diagonal."""

import torch
from jaxtyping import Float
from torch import Tensor


def product(a: Tensor, b: Float[Tensor, "n k"]) -> Float[Tensor, "m k"]:
    """A B."""
    return torch.sparse.mm(a, b) if a.is_sparse else a @ b


def dense(a: Tensor) -> Tensor:
    """A with its zeros."""
    return a.to_dense() if a.is_sparse else a


def diagonal(m: Tensor) -> Tensor:
    """Diagonal of M."""
    if m.ndim == 1:
        return m
    if not m.is_sparse:
        return m.diagonal()
    row, col = m.indices()
    on = row == col
    return m.values().new_zeros(m.shape[0]).index_add(0, row[on], m.values()[on])


def clamp(m: Tensor) -> Tensor:
    """max(M, 0)."""
    if not m.is_sparse:
        return m.clamp(min=0)
    return torch.sparse_coo_tensor(
        m.indices(), m.values().clamp(min=0), m.shape, is_coalesced=True, check_invariants=False
    )


def scaled_norm(m: Tensor, sizes: Float[Tensor, " r"]) -> Float[Tensor, ""]:
    """‖N^½ M N^½‖²_F, N = diag(sizes)."""
    if m.ndim == 1:
        return (m * sizes).square().sum()
    if not m.is_sparse:
        return torch.einsum("gh,gh,g,h->", m, m, sizes, sizes)
    row, col = m.indices()
    return (m.values().square() * sizes[row] * sizes[col]).sum()
