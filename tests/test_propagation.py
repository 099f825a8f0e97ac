"""Propagation: the iteration solves its equation, formed or not, and the graphs are what they say."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import pal.propagation
from pal.neighbors import laplacian_weights, local_dimension, neighbor_weights, normalize
from pal.propagation import field, own_mass, spread


@pytest.fixture
def affinity():
    return normalize(neighbor_weights(np.random.default_rng(0).standard_normal((60, 3))))


def resolvent(affinity, alpha):
    return (1 - alpha) * np.linalg.inv(np.eye(60) - alpha * affinity.toarray())


@pytest.mark.parametrize("alpha", [0.5, 0.9, 0.99])
def test_the_iteration_solves_the_system(affinity, alpha):
    mass = np.random.default_rng(1).random((60, 4))
    np.testing.assert_allclose(spread(affinity, mass, alpha=alpha), resolvent(affinity, alpha) @ mass, atol=3e-3)


def test_own_mass_is_near_the_diagonal(affinity):
    exact = resolvent(affinity, 0.9).diagonal()
    found = own_mass(affinity, n_probes=480, rng=np.random.default_rng(0))
    assert np.abs(found - exact).mean() < 0.05


def in_columns(affinity, monkeypatch, alpha=0.9):
    """A field that doesn't form R."""
    monkeypatch.setattr(pal.propagation, "_DENSE", 10)
    return field(affinity, alpha=alpha, rng=np.random.default_rng(0))


@pytest.mark.parametrize("alpha", [0.9, 0.99])
def test_a_field_spreads_the_same_whether_formed_or_not(affinity, monkeypatch, alpha):
    formed = field(affinity, alpha=alpha, rng=np.random.default_rng(0))
    columns = in_columns(affinity, monkeypatch, alpha)
    items, mass = np.array([3, 17, 40]), np.random.default_rng(1).random((3, 2))
    assert columns.resolvent is None
    exact = resolvent(affinity, alpha)
    for made, atol in ((formed, 1e-6), (columns, 3e-3)):
        np.testing.assert_allclose(made.spread(items, mass), exact[:, items] @ mass, atol=atol)
        np.testing.assert_allclose(made.between(items), exact[np.ix_(items, items)] * (1 - np.eye(3)), atol=atol)


def test_columns_are_kept_and_the_same_whatever_came_before(affinity, monkeypatch):
    items, mass = np.array([3, 17, 40]), np.random.default_rng(1).random((3, 2))
    fresh, used = in_columns(affinity, monkeypatch), in_columns(affinity, monkeypatch)
    for before in ([17], [40, 3], [5, 40]):
        used.between(np.array(before))
    np.testing.assert_array_equal(used.between(items), fresh.between(items))
    np.testing.assert_array_equal(used.spread(items, mass), fresh.spread(items, mass))
    monkeypatch.setattr(pal.propagation, "spread", None)  # nothing is worked out again
    used.between(items)


def test_too_many_columns_are_caught_up_with_page_by_page(affinity, monkeypatch):
    monkeypatch.setattr(pal.propagation, "_AT_ONCE", 4)
    monkeypatch.setattr(pal.propagation, "_BLOCK", 2)
    columns, items = in_columns(affinity, monkeypatch), np.arange(10)
    mass = np.random.default_rng(1).random((10, 2))
    found, there = [], []
    for _ in range(3):  # a refit each
        there.append(columns.between(items) is not None)
        found += [columns.spread(items, mass) for _ in range(2)]
    assert there == [False, False, True]  # no spread makes any
    for one in found[1:]:
        np.testing.assert_allclose(one, found[0], atol=1e-6)
    assert columns.between(np.arange(40)) is None  # more than half of all: as quick without


@pytest.mark.parametrize("dense", [True, False])
def test_items_between_others_are_carried_by_them(affinity, monkeypatch, dense):
    made = field(affinity, rng=np.random.default_rng(0)) if dense else in_columns(affinity, monkeypatch)
    carried = csr_array(np.random.default_rng(2).dirichlet(np.full(60, 0.1), 5))
    more = made.extended(carried, np.arange(100, 105))
    items, mass = np.array([3, 17, 61, 64]), np.random.default_rng(1).random((4, 2))
    carrier = np.vstack([np.eye(60), carried.toarray()])
    exact = carrier @ resolvent(affinity, 0.9) @ carrier.T
    np.testing.assert_allclose(more.spread(items, mass), exact[:, items] @ mass, atol=3e-3)
    np.testing.assert_allclose(more.between(items), exact[np.ix_(items, items)] * (1 - np.eye(4)), atol=3e-3)
    np.testing.assert_allclose(more.own, carrier @ made.own, atol=1e-6)
    # Another extension knows the same item again.
    again = made.extended(carried[[4]], np.array([104]))
    np.testing.assert_array_equal(
        again.spread(np.array([60]), mass[:1])[:60], more.spread(np.array([64]), mass[:1])[:60]
    )


def test_all_items_at_once_are_spread_as_some_are(affinity):
    made = field(affinity, rng=np.random.default_rng(0))
    order = np.random.default_rng(1).permutation(60)
    mass = np.random.default_rng(2).random((60, 2))
    np.testing.assert_allclose(made.spread(order, mass[order]), made.spread(np.arange(60), mass), rtol=1e-5)


@pytest.mark.parametrize("make", [neighbor_weights, lambda x: laplacian_weights(x, scale=0.2)])
def test_weights_are_symmetric_hollow_and_normalised_ones_have_a_bounded_spectrum(make):
    x = np.random.default_rng(0).standard_normal((50, 2))
    weights = make(x)
    assert isinstance(weights, csr_array)
    np.testing.assert_allclose(weights.toarray(), weights.toarray().T)
    assert not weights.diagonal().any()
    assert (weights.data > 0).all()
    assert np.abs(np.linalg.eigvalsh(normalize(weights).toarray())).max() <= 1 + 1e-9


@pytest.mark.parametrize("make", [neighbor_weights, lambda x: laplacian_weights(x, scale=0.2)])
def test_scale_of_the_features_does_not_matter(make):
    x = np.random.default_rng(0).standard_normal((40, 3))
    np.testing.assert_allclose(make(x).toarray(), make(1000.0 * x).toarray(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_the_local_dimension_tells_few_from_many(d):
    x = np.random.default_rng(0).standard_normal((2000, d)) @ np.random.default_rng(1).standard_normal((d, 20))
    assert local_dimension(x) == pytest.approx(d, rel=0.35)


def test_one_item_has_no_neighbours():
    assert neighbor_weights(np.ones((1, 2))).nnz == 0
    assert laplacian_weights(np.ones((1, 2)), scale=0.2).nnz == 0
