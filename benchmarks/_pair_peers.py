"""Rivals that ask about pairs: PCKMeans after Explore-Consolidate or MinMax (active-semi-supervised-clustering).

Basu et al. 2004, https://doi.org/10.1137/1.9781611972740.31; Mallapragada et al. 2008,
https://doi.org/10.1109/ICPR.2008.4761792. Both are told the number of classes. The package draws from numpy's global
generator, which is seeded here and put back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
from jaxtyping import Float, Int8, Int64
from numpy import ndarray

from pal.answers import Question

Pair = tuple[int, int, int]


def asked_pairs(
    peer: str,
    x: Float[ndarray, "n d"],
    labeler: Callable[[Question], Int8[ndarray, " q"]],
    /,
    *,
    n_classes: int,
    n_answers: int,
    seed: int,
) -> list[Pair]:
    """Pairs in the order a peer asks for them, with the answers (a, b, ±1); "cannot tell" counts as unlike."""
    # When imported, the package draws numbers, and makes numpy raise on underflow for the whole process.
    with _seeded(seed), np.errstate():
        from active_semi_clustering.active.pairwise_constraints import ExploreConsolidate, MinMax
    from active_semi_clustering.active.pairwise_constraints.example_oracle import MaximumQueriesExceeded

    pairs: list[Pair] = []

    class Oracle:
        """What the package calls an oracle: our labeler."""

        max_queries_cnt = n_answers

        def query(self, i: int, j: int) -> bool:
            """Whether two items are alike."""
            if len(pairs) >= n_answers:
                raise MaximumQueriesExceeded
            i, j = int(i), int(j)
            alike = i == j or bool(labeler(Question(i, np.array([j])))[0] > 0)
            if i != j:
                pairs.append((i, j, 1 if alike else -1))
            return alike

    chooser = (MinMax if peer.endswith("minmax") else ExploreConsolidate)(n_clusters=n_classes)
    with _seeded(seed), suppress(ValueError, KeyError):  # the package's own, when nothing is left to ask
        chooser.fit(x, oracle=Oracle())
    return pairs


def partition(
    x: Float[ndarray, "n d"], pairs: list[Pair], /, *, n_classes: int, seed: int
) -> tuple[Int64[ndarray, " n"], Int64[ndarray, " c"]]:
    """Cluster of each item by PCKMeans under these answers, and the item nearest each centre.

    Where the package gives up (contradictions, an empty cluster), plain k-means stands in.
    """
    from active_semi_clustering.exceptions import EmptyClustersException, InconsistentConstraintsException
    from active_semi_clustering.semi_supervised.pairwise_constraints import PCKMeans
    from sklearn.cluster import KMeans

    alike = [(a, b) for a, b, r in pairs if r > 0]
    unlike = [(a, b) for a, b, r in pairs if r < 0]
    with _seeded(seed):
        try:
            model = PCKMeans(n_clusters=n_classes, max_iter=20).fit(x, ml=alike, cl=unlike)
        except (EmptyClustersException, InconsistentConstraintsException):
            model = KMeans(n_classes, n_init=3, random_state=seed).fit(x)
    centres = np.asarray(model.cluster_centers_)
    nearest = ((x[None] - centres[:, None]) ** 2).sum(axis=2).argmin(axis=1)
    return np.asarray(model.labels_, dtype=np.int64), nearest


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
