"""Representatives: the items whose graph carries all others, where a graph of all would take too long.

Definition. Of n items, r representatives are drawn at random, so that they are as dense wherever items are. An item i
lies between its nearest representatives j as A_ij ∝ exp(−d_ij² / σ_i²) says, with σ_i the distance to the farthest of
them; rows of A (n, r) sum to 1, and a representative lies at itself. What is believed of the representatives is then
read out for all by A, and what is known of another item is put on them by Aᵀ, so nothing but A grows with n.
"""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from jaxtyping import Float, Float32, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from pal.neighbors import Neighbors

#: Items up to which each is in the graph, and representatives of more.
N_ALL, N_REPRESENTATIVES = 20_000, 10_000
#: Representatives that an item lies between.
N_BETWEEN = 8
# Rows searched for at a time.
_ROWS = 65_536
# Lists of the index, as a multiple of the root of the points; points a list, at least; and lists that are searched.
_LISTS, _LISTED, _SEARCHED = 2.0, 40, 16
# Points of which an index isn't worth its making.
_FEW = 1000


def representatives(n: int, /, *, seed: int) -> Int64[ndarray, " r"]:
    """Representatives of n items, sorted: all of them up to ``N_ALL``."""
    if n <= N_ALL:
        return np.arange(n)
    drawn = np.random.default_rng(seed).choice(n, N_REPRESENTATIVES, replace=False)
    return np.sort(drawn).astype(np.int64)


def read_out(x: Float[ndarray, "n d"], rows: Int64[ndarray, " r"], /) -> csr_array:
    """A, (n, r) float32, for representatives ``rows``; O(n √r d) where faiss is installed, else O(n r d).

    faiss (Douze et al. 2024, https://arxiv.org/abs/2401.08281) finds nearly all of the nearest; without it, all are
    found. One float32 copy of 65,536 rows at a time is made of ``x``.
    """
    n, r = len(x), len(rows)
    k = min(N_BETWEEN, r)
    origin = x[rows].mean(axis=0, dtype=np.float64)  # distances lose a common offset's digits
    search = searcher((x[rows] - origin).astype(np.float32))
    item, weight = np.empty((n, k), dtype=np.int32), np.empty((n, k), dtype=np.float32)
    for start in range(0, n, _ROWS):
        distance, found = search((x[start : start + _ROWS] - origin).astype(np.float32), k)
        width = np.maximum(distance[:, -1:], 1e-12)
        between = np.exp(-((distance / width) ** 2))
        item[start : start + _ROWS] = found
        weight[start : start + _ROWS] = between / between.sum(axis=1, keepdims=True)
    item[rows], weight[rows] = np.arange(r)[:, None], 0.0
    weight[rows, 0] = 1.0
    made = csr_array((weight.ravel(), item.ravel(), np.arange(0, n * k + 1, k)), shape=(n, r))
    made.eliminate_zeros()
    return made


def searcher(points: Float32[ndarray, "r d"], /) -> Callable[[Float32[ndarray, "p d"], int], Neighbors]:
    """What finds the k nearest ``points`` of rows: approximately by faiss if that is installed, else exactly."""
    if find_spec("faiss") is None or len(points) < _FEW:
        return exact(points)
    return approximate(points)


def exact(points: Float32[ndarray, "r d"], /) -> Callable[[Float32[ndarray, "p d"], int], Neighbors]:
    """Compare with every point, O(r d) a row."""
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(algorithm="brute").fit(points)

    def search(x: Float32[ndarray, "p d"], k: int) -> Neighbors:
        return Neighbors(*index.kneighbors(x, n_neighbors=k))

    return search


def approximate(points: Float32[ndarray, "r d"], /) -> Callable[[Float32[ndarray, "p d"], int], Neighbors]:
    """Compare with the points nearest to some centres, O(√r d) a row: an inverted file of faiss."""
    import faiss

    centres = faiss.IndexFlatL2(points.shape[1])
    n_lists = min(int(_LISTS * np.sqrt(len(points))), len(points) // _LISTED)
    index = faiss.IndexIVFFlat(centres, points.shape[1], max(n_lists, 1))
    index.train(points)
    index.add(points)
    index.nprobe = _SEARCHED
    compare = exact(points)

    def search(x: Float32[ndarray, "p d"], k: int) -> Neighbors:
        squared, item = index.search(x, k)
        distance = np.sqrt(squared)
        missed = np.flatnonzero(item[:, -1] < 0)  # copies of few points may fill few lists
        if len(missed):
            distance[missed], item[missed] = compare(x[missed], k)
        return Neighbors(distance, item)

    return search
