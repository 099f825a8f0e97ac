"""The closed form: the best embedding of a graph that is linear in given features.

Definition. With features Φ (n, m), K = Φ Φᵀ, a graph G and λ > 0, the problem (paper, section 5)

    min over Z = Φ W of ‖Z Zᵀ − G‖² + 2 λ tr(Zᵀ K⁻¹ Z)

is solved by W = W₀ V √max(μ, 0), where W₀ = U S^{-1/2} whitens the Gram matrix ΦᵀΦ = U S Uᵀ and (μ, V) are the top
eigenpairs of W₀ᵀ ΦᵀGΦ W₀ − λ S⁻¹. This is the feature form (m × m) of the top eigenvectors of G − λ K⁻¹ (n × n): the
same eigenvalues and the same Z Zᵀ. Its inputs are sums over items (:class:`Moments`), so they add up over shards,
and the Gram matrix never changes while people answer, so it is factorised once.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.linalg import eigh
from scipy.sparse import csr_array

from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over items that determine the closed form; ``a + b`` merges those of two shards of items.

    Parameters
    ----------
    gram
        ΦᵀΦ, (m, m).
    loops
        Φᵀ diag(c) Φ, (m, m), with c the self-loops of :meth:`SimilarityGraph.split_diagonal`.
    groups
        ΦᵀF, (m, r), over the linked groups. Shards to be merged must share those groups.
    """

    gram: Float[ndarray, "m m"]
    loops: Float[ndarray, "m m"]
    groups: Float[ndarray, "m r"]

    def __add__(self, other: "Moments") -> "Moments":
        if self.groups.shape != other.groups.shape:
            raise InvalidInputError(
                f"shards must share features and groups, got {self.groups.shape} and {other.groups.shape}; "
                "use one feature map and one list of groups for all shards"
            )
        return Moments(self.gram + other.gram, self.loops + other.loops, self.groups + other.groups)


class Whitening(NamedTuple):
    """W₀ (m, rank) with W₀ᵀ ΦᵀΦ W₀ = I, and the eigenvalues S of ΦᵀΦ that were kept."""

    weights: Float[ndarray, "m rank"]
    spectrum: Float[ndarray, " rank"]


def moments(
    features: Float[ndarray, "n m"],
    diagonal: Float[ndarray, " n"],
    membership: SimilarityGraph | csr_array | ndarray,
    /,
) -> Moments:
    """Moments of one shard of items: features, self-loops c and memberships F (a graph, or (n, r)); O(n m²)."""
    f = membership.membership if isinstance(membership, SimilarityGraph) else membership
    return Moments(features.T @ features, features.T @ (diagonal[:, None] * features), np.asarray((f.T @ features).T))


def whiten(gram: Float[ndarray, "m m"], /, *, tolerance: float = 1e-10) -> Whitening:
    """Whitening of a Gram matrix, without the directions below ``tolerance`` × its largest eigenvalue; O(m³)."""
    values, vectors = np.linalg.eigh(gram)
    keep = values > max(tolerance * values[-1], np.finfo(np.float64).tiny)
    if not keep.any():
        raise InvalidInputError("features must not all be zero, got a Gram matrix of rank 0; check the items")
    return Whitening(vectors[:, keep] / np.sqrt(values[keep]), values[keep])


def solve(
    moments: Moments,
    relation: Float[ndarray, "r r"],
    /,
    *,
    n_components: int,
    regularization: float,
    whitening: Whitening | None = None,
) -> tuple[Float[ndarray, "m k"], Float[ndarray, " k"]]:
    """Weights W (m, n_components) with Z = Φ W, and the eigenvalues μ, largest first; O(m³ + m² r).

    Raises
    ------
    InvalidInputError
        If n_components is not in 1..rank of the features, or the regularisation is negative.
    """
    basis = whiten(moments.gram) if whitening is None else whitening
    groups = basis.weights.T @ moments.groups
    matrix = basis.weights.T @ moments.loops @ basis.weights + groups @ (relation @ groups.T)
    values, vectors = top_eigenpairs(matrix, basis.spectrum, n_components=n_components, regularization=regularization)
    return basis.weights @ (vectors * np.sqrt(np.maximum(values, 0.0))), values


def top_eigenpairs(
    matrix: Float[ndarray, "rank rank"],
    spectrum: Float[ndarray, " rank"],
    /,
    *,
    n_components: int,
    regularization: float,
) -> tuple[Float[ndarray, " k"], Float[ndarray, "rank k"]]:
    """Top eigenpairs of ``matrix`` − λ S⁻¹, largest first, signs fixed."""
    rank = len(spectrum)
    if not 1 <= n_components <= rank:
        raise InvalidInputError(
            f"n_components must lie in 1..{rank}, the rank of the features of these items, got {n_components}; "
            "ask for fewer components or give more items"
        )
    if not regularization >= 0:
        raise InvalidInputError(f"regularization must not be negative, got {regularization}; 1e-3 is the paper's")
    matrix = (matrix + matrix.T) / 2
    matrix[np.diag_indices(rank)] -= regularization / spectrum
    values, vectors = eigh(matrix, subset_by_index=(rank - n_components, rank - 1), check_finite=False)
    vectors = vectors[:, ::-1]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(n_components)]
    return values[::-1], vectors * np.where(largest < 0, -1.0, 1.0)
