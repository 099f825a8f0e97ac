"""Factored = dense for every operation (PAPER.md section 7, identity 2)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph

# Eighths: sums and products of a few are exact in floating point, so that cancelled entries are exactly 0.
EXACT = st.integers(-16, 16).map(lambda k: k / 8)


@st.composite
def graphs(draw, max_items=7, max_groups=5, entries=EXACT):
    n, r = draw(st.integers(1, max_items)), draw(st.integers(0, max_groups))
    sparse = st.one_of(st.just(0.0), entries)
    f = draw(arrays(np.float64, (n, r), elements=sparse))
    m = draw(arrays(np.float64, (r, r), elements=sparse))
    return SimilarityGraph(csr_array(f), csr_array(m + m.T))


def dense(graph):
    """The definition, F M Fᵀ, from dense factors."""
    f = graph.membership.toarray()
    return f @ graph.relation.toarray() @ f.T


@given(graphs(), st.integers(0, 2**32 - 1))
def test_products_equal_the_dense_ones(graph, seed):
    g, n = dense(graph), graph.n_items
    z = np.random.default_rng(seed).standard_normal((n, 3))
    np.testing.assert_allclose(graph @ z, g @ z, atol=1e-10)
    np.testing.assert_allclose(graph @ z[:, 0], g @ z[:, 0], atol=1e-10)
    np.testing.assert_allclose(graph.quadratic(z), z.T @ g @ z, atol=1e-9)
    np.testing.assert_allclose(graph.quadratic(z[:, 0]), z[:, 0] @ g @ z[:, 0], atol=1e-9)
    np.testing.assert_array_equal(graph.degrees(), g.sum(axis=1))
    np.testing.assert_array_equal(graph.diagonal(), np.diag(g))
    np.testing.assert_array_equal(graph.to_dense(), g)
    assert graph.squared_norm() == pytest.approx((g**2).sum(), abs=1e-9)
    assert graph.shape == (n, n)


@given(graphs(), EXACT, st.data())
def test_sums_and_multiples(graph, scale, data):
    n, g = graph.n_items, dense(graph)
    f = data.draw(arrays(np.float64, (n, 2), elements=EXACT))
    other = SimilarityGraph(csr_array(f), csr_array(np.eye(2)))
    h = f @ f.T
    np.testing.assert_allclose((graph + other).to_dense(), g + h)
    np.testing.assert_allclose((graph - other).to_dense(), g - h)
    np.testing.assert_allclose((scale * graph).to_dense(), scale * g)
    np.testing.assert_allclose((graph * scale).to_dense(), scale * g)
    np.testing.assert_allclose((-graph).to_dense(), -g)


@given(graphs(), st.data())
def test_parts_equal_those_of_the_dense_matrix(graph, data):
    g = dense(graph)
    items = np.array(data.draw(st.lists(st.integers(0, graph.n_items - 1), min_size=1, max_size=8)))
    block = g[np.ix_(items, items)]
    np.testing.assert_array_equal(graph.block(items), block)
    np.testing.assert_array_equal(graph.take(items).to_dense(), block)
    for pairs, matrix in ((graph.pairs(items), block), (graph.pairs(), g)):
        rebuilt = np.zeros_like(matrix)
        rebuilt[pairs.rows, pairs.cols] = pairs.values
        np.testing.assert_array_equal(rebuilt, matrix)
        assert (pairs.values != 0).all()
        assert len(pairs.values) == np.count_nonzero(matrix)


@given(graphs())
def test_split_diagonal_adds_up(graph):
    diagonal, linked = graph.split_diagonal()
    np.testing.assert_array_equal(np.diag(diagonal) + linked.to_dense(), dense(graph))


def test_split_diagonal_leaves_only_what_links_two_items():
    membership = csr_array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    relation = np.eye(4)
    relation[2, 3] = relation[3, 2] = -1  # two singleton groups known to differ
    diagonal, linked = SimilarityGraph(membership, relation).split_diagonal()
    np.testing.assert_array_equal(diagonal, [1, 0, 0, 0, 0])
    assert linked.n_groups == 3


def partition(labels):
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@given(graphs())
def test_components_are_those_of_the_positive_entries(graph):
    count, label = graph.components()
    expected, components = connected_components(csr_array(dense(graph) > 0), directed=False)
    assert count == expected
    assert partition(label) == partition(components)
    assert set(label) == set(range(count))


@given(st.data())
def test_components_of_one_group_an_item(data):
    """The path that never forms an entry: one-hot F, signed M."""
    n, r = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 5))
    group = np.array(data.draw(st.lists(st.integers(0, r - 1), min_size=n, max_size=n)))
    m = np.triu(data.draw(arrays(np.float64, (r, r), elements=st.sampled_from([-1.0, 0.0, 1.0]))))
    graph = SimilarityGraph(csr_array(np.eye(r)[group]), csr_array(m + m.T))
    count, label = graph.components()
    expected, components = connected_components(csr_array(dense(graph) > 0), directed=False)
    assert count == expected
    assert partition(label) == partition(components)


@given(graphs())
def test_diagonal_variants(graph):
    g = dense(graph)
    np.testing.assert_array_equal(graph.hollow().to_dense(), g - np.diag(np.diag(g)))
    unit = g.copy()
    np.fill_diagonal(unit, 1.0)
    np.testing.assert_array_equal(graph.with_unit_diagonal().to_dense(), unit)


@given(graphs(entries=st.integers(0, 16).map(lambda k: k / 8)))
def test_normalized(graph):
    g = dense(graph)
    degree = g.sum(axis=1)
    scale = np.array([1 / np.sqrt(d) if d > 0 else 0.0 for d in degree])
    np.testing.assert_allclose(graph.normalized().to_dense(), scale[:, None] * g * scale, atol=1e-12)


def test_normalized_refuses_negative_degrees():
    with pytest.raises(InvalidInputError, match="degrees must not be negative"):
        SimilarityGraph(np.eye(2), -np.eye(2)).normalized()


def test_the_callers_matrices_stay_as_they_are():
    """An explicit zero and a duplicate are cleaned in a copy."""
    f = csr_array((np.array([1.0, 0.0, 2.0, 3.0]), np.array([0, 1, 0, 0]), np.array([0, 2, 4])), shape=(2, 2))
    before = f.data.copy(), f.indices.copy(), f.indptr.copy()
    graph = SimilarityGraph(f, np.eye(2))
    np.testing.assert_array_equal(graph.membership.toarray(), [[1, 0], [5, 0]])
    for now, then in zip((f.data, f.indices, f.indptr), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    ("membership", "relation", "message"),
    [
        (np.eye(2), np.eye(3), r"relation must have shape \(2, 2\)"),
        (np.eye(2), np.array([[0.0, 1.0], [0.0, 0.0]]), "relation must be symmetric"),
        (np.array([[np.nan, 1.0]]), np.eye(2), "membership must be finite"),
        (np.eye(2), np.diag([1.0, np.inf]), "relation must be finite"),
        (np.ones(2), np.eye(2), "membership must be a matrix, got 1 dimension"),
    ],
)
def test_bad_factors(membership, relation, message):
    with pytest.raises(InvalidInputError, match=message):
        SimilarityGraph(membership, relation)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "at least one item"),
        ([3], r"items must lie in 0\.\.2, got 3\.\.3"),
        ([-1], r"items must lie in 0\.\.2"),
        (np.array([True, False, True]), "np.flatnonzero"),
        ([0.5], "flat list of row numbers"),
    ],
)
def test_bad_items(items, message):
    graph = SimilarityGraph(np.eye(3), np.eye(3))
    with pytest.raises(InvalidInputError, match=message):
        graph.take(items)


@pytest.mark.usefixtures("unchecked")
def test_rows_and_sums_must_fit():
    graph = SimilarityGraph(np.eye(3), np.eye(3))
    with pytest.raises(InvalidInputError, match="3 items"):
        graph @ np.ones((2, 2))
    with pytest.raises(InvalidInputError, match="same items, got 3 and 2"):
        graph + SimilarityGraph(np.eye(2), np.eye(2))
    with pytest.raises(TypeError):
        graph + 1
    with pytest.raises(TypeError):
        graph * graph
