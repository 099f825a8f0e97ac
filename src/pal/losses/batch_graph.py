"""The similarity graph of a batch, as tensors.

Definition. G = F M Fᵀ + diag(δ) over the b rows of a batch, with

- F, ``membership``: (b,) integers where every row belongs to one group (the usual case), else (b, r) reals, dense or
  sparse;
- M, ``relation``: (r,) where M is diagonal, else (r, r), dense or sparse;
- δ, ``diagonal``: (b,), self-loops apart from the groups.

A dense graph is the case F = I, M = G. The graph is a constant: no gradient flows into it.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph
from pal.losses import factors, matrices


@dataclass(frozen=True, eq=False)
class BatchGraph:
    """G = F M Fᵀ + diag(δ) on a device; build it with :func:`batch_graph`, once, and give it to any loss.

    ``run`` is the number of consecutive rows a group has where all groups have the same (views, sample-major), else
    0; ``nonnegative`` says that G has no negative entry and ``loopless`` that its diagonal is 0, as far as known.
    """

    membership: Tensor
    relation: Tensor
    diagonal: Float[Tensor, " b"]
    run: int
    nonnegative: bool
    loopless: bool = False

    @property
    def n_rows(self) -> int:
        """Rows of the batch, b."""
        return int(self.membership.shape[0])

    @property
    def n_groups(self) -> int:
        """Groups, r."""
        return int(self.relation.shape[0])

    @property
    def pairs(self) -> bool:
        """Whether G links consecutive rows two by two, and nothing else."""
        return self.run == 2 and self.loopless and self.relation.ndim == 1

    @property
    def one_group(self) -> bool:
        """Whether every row belongs to exactly one group, with weight 1."""
        return self.membership.ndim == 1

    # --- the three products -----------------------------------------------------------------------------------

    def pool(self, z: Float[Tensor, "b k"]) -> Float[Tensor, "r k"]:
        """Fᵀ Z: sums over groups."""
        if not self.one_group:
            return matrices.product(self.membership.t(), z)
        if self.run == 1:
            return z
        if self.run:
            return z.reshape(self.n_groups, self.run, -1).sum(1)
        return z.new_zeros(self.n_groups, z.shape[1]).index_add(0, self.membership, z)

    def relate(self, s: Float[Tensor, "r k"]) -> Float[Tensor, "r k"]:
        """M S."""
        return self.relation[:, None] * s if self.relation.ndim == 1 else matrices.product(self.relation, s)

    def spread(self, s: Float[Tensor, "r k"]) -> Float[Tensor, "b k"]:
        """F S: each row gets the sum of its groups."""
        if not self.one_group:
            return matrices.product(self.membership, s)
        return s if self.run == 1 else s.index_select(0, self.membership)

    def residuals(self, z: Float[Tensor, "b k"], means: Float[Tensor, "r k"]) -> Float[Tensor, "b k"]:
        """Z − F m, for rows of one group each."""
        if self.run:
            return (z.reshape(self.n_groups, self.run, -1) - means[:, None]).reshape(z.shape)
        return self.spread(means).neg_().add_(z)

    # --- algebra ----------------------------------------------------------------------------------------------

    # A method, not the operator @, which torch.compile doesn't trace within a torch.autograd.Function.
    def product(self, z: Float[Tensor, "b k"]) -> Float[Tensor, "b k"]:
        """G Z in O(nnz · k)."""
        return self.spread(self.relate(self.pool(z))).addcmul_(z, self.diagonal[:, None])

    def degrees(self) -> Float[Tensor, " b"]:
        """G 1."""
        ones = self.diagonal.new_ones(self.n_rows, 1)
        return self.product(ones)[:, 0]

    def group_loops(self) -> Float[Tensor, " b"]:
        """Diagonal of F M Fᵀ, the part of the self-loops that is not in δ."""
        if self.one_group:
            return matrices.diagonal(self.relation).index_select(0, self.membership)
        dense = matrices.dense(self.membership)
        return (self.relate(dense.t()).t() * dense).sum(1)

    def squared_norm(self) -> Float[Tensor, ""]:
        """‖G‖²_F, in float64 where the device has it."""
        wide = self.to(widest(self.diagonal))
        if wide.one_group:
            norm = matrices.scaled_norm(wide.relation, wide.group_sizes())
        else:
            product = wide.relate(wide.pool(matrices.dense(wide.membership)))
            norm = (product * product.t()).sum()
        return norm + (wide.diagonal * (2 * wide.group_loops() + wide.diagonal)).sum()

    def group_sizes(self) -> Float[Tensor, " r"]:
        """Fᵀ 1."""
        return self.pool(self.diagonal.new_ones(self.n_rows, 1))[:, 0]

    def to_dense(self) -> Float[Tensor, "b b"]:
        """G itself."""
        eye = torch.eye(self.n_rows, dtype=self.diagonal.dtype, device=self.diagonal.device)
        return self.product(eye)

    # --- variants ---------------------------------------------------------------------------------------------

    def hollow(self) -> "BatchGraph":
        """G without self-loops."""
        return self if self.loopless else replace(self, diagonal=-self.group_loops(), loopless=True)

    def positive(self) -> "BatchGraph":
        """max(G, 0): what is known to be alike, and nothing else.

        O(nnz) where every row has one group or nothing is negative; else G is formed, O(b²).
        """
        if self.nonnegative:
            return self
        if not self.one_group:
            return from_dense(self.to_dense()).positive()
        relation = matrices.clamp(self.relation)
        if self.loopless:
            return replace(self, relation=relation, nonnegative=True, loopless=False).hollow()
        loops = (self.group_loops() + self.diagonal).clamp(min=0)
        new = replace(self, relation=relation, diagonal=torch.zeros_like(self.diagonal), nonnegative=True)
        return replace(new, diagonal=loops - new.group_loops())

    def to(self, like: Tensor) -> "BatchGraph":
        """Copy with the dtype and device of ``like``; itself where they agree."""
        if self.diagonal.dtype == like.dtype and self.diagonal.device == like.device:
            return self
        f = self.membership
        return replace(
            self,
            membership=f.to(like.device) if self.one_group else f.to(like.device, like.dtype),
            relation=self.relation.to(like.device, like.dtype),
            diagonal=self.diagonal.to(like.device, like.dtype),
        )


def batch_graph(
    graph: SimilarityGraph | BatchGraph | Float[Tensor, "b b"],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> BatchGraph:
    """Prepare a graph over the rows of a batch for the losses.

    Parameters
    ----------
    graph
        G over the batch: ``SimilarityGraph`` (``graph.take(items)``), or a symmetric (b, b) tensor.
    dtype, device
        Those the loss is computed in; losses convert a graph that has others.

    Raises
    ------
    InvalidInputError
        If a dense graph isn't square, finite and symmetric.
    """
    like = torch.empty(0, dtype=dtype, device=device)
    if isinstance(graph, BatchGraph):
        return graph.to(like)
    if isinstance(graph, SimilarityGraph):
        return _of_factors(graph).to(like)
    if not isinstance(graph, Tensor):
        raise InvalidInputError(
            f"graph must be a SimilarityGraph, a BatchGraph or a (b, b) tensor, got {type(graph).__name__}; "
            "convert it first"
        )
    if graph.ndim != 2 or graph.shape[0] != graph.shape[1]:
        raise InvalidInputError(
            f"a dense graph must have shape (b, b), got {tuple(graph.shape)}; "
            "give one row and column for each embedding"
        )
    graph = graph.detach().to(device=like.device, dtype=like.dtype)
    # Looking at values would break a compiled graph in two; a graph prepared outside has been looked at.
    if not torch.compiler.is_compiling():
        _check_symmetric(graph)
    return from_dense(graph)


def from_dense(graph: Float[Tensor, "b b"]) -> BatchGraph:
    """F = I, M = G."""
    rows = torch.arange(len(graph), device=graph.device)
    return BatchGraph(rows, graph, graph.new_zeros(len(graph)), run=1, nonnegative=False)


def widest(like: Tensor) -> Tensor:
    """Empty tensor on the device of ``like`` in float64, or in its own dtype where the device has no float64."""
    return like.new_empty(0, dtype=like.dtype if like.device.type == "mps" else torch.float64)


def _of_factors(graph: SimilarityGraph) -> BatchGraph:
    diagonal, linked = np.zeros(graph.n_items), graph
    groups = factors.one_group(linked.membership)
    if groups is None:
        diagonal, linked = graph.split_diagonal()
        groups = factors.one_group(linked.membership)
    relation = linked.relation
    positive = relation.data.min(initial=0.0) >= 0
    if groups is None:
        f = linked.membership
        positive = positive and f.data.min(initial=0.0) >= 0
        membership, run = factors.matrix(f), 0
    else:
        # One more group, related to nothing, takes the rows that have none.
        group, weight = groups
        n_groups = linked.n_groups + int((group == linked.n_groups).any())
        scale = np.r_[weight, np.zeros(n_groups - linked.n_groups)]
        relation = factors.padded(relation, scale)
        membership, run = torch.from_numpy(group), factors.run(group, n_groups)
    loops = graph.diagonal()
    return BatchGraph(
        membership,
        factors.relation(relation),
        torch.from_numpy(diagonal),
        run=run,
        nonnegative=bool(positive and loops.min(initial=0.0) >= 0),
        loopless=not loops.any(),
    )


def _check_symmetric(graph: Float[Tensor, "b b"]) -> None:
    scale = float(graph.abs().max()) if graph.numel() else 0.0
    if not np.isfinite(scale):
        raise InvalidInputError("a dense graph must be finite, got NaN or infinity; remove or replace those entries")
    gap = float((graph - graph.t()).abs().max()) if graph.numel() else 0.0
    if gap > 1e-5 * max(scale, 1.0):
        raise InvalidInputError(
            f"a dense graph must be symmetric, got entries that differ from their mirror by {gap:.3g}; "
            "pass (G + G.T) / 2 if that is what you mean"
        )
