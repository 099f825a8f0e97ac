"""The feature form against the N × N form and against gradient descent (PAPER.md section 7, identity 6)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from pal import builders
from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph
from pal.kernels import exact_features, kernel
from pal.spectral import Moments, moments, solve, whiten

LAMBDA = 0.05


def rows(n, d=2, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def labels(n, n_classes=3, seed=0):
    return np.random.default_rng(seed).integers(-1, n_classes, n)


def embed(features, graph, n_components, regularization=LAMBDA):
    """Z and its eigenvalues through moments, as a user of the module would."""
    diagonal, linked = graph.split_diagonal()
    sums = moments(features, diagonal, linked)
    weights, values = solve(sums, linked.relation.toarray(), n_components=n_components, regularization=regularization)
    return features @ weights, values


def n_by_n(graph, gram, n_components, regularization=LAMBDA):
    """Top eigenpairs of G − λ K⁺ on the range of K, built from dense matrices alone."""
    values, vectors = np.linalg.eigh(gram)
    keep = values > 1e-9 * values[-1]
    basis = vectors[:, keep]
    inside = basis @ basis.T
    matrix = inside @ graph.to_dense() @ inside - regularization * (basis / values[keep]) @ basis.T
    # Outside the range of K an embedding has infinite cost: keep those directions from the top.
    matrix -= 1e6 * (np.eye(len(gram)) - inside)
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[::-1][:n_components], vectors[:, ::-1][:, :n_components]
    z = vectors * np.sqrt(np.maximum(values, 0))
    return z @ z.T, values


def graphs(n):
    return {
        "supervised": builders.from_labels(labels(n)),
        "contrastive": builders.from_labels(labels(n), contrastive=True),
        "identity": builders.identity(n),
        "believed": builders.from_beliefs(np.random.default_rng(1).dirichlet(np.ones(3), n), unit_diagonal=True),
        "neighbours": builders.from_neighbors((np.random.default_rng(2).random((n, n)) < 0.1).astype(float)),
        "regression": builders.from_targets(rows(n, 2, seed=3)),
    }


@pytest.mark.parametrize("kind", graphs(2))
@pytest.mark.parametrize("name", ["laplacian", "gaussian", "linear"])
def test_feature_form_equals_n_by_n_form(kind, name):
    x = rows(25)
    graph = graphs(25)[kind]
    k = 2 if name == "linear" else 4
    z, values = embed(exact_features(x, name=name, bandwidth=0.8)(x), graph, k)
    expected, eigenvalues = n_by_n(graph, kernel(x, x, name=name, bandwidth=0.8), k)
    np.testing.assert_allclose(values, eigenvalues, atol=1e-6)
    np.testing.assert_allclose(z @ z.T, expected, atol=1e-6)


def test_singular_kernel():
    """Repeated rows: K has no inverse, its pseudo-inverse stands in."""
    x = np.repeat(rows(6), 3, axis=0)
    graph = builders.from_labels(labels(18), contrastive=True)
    z, values = embed(exact_features(x, name="laplacian")(x), graph, 5)
    expected, eigenvalues = n_by_n(graph, kernel(x, x, name="laplacian"), 5)
    np.testing.assert_allclose(values, eigenvalues, atol=1e-8)
    np.testing.assert_allclose(z @ z.T, expected, atol=1e-8)
    np.testing.assert_allclose(z[::3], z[1::3], atol=1e-9)


@given(st.integers(0, 30))
def test_any_features_do(seed):
    """Z Zᵀ depends on the features through Φ Φᵀ only: rotating them into more dimensions changes nothing."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((12, 5))
    graph = builders.from_labels(labels(12, seed=seed), contrastive=True)
    z, values = embed(features, graph, 3)
    rotation = np.linalg.qr(rng.standard_normal((20, 5)))[0].T  # 5 → 20 features, the same inner products
    turned, turned_values = embed(features @ rotation, graph, 3)
    np.testing.assert_allclose(values, turned_values, atol=1e-8)
    np.testing.assert_allclose(z @ z.T, turned @ turned.T, atol=1e-7)


def objective(z, g, inverse):
    residual = z @ z.T - g
    return (residual**2).sum() + 2 * LAMBDA * np.trace(z.T @ inverse @ z), 4 * residual @ z + 4 * LAMBDA * inverse @ z


