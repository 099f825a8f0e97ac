"""The closed form of section 5 on a few hundred items, and the errors read from it, for many graphs of one trial.

Definition. With the kernel matrix K (n, n) of the training items, λ > 0 and a graph G, the embedding is spanned by the
top k eigenvectors V of G − λ K⁺, and a test item has the features λ k(x, X) K⁺ V (the scale of a column doesn't matter
to a probe). The *test error* is that of the least-squares probe fitted on the test items themselves; the *honest error*
is that of the probe fitted on the training items whose label is known.

The kernel is factorised once a trial; each graph then costs one small eigenproblem, and probes are solved for all
graphs of the trial together. :class:`pal.embedding.GraphEmbedding` computes the same embedding from features; a test
holds them equal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64, Integer
from numpy import ndarray
from scipy.linalg.lapack import dsyevr

from pal.errors import InvalidInputError
from pal.kernels import kernel


@dataclass(frozen=True, eq=False)
class Problem:
    """One trial: the penalty λ K⁺ (n, n), the reader λ k(X_test, X) K⁺ (p, n), the labels of the test items (p,)."""

    penalty: Float[ndarray, "n n"]
    reader: Float[ndarray, "p n"]
    labels: Int64[ndarray, " p"]
    n_components: int

    @cached_property
    def targets(self) -> Float[ndarray, "p c"]:
        """One-hot labels of the test items."""
        return np.eye(self.labels.max() + 1)[self.labels]

    @cached_property
    def second_moment(self) -> Float[ndarray, "n n"]:
        """readerᵀ reader: the Gram matrix of test features is a product with it."""
        return self.reader.T @ self.reader


class Vectors(NamedTuple):
    """Eigenvectors of the graphs that differ, (s, n, k), and for each graph given, which of them is its own."""

    distinct: Float[ndarray, "s n k"]
    which: Int64[ndarray, " steps"]


def prepare(
    x: Float[ndarray, "n d"],
    x_test: Float[ndarray, "p d"],
    y_test: Integer[ndarray, " p"],
    /,
    *,
    bandwidth: float,
    regularization: float = 1e-3,
    n_components: int = 5,
    tolerance: float = 0.0,
) -> Problem:
    """Factorise the Laplacian kernel of one trial, O(n³ + p n²).

    Parameters
    ----------
    x, x_test, y_test
        Training items, test items and their labels.
    bandwidth
        σ of exp(−‖x − x'‖ / σ).
    regularization
        λ.
    n_components
        K, dimensions of the embedding.
    tolerance
        Eigenvalues of the kernel matrix up to this are left out of its inverse.
    """
    if not 1 <= n_components <= len(x):
        raise InvalidInputError(f"n_components must lie in 1..{len(x)}, the number of items, got {n_components}")
    values, basis = np.linalg.eigh(kernel(x, x, name="laplacian", bandwidth=bandwidth))
    keep = values > max(tolerance, len(x) * np.finfo(float).eps * values[-1])
    basis = basis[:, keep]
    penalty = (basis * (regularization / values[keep])) @ basis.T
    reader = kernel(x_test, x, name="laplacian", bandwidth=bandwidth) @ penalty
    return Problem(penalty, reader, np.asarray(y_test, dtype=np.int64), n_components)


def top_vectors(problem: Problem, graph: Float[ndarray, "n n"], /) -> Float[ndarray, "n k"]:
    """Eigenvectors of the top eigenvalues of G − λ K⁺, O(n³)."""
    n = len(graph)
    low = n - problem.n_components + 1
    # scipy.linalg.eigh does the same in more steps: a fifth of the time at n = 100. The transpose is Fortran order.
    difference = (graph - problem.penalty).T
    _, vectors, _, _, info = dsyevr(difference, range="I", il=low, iu=n, lower=1, overwrite_a=1)
    if info:
        raise np.linalg.LinAlgError(f"dsyevr failed with code {info}; is every entry of the graph finite?")
    return vectors


class Follower:
    """Eigenvectors of a sequence of graphs over one trial's items."""

    def __init__(self, problem: Problem, /) -> None:
        self.problem = problem
        self._distinct: list[ndarray] = []
        self._index: list[int] = []

    @property
    def last(self) -> Float[ndarray, "n k"]:
        """Eigenvectors of the graph added last."""
        return self._distinct[-1]

    def add(self, graph: Float[ndarray, "n n"] | None, /) -> None:
        """Add a graph; None stands for "as before" and costs nothing."""
        if graph is not None:
            self._distinct.append(top_vectors(self.problem, graph))
        self._index.append(len(self._distinct) - 1)

    def vectors(self) -> Vectors:
        """Return all of them."""
        return Vectors(np.stack(self._distinct), np.array(self._index))


def follow(problem: Problem, graphs: Iterable[Float[ndarray, "n n"] | None], /) -> Vectors:
    """Eigenvectors of a sequence of graphs, see :meth:`Follower.add`."""
    follower = Follower(problem)
    for graph in graphs:
        follower.add(graph)
    return follower.vectors()


def test_errors(problem: Problem, vectors: Vectors, /) -> Float[ndarray, " steps"]:
    """Error of the probe fitted on the test items, for each graph; O(s p n C)."""
    v = vectors.distinct
    gram = v.transpose(0, 2, 1) @ _times(problem.second_moment, v)
    cross = v.transpose(0, 2, 1) @ (problem.reader.T @ problem.targets)
    return _misread(problem, v @ _solve(gram, cross))[vectors.which]


test_errors.__test__ = False  # type: ignore[attr-defined]  # a name of the paper, no test for pytest


def honest_errors(
    problem: Problem, vectors: Vectors, known: Integer[ndarray, "steps n"], /
) -> Float[ndarray, " steps"]:
    """Error of the probe fitted on the training items of known label (−1 is unknown), for each graph; O(s p n C).

    Between graphs that differ, what is known must not change either.
    """
    v = vectors.distinct
    labels = known[np.unique(vectors.which, return_index=True)[1]]
    targets = np.eye(problem.targets.shape[1])[labels] * (labels >= 0)[:, :, None]
    # λ k(X, X) K⁺ V = λ V.
    gram = v.transpose(0, 2, 1) @ (v * (labels >= 0)[:, :, None])
    probe = np.linalg.pinv(gram, rcond=1e-10, hermitian=True) @ (v.transpose(0, 2, 1) @ targets)
    return _misread(problem, v @ probe)[vectors.which]


def _misread(problem: Problem, weights: Float[ndarray, "s n c"]) -> Float[ndarray, " s"]:
    """Share of the test items whose own class hasn't the largest score."""
    s, n, c = weights.shape
    scores = (weights.transpose(0, 2, 1).reshape(s * c, n) @ problem.reader.T).reshape(s, c, -1)
    own = scores[:, problem.labels, np.arange(len(problem.labels))]
    wrong = (own < scores.max(axis=1)).mean(axis=1)
    # A probe of zeros, fitted on nothing, says the first class of every item.
    return np.where(weights.any(axis=(1, 2)), wrong, (problem.labels != 0).mean())


def _times(matrix: Float[ndarray, "n n"], v: Float[ndarray, "s n k"]) -> Float[ndarray, "s n k"]:
    """One product for the whole stack: numpy's own loops over it."""
    s, n, k = v.shape
    return (matrix @ v.transpose(1, 0, 2).reshape(n, s * k)).reshape(n, s, k).transpose(1, 0, 2)


def _solve(gram: Float[ndarray, "s k k"], cross: Float[ndarray, "s k c"]) -> Float[ndarray, "s k c"]:
    try:
        return np.linalg.solve(gram, cross)
    except np.linalg.LinAlgError:  # features that are linearly dependent: the smallest probe
        return np.linalg.pinv(gram, hermitian=True) @ cross
