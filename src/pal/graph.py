"""The similarity graph, G = F M Fᵀ.

Definition. G is a symmetric (n_items, n_items) matrix; G_ij > 0 says that items i and j are alike, G_ij < 0 that
they are known to differ, 0 that nothing is known (Cabannes et al. 2023, section 3.1 and eq. 15). It is stored as

- F, ``membership``, (n_items, n_groups), sparse: how much item i belongs to group g;
- M, ``relation``, (n_groups, n_groups), sparse, symmetric: how alike groups g and h are.

Every graph of the paper has this form (see :mod:`pal.builders`), and nothing here ever forms n_items × n_items
except :meth:`SimilarityGraph.to_dense`. Below, nnz stands for the stored entries of F and M together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer
from numpy import ndarray
from scipy.sparse import block_array, block_diag, coo_array, csr_array, diags_array, eye_array
from scipy.sparse.csgraph import connected_components

from pal.errors import InvalidInputError


class Pairs(NamedTuple):
    """Nonzero entries of a graph, both (i, j) and (j, i)."""

    rows: Int[ndarray, " p"]
    cols: Int[ndarray, " p"]
    values: Float[ndarray, " p"]


class Parts(NamedTuple):
    """G = diag(diagonal) + ``linked``: self-loops apart from everything that links two items."""

    diagonal: Float[ndarray, " n_items"]
    linked: "SimilarityGraph"


@dataclass(frozen=True, eq=False)
class SimilarityGraph:
    """Symmetric similarity graph in factored form, G = F M Fᵀ.

    Parameters
    ----------
    membership
        F, (n_items, n_groups); any array or sparse matrix, stored as CSR of float64.
    relation
        M, (n_groups, n_groups), symmetric; likewise.

    Raises
    ------
    InvalidInputError
        If the shapes don't fit, M isn't symmetric, or an entry isn't finite.
    """

    membership: csr_array
    relation: csr_array

    def __post_init__(self) -> None:
        membership = _as_csr(self.membership, "membership")
        relation = _as_csr(self.relation, "relation")
        n_groups = membership.shape[1]
        if relation.shape != (n_groups, n_groups):
            raise InvalidInputError(
                f"relation must have shape ({n_groups}, {n_groups}) to fit membership {membership.shape}, "
                f"got {relation.shape}; give one row and column for each group"
            )
        asymmetry = abs(relation - relation.T)
        if asymmetry.nnz and asymmetry.max() > 1e-9 * max(abs(relation).max(), 1.0):
            raise InvalidInputError(
                f"relation must be symmetric, got entries that differ from their mirror by {asymmetry.max():.3g}; "
                "pass (M + M.T) / 2 if that is what you mean"
            )
        object.__setattr__(self, "membership", membership)
        object.__setattr__(self, "relation", relation)

    @property
    def n_items(self) -> int:
        """Number of items, N."""
        return int(self.membership.shape[0])

    @property
    def n_groups(self) -> int:
        """Number of groups, the columns of F."""
        return int(self.membership.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of G, (n_items, n_items)."""
        return (self.n_items, self.n_items)

    # --- algebra -----------------------------------------------------------------------------------------------

    def __matmul__(self, z: Float[ndarray, "n_items *k"]) -> Float[ndarray, "n_items *k"]:
        """G @ z in O(nnz · k)."""
        z = self._rows(z)
        return np.asarray(self.membership @ (self.relation @ (self.membership.T @ z)))

    def __add__(self, other: "SimilarityGraph") -> "SimilarityGraph":
        """G₁ + G₂, by concatenating factors."""
        if not isinstance(other, SimilarityGraph):
            return NotImplemented
        if other.n_items != self.n_items:
            raise InvalidInputError(
                f"graphs to add must have the same items, got {self.n_items} and {other.n_items}; "
                "build both over the same rows"
            )
        membership = block_array([[self.membership, other.membership]])
        return SimilarityGraph(membership, block_diag([self.relation, other.relation]))

    def __mul__(self, scale: float) -> "SimilarityGraph":
        """``scale`` · G."""
        if not isinstance(scale, int | float | np.number):
            return NotImplemented
        return SimilarityGraph(self.membership, self.relation * float(scale))

    __rmul__ = __mul__

    def __neg__(self) -> "SimilarityGraph":
        return self * -1.0

    def __sub__(self, other: "SimilarityGraph") -> "SimilarityGraph":
        return self + (-other)

    def quadratic(self, z: Float[ndarray, "n_items *k"]) -> Float[ndarray, "..."]:
        """Zᵀ G Z, (k, k), in O(nnz · k + n_groups · k²)."""
        sums = np.asarray(self.membership.T @ self._rows(z))
        return np.asarray(sums.T @ (self.relation @ sums))

    def degrees(self) -> Float[ndarray, " n_items"]:
        """D = G 1, the row sums, in O(nnz)."""
        return self @ np.ones(self.n_items)

    def diagonal(self) -> Float[ndarray, " n_items"]:
        """G_ii, in O(nnz) for items with few groups."""
        return np.asarray((self.membership @ self.relation).multiply(self.membership).sum(axis=1))

    def squared_norm(self) -> float:
        """‖G‖²_F = tr(M FᵀF M FᵀF), in the cost of those sparse products."""
        product = (self.membership.T @ self.membership) @ self.relation
        return float(product.multiply(product.T).sum())

    # --- parts -------------------------------------------------------------------------------------------------

    def take(self, items: Integer[ndarray, " b"] | Sequence[int]) -> "SimilarityGraph":
        """Graph over some items (a mini-batch, repeats allowed); groups without a member there are dropped."""
        rows = self.membership[_items(items, self.n_items)]
        groups = np.unique(rows.indices)
        return SimilarityGraph(rows[:, groups], self.relation[groups][:, groups])

    def block(self, items: Integer[ndarray, " b"] | Sequence[int]) -> Float[ndarray, "b b"]:
        """Dense G over some items, (b, b)."""
        return self.take(items).to_dense()

    def pairs(self, items: Integer[ndarray, " b"] | Sequence[int] | None = None) -> Pairs:
        """Nonzero entries of G, or of its block over ``items`` (indices are then positions in ``items``)."""
        part = self if items is None else self.take(items)
        product: coo_array = (part.membership @ part.relation @ part.membership.T).tocoo()
        keep = product.data != 0
        return Pairs(product.row[keep].astype(np.int64), product.col[keep].astype(np.int64), product.data[keep])

    def to_dense(self) -> Float[ndarray, "n_items n_items"]:
        """G itself; O(n_items²) memory, for small graphs and pictures."""
        return np.asarray((self.membership @ self.relation @ self.membership.T).toarray())

    def split_diagonal(self) -> Parts:
        """G as a diagonal (groups of one member, related to themselves alone) plus the rest.

        Graphs of partial knowledge hold one singleton group an untouched item; apart from them, few groups are left,
        and products with those cost little however many items there are.
        """
        sizes = np.bincount(self.membership.indices, minlength=self.n_groups)
        off_diagonal = self.relation - diags_array(self.relation.diagonal())
        related = np.asarray(abs(off_diagonal).sum(axis=1)).ravel() > 0
        alone = (sizes <= 1) & ~related
        single, rest = np.flatnonzero(alone), np.flatnonzero(~alone)
        columns = self.membership.tocsc()
        loops = columns[:, single].tocsr()
        diagonal = np.asarray(loops.power(2) @ self.relation.diagonal()[single])
        linked = SimilarityGraph(columns[:, rest].tocsr(), self.relation[rest][:, rest])
        return Parts(diagonal, linked)

    def components(self) -> tuple[int, Int[ndarray, " n_items"]]:
        """Connected components of "alike": the number of them and each item's, over the edges G_ij > 0.

        O(nnz), except where an item sits in several groups with relations of both signs: entries may then cancel,
        and the nonzero entries are formed.
        """
        linked = self.split_diagonal().linked
        one_group = np.diff(linked.membership.indptr).max(initial=0) <= 1
        if not _nonnegative(linked.membership) or not (one_group or _nonnegative(linked.relation)):
            rows, cols, values = self.pairs()
            alike = values > 0  # a stored zero would count as an edge
            edges = coo_array((values[alike], (rows[alike], cols[alike])), shape=self.shape)
            count, label = connected_components(edges, directed=False)
            return int(count), label.astype(np.int64)
        sizes = np.bincount(linked.membership.indices, minlength=linked.n_groups)
        positive = (linked.relation > 0).tocoo()
        live = (sizes[positive.row] > 0) & (sizes[positive.col] > 0)
        g, h = positive.row[live], positive.col[live]
        members = linked.membership.tocoo()
        in_use = np.isin(members.col, g)
        n = self.n_items
        edges = coo_array(
            (
                np.ones(in_use.sum() + len(g)),
                (np.r_[members.row[in_use], n + g], np.r_[n + members.col[in_use], n + h]),
            ),
            shape=(n + linked.n_groups,) * 2,
        )
        _, label = connected_components(edges, directed=False)
        used, label = np.unique(label[:n], return_inverse=True)
        return len(used), label.astype(np.int64)

    # --- variants ----------------------------------------------------------------------------------------------

    def hollow(self) -> "SimilarityGraph":
        """G without self-loops: G − diag(G)."""
        return self._with_diagonal(-self.diagonal())

    def with_unit_diagonal(self) -> "SimilarityGraph":
        """G with every G_ii set to 1."""
        return self._with_diagonal(1.0 - self.diagonal())

    def normalized(self) -> "SimilarityGraph":
        """D^{-1/2} G D^{-1/2}; rows of degree 0 stay 0.

        Raises
        ------
        InvalidInputError
            If a degree is negative.
        """
        degrees = self.degrees()
        if degrees.min(initial=0.0) < 0:
            raise InvalidInputError(
                f"degrees must not be negative to normalise a graph, got {degrees.min():.3g}; "
                "use the non-contrastive graph (0 and 1 only)"
            )
        scale = np.divide(1.0, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0)
        return SimilarityGraph(diags_array(scale) @ self.membership, self.relation)

    def _with_diagonal(self, extra: Float[ndarray, " n_items"]) -> "SimilarityGraph":
        items = np.flatnonzero(extra)
        columns = eye_array(self.n_items, format="csr")[:, items]
        return self + SimilarityGraph(columns, diags_array(extra[items]))

    def _rows(self, z: ndarray) -> ndarray:
        if z.shape[:1] != (self.n_items,):
            raise InvalidInputError(
                f"expected one row for each of the graph's {self.n_items} items, got an array of shape {z.shape}; "
                "pass the rows in the order of the items"
            )
        return z


