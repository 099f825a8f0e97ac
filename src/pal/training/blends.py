"""Graphs for training, and blends of them.

Definition. A *source* gives the graph over the rows of a batch: b items of V views, sample-major, (b·V, b·V). It is a
:class:`~pal.graph.SimilarityGraph` over all items, of which a batch takes its part and gives every view the relations
of its item (eq. 7); the same made anew before every epoch; or a function of the batch. With G_ssl = I over items every
view of an item is alike to the others (eq. 8), and ``blend(G_ssl, G_supervised, alpha=α)`` is the semi-supervised graph
of Fig. 4.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64
from numpy import ndarray
from scipy.sparse import coo_array, csr_array
from torch import Tensor

from pal.builders import augmented, from_neighbors
from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph

# Rows whose cosines with all others are held at a time.
_BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Batch:
    """What a source may look at.

    Parameters
    ----------
    items
        (b,) row numbers of the items.
    n_views
        V.
    features
        (b·V, d) the encoder's features of the rows, without gradient.
    embeddings
        (b·V, K) likewise, after the head.
    """

    items: Int64[ndarray, " b"]
    n_views: int
    features: Float[Tensor, "bv d"]
    embeddings: Float[Tensor, "bv k"]


@dataclass(frozen=True, eq=False)
class EachEpoch:
    """Graph over all items, made anew before every epoch; batches are drawn by it, and a checkpoint keeps it.

    Parameters
    ----------
    first
        The graph that a run without an epoch starts from.
    renew
        Makes that of an epoch, of the encoder's features of all items, (n, d), and the share of epochs done, 0..1.
    """

    first: SimilarityGraph
    renew: Callable[[Float32[ndarray, "n d"], float], SimilarityGraph]


Source = SimilarityGraph | EachEpoch | Callable[[Batch], SimilarityGraph]


def over_views(graph: SimilarityGraph, batch: Batch, /) -> SimilarityGraph:
    """Part of a graph over all items for the rows of a batch."""
    return augmented(graph.take(batch.items), batch.n_views)


def with_neighbors(
    graph: SimilarityGraph, /, *, n_neighbors: int = 1, weight: float = 1.0, mutual: bool = False, of: str = "features"
) -> Callable[[Batch], SimilarityGraph]:
    """``graph`` plus ``weight`` for nearest neighbours in the batch, found anew in every batch (algorithm 4, NNCLR).

    Every item is linked, in all views, to the ``n_neighbors`` items whose mean over views has the largest cosine with
    its own.

    Parameters
    ----------
    graph
        Graph over all items; ``identity(n)`` for the views.
    n_neighbors
        Neighbours of an item.
    weight
        Weight of a neighbour; that of the views is 1.
    mutual
        Whether both must be the other's neighbours.
    of
        "features" of the encoder, or "embeddings" after the head, as the paper has it.

    Raises
    ------
    InvalidInputError
        If an option is out of range.
    """
    if n_neighbors < 1 or weight < 0 or of not in ("features", "embeddings"):
        raise InvalidInputError(
            f"expected n_neighbors ≥ 1, weight ≥ 0 and of in features, embeddings; got {n_neighbors}, {weight}, {of!r}"
        )

    def source(batch: Batch) -> SimilarityGraph:
        rows = batch.features if of == "features" else batch.embeddings
        means = rows.reshape(len(batch.items), batch.n_views, -1).mean(1).cpu().numpy()
        adjacency = nearest(means, n_neighbors, mutual=mutual)
        return augmented(graph.take(batch.items) + weight * from_neighbors(adjacency), batch.n_views)

    return source


def neighbors_of_all(
    graph: SimilarityGraph, /, *, n_neighbors: int = 5, weight: float = 0.5, mutual: bool = True, warm_up: float = 0.3
) -> EachEpoch:
    """``graph`` plus ``weight`` for nearest neighbours among all items, in the encoder's features, anew every epoch.

    Against :func:`with_neighbors`, which knows the batch alone, neighbours are as near as the set allows, are drawn
    into one batch with their items, and wait until the features mean something.

    Parameters
    ----------
    graph
        Graph over all items; ``identity(n)`` for the views.
    n_neighbors
        Neighbours of an item.
    weight
        Weight of a neighbour; that of the views is 1.
    mutual
        Whether both must be among the other's neighbours.
    warm_up
        Share of the epochs with ``graph`` alone.

    Raises
    ------
    InvalidInputError
        If an option is out of range.
    """
    if n_neighbors < 1 or weight < 0 or not 0 <= warm_up <= 1:
        raise InvalidInputError(
            f"expected n_neighbors ≥ 1, weight ≥ 0 and warm_up in [0, 1]; got {n_neighbors}, {weight} and {warm_up}"
        )

    def renew(features: Float32[ndarray, "n d"], done: float) -> SimilarityGraph:
        if done < warm_up:
            return graph
        return graph + weight * from_neighbors(nearest(features, n_neighbors, mutual=mutual))

    return EachEpoch(graph, renew)


def nearest(x: Float[ndarray, "b d"], n_neighbors: int, /, *, mutual: bool = False) -> csr_array:
    """Symmetric adjacency of the nearest neighbours by cosine of centred rows, without self-loops; O(b² d) time."""
    x = x - x.mean(0)
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    k = min(n_neighbors, len(x) - 1)
    found = np.empty((len(x), k), dtype=np.int64)
    for start in range(0, len(x), _BLOCK):
        cosine = unit[start : start + _BLOCK] @ unit.T
        itself = np.arange(len(cosine))
        cosine[itself, start + itself] = -np.inf
        found[start : start + _BLOCK] = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
    rows = np.repeat(np.arange(len(x)), k)
    near = coo_array((np.ones(len(rows)), (rows, found.ravel())), shape=(len(x),) * 2).tocsr()
    return csr_array(near.multiply(near.T) if mutual else near.maximum(near.T))
