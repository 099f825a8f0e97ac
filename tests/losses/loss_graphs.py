"""Graphs to test losses on: every kind of factorisation the batch graph knows."""

import numpy as np
from scipy.sparse import eye_array, random_array

from pal.graph import SimilarityGraph


def views(n: int, v: int, *, self_loops: bool = True) -> SimilarityGraph:
    """n items of v views each, sample-major: F = I ⊗ 1_v, M = I."""
    graph = SimilarityGraph(np.kron(np.eye(n), np.ones((v, 1))), np.eye(n))
    return graph if self_loops else graph.hollow()


def labels(y, n_classes: int) -> SimilarityGraph:
    """Rows of one class are alike; y = −1 is unknown."""
    one_hot = np.zeros((len(y), n_classes))
    known = np.flatnonzero(np.asarray(y) >= 0)
    one_hot[known, np.asarray(y)[known]] = 1
    return SimilarityGraph(one_hot, np.eye(n_classes))


KINDS = ("views", "hollow", "labels", "unknown", "contrastive", "blend", "soft", "weighted", "neighbors", "nothing")


def graph_of(kind: str, b: int, rng: np.random.Generator) -> SimilarityGraph:
    """A graph of ``b`` rows, b even."""
    y = rng.integers(0, 3, b)
    match kind:
        case "views":
            return views(b // 2, 2)
        case "hollow":
            return views(b // 2, 2, self_loops=False)
        case "labels":
            return labels(y, 3)
        case "unknown":
            return labels(np.where(rng.random(b) < 0.4, -1, y), 3)
        case "contrastive":
            relation = 2 * np.eye(3) - 1
            relation[0, 1] = relation[1, 0] = 0
            return SimilarityGraph(np.eye(3)[y], relation).with_unit_diagonal()
        case "blend":
            return 0.3 * views(b // 2, 2) + 0.7 * labels(y, 3)
        case "soft":
            p = rng.dirichlet(np.ones(3), b)
            return SimilarityGraph(np.c_[p, np.ones(b)], np.diag([2.0, 2, 2, -1]))
        case "weighted":
            return SimilarityGraph(np.eye(3)[y] * [1.0, 2.0, 0.5], np.diag([1.0, 0.3, 2.0]))
        case "neighbors":
            a = random_array((b, b), density=0.1, rng=rng)
            return SimilarityGraph(eye_array(b), (a + a.T) / 2)
    return SimilarityGraph(np.zeros((b, 1)), np.eye(1))
