"""Propagation of mass over the neighbour graph, R Y with R = (1 − α)(I − αS)⁻¹.

R is the resolvent of label propagation (Zhou et al. 2004, https://papers.nips.cc/paper/2506): column i spreads one
unit of mass from item i to its neighbourhood. S is symmetric with eigenvalues in [−1, 1], so the Chebyshev
semi-iteration on [1 − α, 1 + α] converges by a known factor a step, and nothing is ever factorised.

Answers come a page at a time, so the columns of items asked about are kept, and a page costs those of its own items.
The iteration is linear in the mass, so a column is the same whichever it was worked out with.
"""

import dataclasses
import threading
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64
from numpy import ndarray
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.sparse import csr_array, eye_array, vstack

#: Weight of the neighbours against the seed.
ALPHA = 0.9
_TOLERANCE = 1e-3
# Up to this many items R itself is formed: a page then costs a product with the rows of the items asked about.
_DENSE = 2500
# Entries of columns kept (0.5 GB), columns worked out together, and those that one refit works out at most.
_KEPT, _BLOCK, _AT_ONCE = 1 << 27, 32, 384
# Signs that estimate the diagonal where R isn't formed.
_N_PROBES = 16
# Weights left out in single precision, and mass added everywhere: numbers below the normal ones of a processor, 1e-38,
# take it many times as long, and chains make their way there by a few small weights.
_NO_WEIGHT, _FLOOR = 1e-20, 1e-13


class _Columns:
    """Columns of R of items asked about, each worked out once and kept by name."""

    def __init__(self, affinity: csr_array, alpha: float) -> None:
        self.affinity = affinity.astype(np.float32)
        self.affinity.data[self.affinity.data < _NO_WEIGHT] = 0.0
        self.affinity.eliminate_zeros()
        self._alpha = alpha
        self._kept: dict[int, Float32[ndarray, " r"]] = {}
        self._lock = threading.Lock()

    def get(self, name: Int64[ndarray, " t"], put: csr_array, *, make: bool) -> list[Float32[ndarray, " r"]] | None:
        """Columns that a mass put (r, t) on the graph makes; None if they are too many, or some aren't there yet.

        Told to ``make`` those, it makes some: after a restart, say, a few refits work out all.
        """
        r, t = put.shape
        if t > r // 2 or t * r > _KEPT:
            return None
        with self._lock:
            missing = np.flatnonzero([key not in self._kept for key in name.tolist()])
            some = missing[:_AT_ONCE] if make else missing[:0]
            for start in range(0, len(some), _BLOCK):
                block = some[start : start + _BLOCK]
                found = np.ascontiguousarray(spread(self.affinity, put[:, block].toarray(), alpha=self._alpha).T)
                self._kept |= dict(zip(name[block].tolist(), found, strict=True))
            return None if len(missing) > len(some) else [self._kept[key] for key in name.tolist()]


@dataclass(frozen=True, eq=False)
class Field:
    """R over a graph, or A R Aᵀ over that and more items, which lie between those of the graph.

    Parameters
    ----------
    affinity
        S, (r, r) sparse.
    alpha
        Weight of the neighbours.
    own
        The mass that an item keeps, (n,): diag(R), or about that.
    resolvent
        R as float32, or None where it would be too large.
    columns
        Those of R that were asked for, if it isn't formed.
    carrier
        A, (n, r), rows sum to 1, the identity first; None if there are no more items.
    name
        (n,) what the column of each item goes by, where there are more.
    """

    affinity: csr_array
    alpha: float
    own: Float[ndarray, " n"]
    resolvent: Float32[ndarray, "r r"] | None
    columns: _Columns
    carrier: csr_array | None = None
    name: Int64[ndarray, " n"] | None = None

    def spread(self, items: Int64[ndarray, " t"], mass: Float[ndarray, "t c"], /) -> Float[ndarray, "n c"]:
        """Spread mass put on some items over all of them; O(n t c) with their columns at hand, else O(nnz c).

        It makes no columns: that of one mass costs no more than one of theirs.
        """
        rows = self._rows(items, make=False)
        if rows is None:
            put = np.asarray(self._put(items) @ mass.astype(np.float32))
            found = spread(self.columns.affinity, put, alpha=self.alpha)
        else:
            found = np.asarray(rows).T @ mass.astype(np.float32)  # R is symmetric; rows lie together in memory
        return np.asarray(found if self.carrier is None else self.carrier @ found, dtype=np.float64)

    def between(self, items: Int64[ndarray, " t"]) -> Float[ndarray, "t t"] | None:
        """The field between some items less its diagonal; None where their columns are too many, or not there yet."""
        rows = self._rows(items, make=True)
        if rows is None:
            return None
        if self.carrier is not None:
            block = np.asarray(rows) @ self._put(items)
        else:
            block = np.stack([row[items] for row in rows]) if len(items) else np.zeros((0, 0), dtype=np.float32)
        np.fill_diagonal(block, 0.0)
        return block

    def extended(self, carried: csr_array, name: Int64[ndarray, " o"], /) -> "Field":
        """The field over more items, which lie between those of the graph by rows of weights that sum to 1.

        ``carried`` (o, r) are these, and ``name`` tells the same item again: the graph's own have 0..r − 1.
        """
        n = self.affinity.shape[0]
        carrier = csr_array(vstack([eye_array(n, dtype=np.float32), carried.astype(np.float32)]))
        own = np.append(self.own[:n], carried @ self.own[:n])
        return dataclasses.replace(self, own=own, carrier=carrier, name=np.append(np.arange(n), name))

    def _rows(
        self, items: Int64[ndarray, " t"], *, make: bool
    ) -> "list[Float32[ndarray, ' r']] | Float32[ndarray, 't r'] | None":
        """Columns of R Aᵀ, each as a row."""
        if self.resolvent is None:
            return self.columns.get(items if self.name is None else self.name[items], self._put(items), make=make)
        if self.carrier is not None:
            return np.asarray(self.carrier[items] @ self.resolvent)
        return self.resolvent if np.array_equal(items, np.arange(len(self.own))) else self.resolvent[items]

    def _put(self, items: Int64[ndarray, " t"]) -> csr_array:
        """(r, t) matrix that puts the mass of items on the graph."""
        if self.carrier is not None:
            return csr_array(self.carrier[items].T)
        n, t = self.affinity.shape[0], len(items)
        return csr_array((np.ones(t, dtype=np.float32), (items, np.arange(t))), shape=(n, t))


