"""k-means (Lloyd 1982, seeded as k-means++, Arthur and Vassilvitskii 2007), on a sample, in O(N k) memory blocks."""

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from scipy.sparse import csr_array

# Centres are fitted on at most this many items; everything is then assigned to them.
_SAMPLE = 4096
_BLOCK = 1 << 22
# Sums over so few clusters are cheaper as a dense product than as a sparse one.
_FEW = 16


def k_means(
    z: Float[ndarray, "n k"], n_clusters: int, /, *, rng: np.random.Generator, n_steps: int = 10
) -> tuple[Float[ndarray, "c k"], Int64[ndarray, " n"]]:
    """Centres, and the cluster of each item; O(n · n_clusters · k). Empty clusters keep their centre."""
    z = np.asarray(z, dtype=np.float64)
    sample = z if len(z) <= _SAMPLE else z[rng.choice(len(z), _SAMPLE, replace=False)]
    centres = _seeds(sample, min(n_clusters, len(sample)), rng)
    for _ in range(n_steps):
        cluster, _ = nearest(sample, centres)
        count = np.bincount(cluster, minlength=len(centres))[:, None]
        sums = sums_of(sample, cluster, len(centres))
        moved = np.where(count > 0, sums / np.maximum(count, 1), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres, nearest(z, centres)[0]


def nearest(
    z: Float[ndarray, "n k"], centres: Float[ndarray, "c k"], /
) -> tuple[Int64[ndarray, " n"], Float[ndarray, " n"]]:
    """Nearest centre of each item, and the squared distance to it; in blocks of at most 4 million distances."""
    index, squared = np.empty(len(z), dtype=np.int64), np.empty(len(z))
    step = max(_BLOCK // max(len(centres), 1), 1)
    own, twice = (centres**2).sum(axis=1), -2.0 * centres.T
    for start in range(0, len(z), step):
        part = z[start : start + step]
        score = part @ twice
        score += own
        best = score.argmin(axis=1)
        index[start : start + step] = best
        squared[start : start + step] = score[np.arange(len(part)), best]
    return index, np.maximum(squared + np.einsum("ij,ij->i", z, z), 0.0)


def squared_distances(a: Float[ndarray, "p k"], b: Float[ndarray, "q k"], /) -> Float[ndarray, "p q"]:
    """Squared distance of every pair, O(p q) memory."""
    product = a @ (-2.0 * b.T)
    product += (a**2).sum(axis=1)[:, None]
    product += (b**2).sum(axis=1)
    return np.maximum(product, 0.0, out=product)


def sums_of(z: Float[ndarray, "n k"], cluster: Int64[ndarray, " n"], n_clusters: int, /) -> Float[ndarray, "c k"]:
    """Sum of the rows of each cluster, O(n k)."""
    if n_clusters <= _FEW:
        return (np.arange(n_clusters)[:, None] == cluster).astype(np.float64) @ z
    member = csr_array((np.ones(len(z)), (cluster, np.arange(len(z)))), shape=(n_clusters, len(z)))
    return np.asarray(member @ z)


def _seeds(z: ndarray, n_clusters: int, rng: np.random.Generator) -> ndarray:
    chosen = [int(rng.integers(len(z)))]
    own = np.einsum("ij,ij->i", z, z)
    squared = np.full(len(z), np.inf)
    for uniform in rng.random(n_clusters - 1):
        np.minimum(squared, own - 2.0 * (z @ z[chosen[-1]]) + own[chosen[-1]], out=squared)
        squared[squared < 1e-12 * own] = 0.0  # copies of a seed are never drawn, whatever rounding leaves of them
        mass = squared.cumsum()
        chosen.append(min(int(mass.searchsorted(uniform * mass[-1], side="right")), len(z) - 1))
    return z[chosen].copy()
