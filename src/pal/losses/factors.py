"""The factors of a batch's graph, from sparse arrays to the tensors of :class:`pal.losses.BatchGraph`."""

import numpy as np
import torch
from numpy import ndarray
from scipy.sparse import csr_array
from torch import Tensor

# Below this many groups a dense M (4 MB in float32) is faster than a sparse one.
DENSE_GROUPS = 1024


def one_group(f: csr_array) -> tuple[ndarray, ndarray] | None:
    """(group of each row, weight of each group) where rows have at most one group and a group one weight."""
    counts = np.diff(f.indptr)
    if counts.max(initial=0) > 1:
        return None
    weight = np.ones(f.shape[1])
    weight[f.indices] = f.data
    if not np.array_equal(weight[f.indices], f.data):
        return None
    group = np.full(f.shape[0], f.shape[1], dtype=np.int64)
    group[counts == 1] = f.indices
    return group, weight


def padded(relation: csr_array, scale: ndarray) -> csr_array:
    """diag(scale) M diag(scale), with M padded by zeros to the length of ``scale``."""
    if len(scale) == relation.shape[0] and (scale == 1).all():
        return relation
    coo = relation.tocoo()
    data = coo.data * scale[coo.row] * scale[coo.col]
    return csr_array((data, (coo.row, coo.col)), shape=(len(scale), len(scale)))


def run(group: ndarray, n_groups: int) -> int:
    """Number of consecutive rows that each group has, 0 where it differs."""
    run, rest = divmod(len(group), max(n_groups, 1))
    even = rest == 0 and np.array_equal(group, np.repeat(np.arange(n_groups), run))
    return run if even else 0


def relation(m: csr_array) -> Tensor:
    """M: its diagonal where it has no more, dense where that is faster, else sparse."""
    loops = m.diagonal()
    if m.nnz == np.count_nonzero(loops):
        return torch.from_numpy(loops)
    if m.shape[0] <= DENSE_GROUPS or m.nnz > 0.1 * m.shape[0] ** 2:
        return torch.from_numpy(m.toarray())
    return _sparse(m)


def matrix(f: csr_array) -> Tensor:
    """F, dense where most of it isn't 0."""
    return torch.from_numpy(f.toarray()) if f.nnz > 0.3 * f.shape[0] * f.shape[1] else _sparse(f)


def _sparse(matrix: csr_array) -> Tensor:
    coo = matrix.tocoo()
    index = torch.from_numpy(np.stack([coo.row, coo.col]).astype(np.int64))
    return torch.sparse_coo_tensor(
        index, torch.from_numpy(coo.data), coo.shape, is_coalesced=True, check_invariants=False
    )