def field(affinity: csr_array, /, *, alpha: float = ALPHA, rng: np.random.Generator) -> Field:
    """Make R ready for use: formed in O(n³) up to 2,500 items, else its diagonal estimated by 16 spreads."""
    n, columns = affinity.shape[0], _Columns(affinity, alpha)
    if n > _DENSE:
        own = own_mass(columns.affinity, alpha=alpha, n_probes=_N_PROBES, rng=rng)
        return Field(affinity, alpha, own, None, columns)
    formed = _resolvent(affinity, alpha)
    return Field(affinity, alpha, formed.diagonal().astype(np.float64), formed, columns)


def _resolvent(affinity: csr_array, alpha: float) -> Float32[ndarray, "n n"]:
    """R by Cholesky's factors, half the work of an inverse that doesn't know it is positive definite."""
    factor, _ = dpotrf(np.eye(affinity.shape[0]) - alpha * affinity.toarray(), lower=True, overwrite_a=True)
    inverse, _ = dpotri(factor, lower=True, overwrite_c=True)
    lower = np.tril(inverse, -1)
    formed = np.maximum((1.0 - alpha) * (lower + lower.T + np.diag(inverse.diagonal())), 0.0)
    return np.ascontiguousarray(formed, dtype=np.float32)


def spread(
    affinity: csr_array,
    mass: Float[ndarray, "n c"],
    /,
    *,
    alpha: float = ALPHA,
    start: Float[ndarray, "n c"] | None = None,
) -> Float[ndarray, "n c"]:
    """R ``mass``, none of it negative, to a relative accuracy of about 1e-3 in O(nnz · c / √(1 − α)).

    ``start`` is a guess of the result, such as that for the last page's seeds. In the precision of its arguments.
    """
    return np.maximum(_iterate(affinity, mass + mass.dtype.type(_FLOOR), alpha, start), 0.0)


def own_mass(
    affinity: csr_array, /, *, alpha: float = ALPHA, n_probes: int = 48, rng: np.random.Generator
) -> Float[ndarray, " n"]:
    """diag(R), the mass that stays where it was put, by random signs (Bekas et al. 2007); O(n_probes) spreads."""
    n = affinity.shape[0]
    total = np.zeros(n)
    for start in range(0, n_probes, 16):
        signs = rng.choice(np.array([-1.0, 1.0], dtype=affinity.dtype), size=(n, min(16, n_probes - start)))
        total += (signs * _iterate(affinity, signs, alpha, None)).sum(axis=1)
    return np.clip(total / n_probes, 1.0 - alpha, 1.0)


def _iterate(
    affinity: csr_array, mass: Float[ndarray, "n c"], alpha: float, start: Float[ndarray, "n c"] | None
) -> Float[ndarray, "n c"]:
    """Chebyshev semi-iteration for R ``mass``, of any sign."""
    centre, radius = 1.0, alpha
    right = (1.0 - alpha) * mass
    solution = right.copy() if start is None else start.copy()
    residual = right - solution + alpha * (affinity @ solution)
    step = residual / centre
    sigma = centre / radius
    rho = 1.0 / sigma
    for _ in range(_n_steps(alpha)):
        solution = solution + step
        residual = right - solution + alpha * (affinity @ solution)
        rho_next = 1.0 / (2.0 * sigma - rho)
        step = rho_next * rho * step + (2.0 * rho_next / radius) * residual
        rho = rho_next
    return solution


def _n_steps(alpha: float) -> int:
    """Steps for the tolerance: the error falls by (√κ − 1)/(√κ + 1) each, κ = (1 + α)/(1 − α)."""
    root = np.sqrt((1.0 + alpha) / (1.0 - alpha))
    return int(np.ceil(np.log(2.0 / _TOLERANCE) / -np.log((root - 1.0) / (root + 1.0))))