def _as_csr(matrix: object, name: str) -> csr_array:
    csr = csr_array(matrix, dtype=np.float64)
    if csr.ndim != 2:
        raise InvalidInputError(f"{name} must be a matrix, got {csr.ndim} dimension(s); pass a 2-d array")
    if not csr.has_canonical_format or not csr.data.all():
        csr = csr.copy()  # the caller's arrays stay as they are
        csr.sum_duplicates()
        csr.eliminate_zeros()
    if not np.isfinite(csr.data).all():
        raise InvalidInputError(f"{name} must be finite, got NaN or infinity; remove or replace those entries")
    return csr


def _items(items: Integer[ndarray, " b"] | Sequence[int], n_items: int) -> Int[ndarray, " b"]:
    index = np.asarray(items)
    if index.size == 0:
        raise InvalidInputError("expected at least one item, got none; pass a batch that isn't empty")
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise InvalidInputError(
            f"items must be a flat list of row numbers, got {index.ndim} dimension(s) of {index.dtype}; "
            "turn a mask into numbers with np.flatnonzero"
        )
    index = index.astype(np.int64, copy=False)
    if index.min() < 0 or index.max() >= n_items:
        raise InvalidInputError(
            f"items must lie in 0..{n_items - 1}, got {index.min()}..{index.max()}; index rows of this graph"
        )
    return index


def _nonnegative(matrix: csr_array) -> bool:
    return bool(matrix.data.min(initial=0.0) >= 0)
