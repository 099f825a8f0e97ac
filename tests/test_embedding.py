import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from pal import builders
from pal.embedding import GraphEmbedding
from pal.errors import InvalidInputError
from pal.kernels import kernel


@pytest.mark.slow
@parametrize_with_checks(
    [GraphEmbedding(), GraphEmbedding(kernel="linear"), GraphEmbedding(n_landmarks=8)],
    legacy=True,
    expected_failed_checks=None,
)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


def blobs(n=60, n_classes=3):
    return make_blobs(n, centers=n_classes, n_features=3, random_state=0)


@pytest.mark.parametrize("n_landmarks", [500, 20])
def test_update_equals_fitting_anew(n_landmarks):
    x, y = blobs()
    known = np.where(np.arange(60) % 2, y, -1)
    options = {"n_components": 4, "n_landmarks": n_landmarks}
    updated = GraphEmbedding(**options).fit(x, known).update(builders.from_labels(y, contrastive=True))
    fresh = GraphEmbedding(**options).fit(x, graph=builders.from_labels(y, contrastive=True))
    np.testing.assert_allclose(updated.embedding_, fresh.embedding_, atol=1e-10)
    np.testing.assert_allclose(updated.transform(x[:5] + 0.1), fresh.transform(x[:5] + 0.1), atol=1e-9)
    np.testing.assert_allclose(updated.eigenvalues_, fresh.eigenvalues_)


def test_equals_the_n_by_n_form():
    x, y = blobs(40)
    graph = builders.from_labels(np.where(np.arange(40) % 3, y, -1), contrastive=True)
    model = GraphEmbedding(4, bandwidth=2.0, regularization=0.01).fit(x, graph=graph)
    gram = kernel(x, x, name="laplacian", bandwidth=2.0)
    values, vectors = np.linalg.eigh(graph.to_dense() - 0.01 * np.linalg.inv(gram))
    z = vectors[:, -4:] * np.sqrt(np.maximum(values[-4:], 0))
    np.testing.assert_allclose(model.eigenvalues_, values[:-5:-1], atol=1e-8)
    np.testing.assert_allclose(model.embedding_ @ model.embedding_.T, z @ z.T, atol=1e-7)


def test_out_of_sample_is_the_papers_formula():
    """f(x) = k(x, X) K⁻¹ Z."""
    x, y = blobs(40)
    new = np.random.default_rng(1).uniform(-10, 10, (7, 3))
    model = GraphEmbedding(3, bandwidth=2.0).fit(x, y)
    across = kernel(new, x, name="laplacian", bandwidth=2.0)
    expected = across @ np.linalg.solve(kernel(x, x, name="laplacian", bandwidth=2.0), model.embedding_)
    np.testing.assert_allclose(model.transform(new), expected, atol=1e-8)
    np.testing.assert_allclose(model.transform(x), model.embedding_, atol=1e-8)


def test_what_y_may_be():
    x, y = blobs()
    reference = GraphEmbedding(3).fit(x, y).embedding_
    for same in (y.tolist(), y.astype(float), np.array(["a", "b", "c"])[y], builders.from_labels(y)):
        np.testing.assert_allclose(GraphEmbedding(3).fit(x, same).embedding_, reference)
    np.testing.assert_allclose(GraphEmbedding(3).fit_transform(x, y), reference)
    np.testing.assert_allclose(GraphEmbedding(3).fit(x, graph=builders.from_labels(y)).embedding_, reference)
    targets = np.random.default_rng(0).standard_normal((60, 2))
    np.testing.assert_allclose(
        GraphEmbedding(2).fit(x, targets).embedding_,
        GraphEmbedding(2).fit(x, graph=builders.from_targets(targets)).embedding_,
    )


def test_no_graph_is_kernel_pca():
    x, _ = blobs(30)
    model = GraphEmbedding(3, kernel="linear", regularization=0.0).fit(x)
    np.testing.assert_allclose(model.embedding_ @ model.embedding_.T, x @ np.linalg.pinv(x), atol=1e-9)


def test_single_precision_stays_single():
    x, y = blobs()
    double = GraphEmbedding(4, bandwidth=3.0).fit(x, y)
    single = GraphEmbedding(4, bandwidth=3.0).fit(x.astype(np.float32), y)
    assert single.embedding_.dtype == np.float32
    np.testing.assert_allclose(
        single.embedding_ @ single.embedding_.T, double.embedding_ @ double.embedding_.T, atol=5e-3
    )


def test_pipeline_clone_and_search():
    x, y = blobs()
    pipeline = make_pipeline(StandardScaler(), GraphEmbedding(4), LogisticRegression())
    assert pipeline.fit(x, y).score(x, y) > 0.95
    again = clone(pipeline)
    assert again.get_params()["graphembedding__n_components"] == 4
    search = GridSearchCV(again, {"graphembedding__regularization": [1e-3, 1.0]}, cv=2).fit(x, y)
    assert set(search.best_params_) == {"graphembedding__regularization"}
    np.testing.assert_array_equal(
        GraphEmbedding(3).fit(x, y).get_feature_names_out(), [f"graphembedding{i}" for i in range(3)]
    )


def test_same_seed_same_landmarks():
    x, y = load_digits(return_X_y=True)
    first, second = (GraphEmbedding(5, n_landmarks=40, random_state=3).fit(x[:300], y[:300]) for _ in range(2))
    np.testing.assert_array_equal(first.embedding_, second.embedding_)
    other = GraphEmbedding(5, n_landmarks=40, random_state=4).fit(x[:300], y[:300])
    assert np.abs(first.embedding_ - other.embedding_).max() > 1e-3


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda x, y: GraphEmbedding(61).fit(x, y), r"n_components must lie in 1\.\.60"),
        (lambda x, y: GraphEmbedding(2).fit(np.ones_like(x), y), r"n_components must lie in 1\.\.1"),
        (lambda x, y: GraphEmbedding(2, kernel="cosine").fit(x, y), "unknown kernel 'cosine'"),
        (lambda x, y: GraphEmbedding(2, bandwidth=-1.0).fit(x, y), "bandwidth must be positive"),
        (lambda x, y: GraphEmbedding(2).fit(x, y - 2), "labels must be -1"),
        (lambda x, y: GraphEmbedding(2).fit(x, y[:5]), "y must have one entry for each of 60 items"),
        (lambda x, y: GraphEmbedding(2).fit(x, graph=builders.identity(5)), "graph over the 60 items of fit, got 5"),
    ],
)
def test_bad_input(fit, message):
    with pytest.raises(InvalidInputError, match=message):
        fit(*blobs())
