import numpy as np
import pytest
from scipy.spatial.distance import cdist

from pal.communities import communities, link_ratio, link_weights, neighborhood, parts
from pal.neighbors import neighbor_weights, normalize
from pal.propagation import own_mass, spread


def blobs(sizes=(30, 20, 10), seed=0):
    """Blobs far apart, the larger first."""
    label = np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(seed).standard_normal((sum(sizes), len(sizes)))
    return 20.0 * np.eye(len(sizes))[label] + noise, label


def test_weights_are_those_of_the_definition():
    x, _ = blobs()
    distance = cdist(x, x)
    order = np.argsort(distance, axis=1)
    sigma = np.sort(distance, axis=1)[:, 7]
    expected = np.zeros_like(distance)
    for i in range(len(x)):
        for j in order[i, 1:11]:
            w = max(np.exp(-(distance[i, j] ** 2) / (sigma[i] * sigma[j])), 1e-6)
            expected[i, j] = expected[j, i] = w
    np.testing.assert_allclose(neighbor_weights(x, n_neighbors=10).toarray(), expected, atol=1e-12)


def test_normalized_weights_have_eigenvalues_within_one():
    x, _ = blobs()
    s = normalize(neighbor_weights(x)).toarray()
    np.testing.assert_allclose(s, s.T)
    values = np.linalg.eigvalsh(s)
    assert values[0] >= -1 - 1e-9
    assert values[-1] == pytest.approx(1)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_fewer_items_than_neighbours(n):
    weights = neighbor_weights(np.arange(n, dtype=float)[:, None])
    assert weights.shape == (n, n)
    assert (weights.toarray() > 0).sum() == n * (n - 1)


def test_copies_are_neighbours_of_each_other():
    weights = neighbor_weights(np.repeat([[0.0], [1.0], [5.0]], 12, axis=0)).toarray()
    assert np.isfinite(weights).all()
    assert weights[:12, 12:].max() <= 1e-6 < weights[:12, :12].max()


@pytest.mark.parametrize("alpha", [0.5, 0.9])
def test_spread_is_the_resolvent(alpha):
    x, _ = blobs()
    s = normalize(neighbor_weights(x))
    mass = np.random.default_rng(0).random((60, 3))
    resolvent = (1 - alpha) * np.linalg.inv(np.eye(60) - alpha * s.toarray())
    expected = resolvent @ mass
    np.testing.assert_allclose(spread(s, mass, alpha=alpha), expected, atol=2e-3 * expected.max())
    guess = expected + 0.01
    np.testing.assert_allclose(spread(s, mass, alpha=alpha, start=guess), expected, atol=2e-3 * expected.max())
    # Random signs: the standard error of 48 probes.
    own = own_mass(s, alpha=alpha, rng=np.random.default_rng(0))
    error = np.sqrt(2 * ((resolvent**2).sum(axis=1) - np.diag(resolvent) ** 2) / 48)
    assert (np.abs(own - np.diag(resolvent)) < 5 * error + 1e-2).all()


def test_communities_of_separate_blobs_are_the_blobs():
    x, label = blobs()
    found = communities(neighbor_weights(x))
    for community in np.unique(found):
        assert len(set(label[found == community])) == 1  # never across a gap
    assert (np.diff(np.bincount(found)) <= 0).all()  # largest first


def test_communities_and_parts_follow_from_the_graph_alone():
    w = neighbor_weights(np.random.default_rng(0).random((300, 3)))
    first = communities(w)
    finer = parts(w, first)
    for _ in range(20):
        np.testing.assert_array_equal(communities(w), first)
        np.testing.assert_array_equal(parts(w, first), finer)


def test_link_ratio_is_observed_over_expected():
    x, label = blobs()
    w = neighbor_weights(x).toarray()
    expected = np.array([[w[np.ix_(label == a, label == b)].sum() for b in range(3)] for a in range(3)])
    total = expected.sum(axis=1)
    expected = expected / np.outer(total, total) * total.sum()
    np.testing.assert_allclose(link_ratio(link_weights(neighbor_weights(x), label, 3)), expected)


def test_neighborhood():
    x, label = blobs()
    near = neighborhood(x, seed=0)
    np.testing.assert_allclose(near.membership.sum(axis=1), 1)
    assert len(set(near.medoid.tolist())) == near.membership.shape[1]
    np.testing.assert_array_equal(near.membership[near.medoid].argmax(axis=1), np.arange(len(near.medoid)))
    np.testing.assert_array_equal(label[near.medoid][near.membership.argmax(axis=1)], label)
