"""The rival of the closed form: the dense procedure of the paper's published notebooks, written anew.

Every step of Fig. 3 forms G − λ K⁺ (n × n), takes its top eigenvectors by ``scipy.linalg.eigh`` with
``subset_by_index``, maps the test items through K_test · λ K⁺, and fits a least-squares probe by the normal equations;
the active run also fits a probe on the known items at each step and copies the whole block of what is known into its
graph, and the passive run adds its pairs one by one. K⁺ is a pseudo-inverse taken once a training set. Nothing is
skipped, shared between steps or batched, as there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray
from scipy.linalg import eigh, pinvh
from scipy.spatial.distance import cdist


@dataclass(frozen=True, eq=False)
class Dense:
    """λ K⁺, K · λ K⁺ (n, n) and K_test · λ K⁺ (p, n) of one training set."""

    penalty: Float[ndarray, "n n"]
    trainer: Float[ndarray, "n n"]
    reader: Float[ndarray, "p n"]

    @staticmethod
    def of(x: ndarray, x_test: ndarray, *, bandwidth: float, regularization: float) -> "Dense":
        """Set up, O(n³)."""
        kernel = np.exp(-cdist(x, x) / bandwidth)
        penalty = regularization * pinvh(kernel, atol=1e-5 / len(x))
        return Dense(penalty, kernel @ penalty, np.exp(-cdist(x_test, x) / bandwidth) @ penalty)

    def vectors(self, graph: Float[ndarray, "n n"], n_components: int = 5) -> Float[ndarray, "n k"]:
        """Top eigenvectors of G − λ K⁺."""
        n = len(graph)
        return eigh(graph - self.penalty, subset_by_index=[n - n_components, n - 1])[1]

    def test_error(self, vectors: Float[ndarray, "n k"], labels: Int64[ndarray, " p"]) -> float:
        """Error of the probe fitted on the test items."""
        features = self.reader @ vectors
        targets = np.eye(labels.max() + 1)[labels]
        probe = np.linalg.solve(features.T @ features, features.T @ targets)
        return float(((features @ probe).argmax(axis=1) != labels).mean())

    def predict(self, vectors: Float[ndarray, "n k"], targets: ndarray, known: Bool[ndarray, " n"]) -> ndarray:
        """Classes of the training items, by a probe on the known ones."""
        features = self.trainer @ vectors
        there = features[known]
        try:
            probe = np.linalg.solve(there.T @ there, there.T @ targets[known])
        except np.linalg.LinAlgError:  # fewer known items than components
            probe = np.linalg.pinv(there) @ targets[known]
        return (features @ probe).argmax(axis=1)


def active_errors(
    dense: Dense, y: ndarray, y_test: ndarray, rng: np.random.Generator, *, n_pages: int, page: int
) -> list[float]:
    """Test error before each page of the authors' captcha."""
    n, n_classes = len(y), int(y.max()) + 1
    targets = np.eye(n_classes)[y]
    truth = 2.0 * (y[:, None] == y[None, :]) - 1.0
    graph, asked = np.eye(n), np.zeros((n, n_classes), dtype=bool)
    known = np.zeros(n, dtype=bool)
    known[[np.argmax(y == c) for c in range(n_classes)]] = True
    errors = []
    for _ in range(n_pages):
        vectors = dense.vectors(graph)
        errors.append(dense.test_error(vectors, y_test))
        c = asked.sum(axis=0).argmin()
        predicted = dense.predict(vectors, targets, known) == c
        candidates = ~known & ~asked[:, c]
        if (candidates & predicted).sum() > page:
            candidates &= predicted
        items = np.flatnonzero(candidates)
        if len(items) >= page:
            items = rng.choice(items, page)
        known[items[y[items] == c]] = True
        settled, unlike = np.flatnonzero(known), items[y[items] != c]
        own = settled[y[settled] == c]
        for rows, columns in ((settled, settled), (own, unlike), (unlike, own)):
            graph[np.ix_(rows, columns)] = truth[np.ix_(rows, columns)]
        asked[settled] = True
        asked[items, c] = True
    return errors


def passive_errors(
    dense: Dense, y: ndarray, y_test: ndarray, rng: np.random.Generator, *, n_pages: int, page: int
) -> list[float]:
    """Test error before each page of random pairs."""
    truth = 2.0 * (y[:, None] == y[None, :]) - 1.0
    graphs = _growing(truth, rng)
    graph, errors = np.eye(len(y)), []
    for _ in range(n_pages):
        errors.append(dense.test_error(dense.vectors(graph), y_test))
        for _ in range(page):
            graph = next(graphs)
    return errors


def _growing(truth: Float[ndarray, "n n"], rng: np.random.Generator) -> Iterator[Float[ndarray, "n n"]]:
    """The identity, then one random pair more each time."""
    graph = np.eye(len(truth))
    first, second = np.triu_indices(len(truth), 1)
    for pair in rng.permutation(len(first)):
        yield graph
        i, j = first[pair], second[pair]
        graph[i, j] = graph[j, i] = truth[i, j]
