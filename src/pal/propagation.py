"""Propagation of mass over the neighbour graph, R Y with R = (1 − α)(I − αS)⁻¹.

R is the resolvent of label propagation (Zhou et al. 2004, https://papers.nips.cc/paper/2506): column i spreads one
unit of mass from item i to its neighbourhood. S is symmetric with eigenvalues in [−1, 1], so the Chebyshev
semi-iteration on [1 − α, 1 + α] converges by a known factor a step, and nothing is ever factorised.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from scipy.sparse import csr_array

#: Weight of the neighbours against the seed.
ALPHA = 0.9
_TOLERANCE = 1e-3
# Up to this many items R itself is formed: a page then costs a product with the rows of the items asked about.
_DENSE = 2500


@dataclass(frozen=True, eq=False)
class Field:
    """R over one graph.

    Parameters
    ----------
    affinity
        S, (n, n) sparse.
    alpha
        Weight of the neighbours.
    own
        diag(R), (n,): the mass that an item keeps.
    resolvent
        R as float32, or None where it would be too large.
    """

    affinity: csr_array
    alpha: float
    own: Float[ndarray, " n"]
    resolvent: Float[ndarray, "n n"] | None

    def spread(self, items: Int64[ndarray, " t"], mass: Float[ndarray, "t c"], /) -> Float[ndarray, "n c"]:
        """Spread mass put on some items over all of them; O(n t c) with R formed, else O(nnz c)."""
        if self.resolvent is not None:
            # R is symmetric; rows lie together in memory.
            return np.asarray(self.resolvent[items].T @ mass.astype(np.float32), dtype=np.float64)
        put = np.zeros((len(self.own), mass.shape[1]))
        put[items] = mass
        return spread(self.affinity, put, alpha=self.alpha)

    def between(self, items: Int64[ndarray, " t"]) -> Float[ndarray, "t t"] | None:
        """R between some items less its diagonal, or None where R isn't formed."""
        if self.resolvent is None:
            return None
        block = self.resolvent[np.ix_(items, items)]
        np.fill_diagonal(block, 0.0)
        return block


def field(affinity: csr_array, /, *, alpha: float = ALPHA, rng: np.random.Generator) -> Field:
    """Make R ready for use: formed in O(n³) up to 2,500 items, else its diagonal by 48 spreads."""
    n = affinity.shape[0]
    if n > _DENSE:
        return Field(affinity, alpha, own_mass(affinity, alpha=alpha, rng=rng), None)
    resolvent = (1.0 - alpha) * np.linalg.inv(np.eye(n) - alpha * affinity.toarray())
    resolvent = np.maximum(0.5 * (resolvent + resolvent.T), 0.0)
    return Field(affinity, alpha, resolvent.diagonal().copy(), resolvent.astype(np.float32))


def spread(
    affinity: csr_array,
    mass: Float[ndarray, "n c"],
    /,
    *,
    alpha: float = ALPHA,
    start: Float[ndarray, "n c"] | None = None,
) -> Float[ndarray, "n c"]:
    """R ``mass`` to a relative accuracy of about 1e-3 in O(nnz · c / √(1 − α)).

    ``start`` is a guess of the result, such as that for the last page's seeds.
    """
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
    return np.maximum(solution, 0.0)


def own_mass(
    affinity: csr_array, /, *, alpha: float = ALPHA, n_probes: int = 48, rng: np.random.Generator
) -> Float[ndarray, " n"]:
    """diag(R), the mass that stays where it was put, by random signs (Bekas et al. 2007); O(n_probes) spreads."""
    n = affinity.shape[0]
    total = np.zeros(n)
    for start in range(0, n_probes, 16):
        signs = rng.choice(np.array([-1.0, 1.0]), size=(n, min(16, n_probes - start)))
        total += (signs * _spread_signed(affinity, signs, alpha)).sum(axis=1)
    return np.clip(total / n_probes, 1.0 - alpha, 1.0)


def _spread_signed(affinity: csr_array, mass: ndarray, alpha: float) -> ndarray:
    return spread(affinity, np.maximum(mass, 0.0), alpha=alpha) - spread(affinity, np.maximum(-mass, 0.0), alpha=alpha)


def _n_steps(alpha: float) -> int:
    """Steps for the tolerance: the error falls by (√κ − 1)/(√κ + 1) each, κ = (1 + α)/(1 − α)."""
    root = np.sqrt((1.0 + alpha) / (1.0 - alpha))
    return int(np.ceil(np.log(2.0 / _TOLERANCE) / -np.log((root - 1.0) / (root + 1.0))))
