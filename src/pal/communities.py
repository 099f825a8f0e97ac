"""Communities of the neighbour graph: the partition to start from, before anybody answered."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from scipy.sparse import csr_array, csr_matrix

from pal.neighbors import N_KERNEL, laplacian_weights, local_dimension, nearest, neighbor_weights, normalize
from pal.pairwise import Kept, smooth_features
from pal.propagation import Field, field, spread
from pal.ridge import ridge_features

# Scale and weight of the neighbours of the kernels beside the neighbour graph.
_CHAINS = ((0.5, 0.9), (0.15, 0.99))
# Parts whose membership is smoothed at a time.
_BLOCK = 64
# Parts are of a sharper graph, by the 7th neighbour classes of a handful would share one; unless they are too many.
_TUNED, _MOST = 3, 1024
# Steps towards the resolution of the parts.
_REFINEMENTS = 2


@dataclass(frozen=True, eq=False)
class Neighborhood:
    """All that beliefs need of the features, computed once.

    Parameters
    ----------
    weights
        W, (n, n) sparse, symmetric, of the nearest neighbours.
    affinity
        S = D^{-1/2} W D^{-1/2}.
    fields
        Propagation over the neighbour graph, then over kernels that follow ever thinner chains.
    membership
        (n, k) smoothed membership in each *part*, rows sum to 1: communities too, but finer ones.
    parent
        (k,) community that most of each part lies in.
    medoid
        (n_communities,) the most central item of each community.
    ridge
        Features Φ of :mod:`pal.ridge`, (n, m).
    smooth
        Features Ψ of :mod:`pal.pairwise`, (n, k).
    dimension
        Dimensions that items spread over nearby, see :func:`pal.neighbors.local_dimension`.
    kept
        What regressions of pairs of classes the next beliefs will need again.
    """

    weights: csr_array
    affinity: csr_array
    fields: tuple[Field, ...]
    membership: Float[ndarray, "n k"]
    parent: Int64[ndarray, " k"]
    medoid: Int64[ndarray, " n_communities"]
    ridge: Float[ndarray, "n m"]
    smooth: Float[ndarray, "n k"]
    dimension: float
    kept: Kept

    def name(self, items: Int64[ndarray, " t"], /) -> Int64[ndarray, " t"]:
        """What items go by, however many others there are (:meth:`extended`)."""
        names = self.fields[0].name
        return items if names is None else names[items]

    @cached_property
    def part(self) -> Int64[ndarray, " n"]:
        """Part that each item is mostly of."""
        return np.asarray(self.membership.argmax(axis=1), dtype=np.int64)

    @cached_property
    def between(self) -> Float[ndarray, "k k"]:
        """Weight of the links within and between parts."""
        return link_weights(self.weights, self.part, len(self.parent))

    def extended(self, between: csr_array, name: Int64[ndarray, " o"], /) -> "Neighborhood":
        """The same with more items, which lie between the others by rows of weights (o, n) that sum to 1.

        Whatever is known of these is carried by the others, so it costs no more than they do. ``name`` tells the same
        item again (:meth:`pal.propagation.Field.extended`).
        """
        n = len(self.membership) + len(name)
        weights, affinity = self.weights.copy(), self.affinity.copy()
        weights.resize((n, n))
        affinity.resize((n, n))
        return replace(
            self,
            weights=weights,
            affinity=affinity,
            fields=tuple(field.extended(between, name) for field in self.fields),
            membership=np.vstack([self.membership, between @ self.membership]),
            ridge=np.vstack([self.ridge, (between @ self.ridge).astype(self.ridge.dtype)]),
            smooth=np.vstack([self.smooth, (between @ self.smooth).astype(self.smooth.dtype)]),
        )


def neighborhood(x: Float[ndarray, "n d"], /, *, seed: int = 0) -> Neighborhood:
    """Neighbour graph of features and its communities; the cost of the neighbours plus O(nnz · k)."""
    found = nearest(x, n_neighbors=N_KERNEL)
    weights = neighbor_weights(x, found=found)
    affinity = normalize(weights)
    community = communities(weights)
    part = parts(neighbor_weights(x, tuned=_TUNED, found=found), community)
    if part.max() >= _MOST:
        part = parts(weights, community)
    parent = _majority(part, community)
    membership = _smoothed(affinity, part)
    central = (membership @ np.eye(int(community.max()) + 1)[parent])[np.arange(len(x)), community]
    order = np.lexsort((-central, community))
    medoid = order[np.searchsorted(community[order], np.arange(int(community.max()) + 1))]
    membership /= np.maximum(membership.sum(axis=1, keepdims=True), 1e-300)
    rng = np.random.default_rng(seed)
    chains = [(laplacian_weights(x, scale=scale, found=found), alpha) for scale, alpha in _CHAINS]
    fields = (field(affinity, rng=rng), *(field(normalize(w), alpha=alpha, rng=rng) for w, alpha in chains))
    ridge, smooth = ridge_features(x, rng=rng), smooth_features(x, rng=rng)
    dimension = local_dimension(x, found=found)
    return Neighborhood(weights, affinity, fields, membership, parent, medoid, ridge, smooth, dimension, Kept())


def _smoothed(affinity: csr_array, part: Int64[ndarray, " n"]) -> Float[ndarray, "n k"]:
    """Mass of each part, spread over the graph."""
    k = int(part.max()) + 1
    membership = np.empty((len(part), k))
    for start in range(0, k, _BLOCK):
        column = np.arange(start, min(start + _BLOCK, k))
        membership[:, column] = spread(affinity, (part[:, None] == column).astype(affinity.dtype))
    return membership


def parts(weights: csr_array, community: Int64[ndarray, " n"], /) -> Int64[ndarray, " n"]:
    """Finer communities, at the resolution that fits the graph best (Newman 2016), by two steps of its iteration.

    With ω the weight within and between parts relative to chance, the likeliest resolution is
    (ω_in − ω_out) / (log ω_in − log ω_out), https://doi.org/10.1103/PhysRevE.94.052315. On neighbour graphs it leans to
    small parts: too many to start from, right to split a community along.
    """
    part = community
    for _ in range(_REFINEMENTS):
        ratio = link_ratio(link_weights(weights, part, int(part.max()) + 1))
        mass = np.bincount(part, weights=weights.sum(axis=0))
        share = np.outer(mass, mass) / mass.sum() ** 2
        expected = float(np.trace(share))
        inside = float(np.trace(ratio * share)) / expected
        outside = (1.0 - inside * expected) / max(1.0 - expected, 1e-12)
        if outside <= 0.0 or inside <= outside:
            return part
        part = communities(weights, resolution=(inside - outside) / (np.log(inside) - np.log(outside)))
    return part


def _majority(part: Int64[ndarray, " n"], community: Int64[ndarray, " n"]) -> Int64[ndarray, " k"]:
    n_parts, n_communities = int(part.max()) + 1, int(community.max()) + 1
    both = np.bincount(part * n_communities + community, minlength=n_parts * n_communities)
    parent: Int64[ndarray, " k"] = both.reshape(n_parts, n_communities).argmax(axis=1)
    return parent


def communities(weights: csr_array, /, *, resolution: float = 1.0) -> Int64[ndarray, " n"]:
    """Community of each item, largest first, by the Louvain algorithm on modularity.

    The number of communities follows from the graph (Blondel et al. 2008,
    https://doi.org/10.1088/1742-5468/2008/10/P10008).
    """
    from sknetwork.clustering import Louvain

    # Not the library's Leiden, which draws from C's rand() whatever its seed. It wants the older matrix class.
    found = Louvain(resolution=resolution).fit_predict(csr_matrix(weights))
    membership = np.asarray(found, dtype=np.int64)
    rank = np.empty(int(membership.max()) + 1, dtype=np.int64)
    rank[np.argsort(-np.bincount(membership), kind="stable")] = np.arange(len(rank))
    return rank[membership]


def link_weights(
    weights: csr_array, label: Int64[ndarray, " n"], n_labels: int, /
) -> Float[ndarray, "n_labels n_labels"]:
    """Weight between parts of a partition, O(nnz)."""
    edges = weights.tocoo()
    key = label[edges.row] * n_labels + label[edges.col]
    return np.bincount(key, weights=edges.data, minlength=n_labels**2).reshape(n_labels, n_labels)


def link_ratio(between: Float[ndarray, "k k"], /, *, links: float = 0.0) -> Float[ndarray, "k k"]:
    """Observed over expected weight between parts, w_kl · w / (w_k w_l); chance gives 1.

    ``links`` more are taken to be observed and expected of each pair, so that little weight says little.
    """
    total = between.sum(axis=1)
    whole = total.sum()
    return (between + links) * whole / np.maximum(np.outer(total, total) + links * whole, 1e-300)
