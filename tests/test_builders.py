"""Every row of PAPER.md section 2 against its dense definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array
from scipy.stats import kendalltau

from pal import builders
from pal.answers import Answers
from pal.errors import InvalidInputError
from pal.knowledge import known

LABELS = st.lists(st.integers(-1, 4), min_size=1, max_size=9).map(np.array)


def by_entry(n, entry):
    """Dense matrix from the definition of one entry."""
    return np.array([[float(entry(i, j)) for j in range(n)] for i in range(n)])


@given(LABELS)
def test_supervised(y):
    expected = by_entry(len(y), lambda i, j: y[i] >= 0 and y[i] == y[j])
    np.testing.assert_array_equal(builders.from_labels(y).to_dense(), expected)
    loops = by_entry(len(y), lambda i, j: i == j or (y[i] >= 0 and y[i] == y[j]))
    np.testing.assert_array_equal(builders.from_labels(y, self_loops=True).to_dense(), loops)


@given(LABELS)
def test_contrastive(y):
    def entry(i, j):
        if i == j:
            return 1
        return 0 if y[i] < 0 or y[j] < 0 else 1 if y[i] == y[j] else -1

    np.testing.assert_array_equal(builders.from_labels(y, contrastive=True).to_dense(), by_entry(len(y), entry))
    np.testing.assert_array_equal(
        builders.from_labels(y, contrastive=True, self_loops=False).to_dense(),
        by_entry(len(y), lambda i, j: entry(i, j) if y[i] >= 0 else 0),
    )


@given(LABELS, st.integers(1, 3))
def test_augmented_is_sample_major(y, a):
    expected = by_entry(len(y) * a, lambda i, j: y[i // a] >= 0 and y[i // a] == y[j // a])
    np.testing.assert_array_equal(builders.augmented(builders.from_labels(y), a).to_dense(), expected)


@pytest.mark.parametrize("v", [1, 2, 3, 4])
def test_views(v):
    expected = by_entry(5 * v, lambda i, j: i // v == j // v)
    np.testing.assert_array_equal(builders.from_views(5, v).to_dense(), expected)
    hollow = builders.from_views(5, v, self_loops=False).to_dense()
    np.testing.assert_array_equal(hollow, expected - np.eye(5 * v))


@given(LABELS, st.floats(0, 1))
def test_blend(y, alpha):
    supervised = builders.augmented(builders.from_labels(y), 2)
    blended = builders.blend(builders.from_views(len(y), 2), supervised, alpha=alpha)
    expected = (1 - alpha) * builders.from_views(len(y), 2).to_dense() + alpha * supervised.to_dense()
    np.testing.assert_allclose(blended.to_dense(), expected)


@given(st.data())
def test_knowledge(data):
    """Entry by entry from the deduced relation."""
    n = data.draw(st.integers(2, 6))
    pairs = [(i, j) for i in range(n) for j in range(i)]
    asked = data.draw(st.lists(st.tuples(st.sampled_from(pairs), st.sampled_from([-1, 1])), max_size=10))
    knowledge = known(n, answers([(i, j, r) for (i, j), r in asked]))
    relation = np.array([knowledge.relation(i) for i in range(n)], dtype=float)
    np.testing.assert_array_equal(builders.from_knowledge(knowledge).to_dense(), relation)
    np.testing.assert_array_equal(
        builders.from_knowledge(knowledge, contrastive=False).to_dense(), np.maximum(relation, 0)
    )


def answers(rows):
    template, item, relation = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    zero = np.zeros(len(template), dtype=np.int64)
    return Answers(template, item, relation.astype(np.int8), zero, zero, zero.astype(np.float64))


def test_knowledge_of_everything_is_the_contrastive_graph():
    y = np.array([0, 1, 2, 0, 1, 0])
    rows = [(i, j, 1 if y[i] == y[j] else -1) for i in range(6) for j in range(i)]
    np.testing.assert_array_equal(
        builders.from_knowledge(known(6, answers(rows))).to_dense(),
        builders.from_labels(y, contrastive=True).to_dense(),
    )


@given(arrays(np.float64, (5, 3), elements=st.floats(0.05, 1)))
def test_beliefs_are_the_expected_relation(weights):
    """Expectation of the ±1 relation over every pair of classes, enumerated."""
    p = weights / weights.sum(axis=1, keepdims=True)
    sign = 2 * np.eye(3) - 1
    expected = by_entry(5, lambda i, j: sum(p[i, c] * p[j, d] * sign[c, d] for c in range(3) for d in range(3)))
    np.testing.assert_allclose(builders.from_beliefs(p).to_dense(), expected, atol=1e-12)
    np.fill_diagonal(expected, 1.0)
    np.testing.assert_allclose(builders.from_beliefs(p, unit_diagonal=True).to_dense(), expected, atol=1e-12)
    same = by_entry(5, lambda i, j: sum(p[i, c] * p[j, c] for c in range(3)))
    np.testing.assert_allclose(builders.from_beliefs(p, contrastive=False).to_dense(), same, atol=1e-12)


def test_certain_beliefs_are_the_contrastive_graph():
    y = np.array([0, 2, 1, 2])
    np.testing.assert_allclose(
        builders.from_beliefs(np.eye(3)[y]).to_dense(), builders.from_labels(y, contrastive=True).to_dense()
    )


@given(arrays(np.float64, (5, 5), elements=st.sampled_from([0.0, 0.5, 1.0])))
def test_neighbors(adjacency):
    expected = np.maximum(adjacency, adjacency.T)
    np.testing.assert_array_equal(builders.from_neighbors(csr_array(adjacency)).to_dense(), expected)


def test_targets():
    y = np.random.default_rng(0).standard_normal((6, 2))
    np.testing.assert_allclose(builders.from_targets(y).to_dense(), by_entry(6, lambda i, j: y[i] @ y[j]))


@pytest.mark.usefixtures("unchecked")
def test_one_target_may_be_flat():
    y = np.array([0.5, -2.0, 3.0])
    np.testing.assert_allclose(builders.from_targets(y).to_dense(), np.outer(y, y))


@given(arrays(np.float64, (5, 4), elements=st.sampled_from([0.0, 1.0])))
def test_multilabel(y):
    count = by_entry(5, lambda i, j: (y[i] * y[j]).sum())
    np.testing.assert_array_equal(builders.from_multilabel(y, normalize=False).to_dense(), count)

    def cosine(i, j):
        norm = np.linalg.norm(y[i]) * np.linalg.norm(y[j])
        return y[i] @ y[j] / norm if norm else 0.0

    np.testing.assert_allclose(builders.from_multilabel(y).to_dense(), by_entry(5, cosine), atol=1e-12)


def test_outputs_with_a_general_loss():
    loss = np.array([[0.0, 1.0, 3.0], [1.0, 0.0, 2.0], [3.0, 2.0, 0.0]])
    y = np.array([2, 0, -1, 1, 2])
    expected = by_entry(5, lambda i, j: -loss[y[i], y[j]] if min(y[i], y[j]) >= 0 else 0)
    np.testing.assert_array_equal(builders.from_outputs(y, loss).to_dense(), expected)


@given(st.lists(st.permutations(range(4)), min_size=1, max_size=5).map(np.array))
def test_kendall_loss_is_scipys_tau(rankings):
    tau = [[kendalltau(a, b).statistic for b in rankings] for a in rankings]
    np.testing.assert_allclose(builders.kendall_loss(rankings), (1 - np.array(tau)) / 2, atol=1e-12)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: builders.from_labels(np.array([0, -2])), "labels must be -1"),
        (lambda: builders.augmented(builders.identity(2), 0), "n_views must be at least 1"),
        (lambda: builders.blend(builders.identity(2), builders.identity(2), alpha=1.5), r"alpha must lie in \[0, 1\]"),
        (lambda: builders.from_beliefs(np.array([[0.5, 0.6]])), "sum to 1"),
        (lambda: builders.from_beliefs(np.array([[1.5, -0.5]])), "smallest entry -0.5"),
        (lambda: builders.from_beliefs(np.array([[np.nan, 1.0]])), "sum to 1"),
        (lambda: builders.from_outputs(np.array([2]), np.zeros((2, 2))), r"outputs must lie in -1\.\.1"),
        (lambda: builders.from_outputs(np.array([0]), np.array([[0.0, 1.0], [2.0, 0.0]])), "symmetric"),
        (lambda: builders.kendall_loss(np.array([[0], [0]])), "at least 2 objects"),
    ],
)
def test_bad_input(build, message):
    with pytest.raises(InvalidInputError, match=message):
        build()
