"""The item form of the closed form beside the feature form and a plain computation."""

import numpy as np
import pytest

from experiments.closed_form import follow, honest_errors, prepare, test_errors, top_vectors
from pal.builders import from_labels
from pal.embedding import GraphEmbedding
from pal.errors import InvalidInputError
from pal.probe import honest_error, optimal_error


@pytest.fixture(params=[0, 1])
def case(request):
    rng = np.random.default_rng(request.param)
    y = rng.integers(4, size=40)
    x = np.eye(4)[y] + 0.4 * rng.standard_normal((40, 4))
    y_test = np.arange(60) % 4
    x_test = np.eye(4)[y_test] + 0.4 * rng.standard_normal((60, 4))
    return x, y, x_test, y_test, rng


def test_spans_what_graph_embedding_spans(case):
    x, y, x_test, y_test, rng = case
    problem = prepare(x, x_test, y_test, bandwidth=0.5)
    graph = from_labels(np.where(rng.random(40) < 0.6, y, -1), contrastive=True)
    v = top_vectors(problem, graph.to_dense())
    embedding = GraphEmbedding(5, bandwidth=0.5).fit(x, graph=graph)
    assert (embedding.eigenvalues_ > 0).all()
    basis = np.linalg.qr(embedding.embedding_)[0]
    np.testing.assert_allclose(v @ v.T, basis @ basis.T, atol=1e-7)
    test = np.linalg.qr(problem.reader @ v)[0]
    there = np.linalg.qr(embedding.transform(x_test))[0]
    np.testing.assert_allclose(test @ test.T, there @ there.T, atol=1e-7)


def test_errors_are_those_of_pal_probe(case):
    x, y, x_test, y_test, rng = case
    problem = prepare(x, x_test, y_test, bandwidth=0.5)
    known = np.stack([np.where(rng.random(40) < share, y, -1) for share in (0.4, 0.7, 1.0)])
    vectors = follow(problem, (from_labels(labels, contrastive=True).to_dense() for labels in known))
    for v, labels, found, honest in zip(
        vectors.distinct, known, test_errors(problem, vectors), honest_errors(problem, vectors, known), strict=True
    ):
        assert found == pytest.approx(optimal_error(problem.reader @ v, y_test))
        # Features of the training items: λ K K⁺ V = λ V.
        assert honest == pytest.approx(honest_error(1e-3 * v, labels, problem.reader @ v, y_test))


def test_a_probe_on_no_label_says_the_first_class(case):
    x, _, x_test, y_test, _ = case
    problem = prepare(x, x_test, y_test, bandwidth=0.5)
    vectors = follow(problem, [np.eye(40)])
    assert honest_errors(problem, vectors, np.full((1, 40), -1)) == [0.75]


def test_a_graph_as_before_is_not_solved_again(case):
    x, y, x_test, y_test, _ = case
    problem = prepare(x, x_test, y_test, bandwidth=0.5)
    graph = from_labels(y, contrastive=True).to_dense()
    vectors = follow(problem, [np.eye(40), None, graph, None, None])
    assert vectors.distinct.shape == (2, 40, 5)
    assert vectors.which.tolist() == [0, 0, 1, 1, 1]
    errors = test_errors(problem, vectors)
    assert errors[0] == errors[1] != errors[2] == errors[4]


def test_more_components_than_items_is_refused():
    with pytest.raises(InvalidInputError, match=r"1\.\.3"):
        prepare(np.eye(3), np.eye(3), np.arange(3), bandwidth=1.0)
