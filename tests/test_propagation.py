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


def test_a_field_spreads_the_same_whether_formed_or_not(affinity, monkeypatch):
    rng = np.random.default_rng(0)
    formed = field(affinity, rng=rng)
    monkeypatch.setattr(pal.propagation, "_DENSE", 10)
    iterated = field(affinity, rng=rng)
    items, mass = np.array([3, 17, 40]), np.random.default_rng(1).random((3, 2))
    assert iterated.resolvent is None
    assert iterated.between(items) is None
    np.testing.assert_allclose(formed.spread(items, mass), iterated.spread(items, mass), atol=3e-3)
    block = formed.between(items)
    np.testing.assert_allclose(block, resolvent(affinity, 0.9)[np.ix_(items, items)] * (1 - np.eye(3)), atol=1e-6)


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