@pytest.mark.parametrize("k", [1, 2, 4])
def test_closed_form_is_where_gradient_descent_ends(k):
    x = rows(12)
    graph = builders.from_labels(labels(12), contrastive=True)
    gram = kernel(x, x, name="laplacian")
    g, inverse = graph.to_dense(), np.linalg.inv(gram)
    z, _ = embed(exact_features(x, name="laplacian")(x), graph, k)

    def flat(values):
        loss, gradient = objective(values.reshape(12, k), g, inverse)
        return loss, gradient.ravel()

    start = np.random.default_rng(0).standard_normal(12 * k)
    found = minimize(flat, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9})
    best = found.x.reshape(12, k)
    assert objective(z, g, inverse)[0] == pytest.approx(found.fun, rel=1e-8)
    np.testing.assert_allclose(z @ z.T, best @ best.T, atol=1e-4)


def test_negative_eigenvalues_give_null_components():
    """G = −I has nothing to embed."""
    z, values = embed(rows(8, 3), -1.0 * builders.identity(8), 2)
    assert (values < 0).all()
    np.testing.assert_array_equal(z, np.zeros((8, 2)))


def test_moments_of_shards_add_up():
    features, graph = rows(30, 6), builders.from_labels(labels(30), contrastive=True)
    diagonal, linked = graph.split_diagonal()
    whole = moments(features, diagonal, linked)
    shards = [np.arange(0, 7), np.arange(7, 20), np.arange(20, 30)]
    parts = [moments(features[s], diagonal[s], linked.membership[s]) for s in shards]
    total = parts[2] + parts[0] + parts[1]
    for name in ("gram", "loops", "groups"):
        np.testing.assert_allclose(getattr(total, name), getattr(whole, name), atol=1e-12)
    dense = moments(features, diagonal, linked.membership.toarray())
    np.testing.assert_allclose(dense.groups, whole.groups)


def test_moments_determine_the_graph_in_feature_space():
    """ΦᵀGΦ from the moments."""
    features, graph = rows(15, 4), builders.from_labels(labels(15), contrastive=True)
    diagonal, linked = graph.split_diagonal()
    sums = moments(features, diagonal, linked)
    rebuilt = sums.loops + sums.groups @ linked.relation.toarray() @ sums.groups.T
    np.testing.assert_allclose(rebuilt, features.T @ graph.to_dense() @ features, atol=1e-10)
    np.testing.assert_allclose(sums.gram, features.T @ features)


def test_whitening():
    features = rows(20, 3) @ rows(3, 7, seed=1)  # rank 3 in 7 features
    weights, spectrum = whiten(features.T @ features)
    assert weights.shape == (7, 3)
    np.testing.assert_allclose(weights.T @ features.T @ features @ weights, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(np.sort(spectrum), np.linalg.svd(features)[1][:3][::-1] ** 2)


def test_the_whitening_may_be_given():
    features, graph = rows(15, 4), builders.from_labels(labels(15))
    diagonal, linked = graph.split_diagonal()
    sums = moments(features, diagonal, linked)
    options = {"n_components": 2, "regularization": LAMBDA}
    relation = linked.relation.toarray()
    fresh, values = solve(sums, relation, **options)
    reused, again = solve(sums, relation, whitening=whiten(sums.gram), **options)
    np.testing.assert_array_equal(fresh, reused)
    np.testing.assert_array_equal(values, again)


@pytest.mark.parametrize(("k", "message"), [(0, r"n_components must lie in 1\.\.4"), (5, "ask for fewer components")])
def test_components_beyond_the_rank(k, message):
    with pytest.raises(InvalidInputError, match=message):
        embed(rows(10, 4), builders.identity(10), k)


def test_bad_input():
    with pytest.raises(InvalidInputError, match="regularization must not be negative, got -1"):
        embed(rows(10, 4), builders.identity(10), 2, regularization=-1.0)
    with pytest.raises(InvalidInputError, match="features must not all be zero"):
        embed(np.zeros((10, 4)), builders.identity(10), 2)
    one = Moments(np.eye(2), np.eye(2), np.zeros((2, 1)))
    with pytest.raises(InvalidInputError, match="shards must share features and groups"):
        one + Moments(np.eye(2), np.eye(2), np.zeros((2, 3)))


def test_graphs_without_groups():
    """Only self-loops: r = 0."""
    graph = SimilarityGraph(np.eye(9), np.diag(np.arange(9.0)))
    features = rows(9, 4)
    z, _ = embed(features, graph, 3)
    expected, _ = n_by_n(graph, features @ features.T, 3)
    np.testing.assert_allclose(z @ z.T, expected, atol=1e-7)
