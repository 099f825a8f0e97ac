"""Oracles that look at distances: pruning, hierarchical, coverage, super-instances, neighbours, and their k-means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from pal.oracles import ORACLES
from pal.oracles.askable import believed
from pal.oracles.clusters import k_means, nearest
from pal.oracles.coverage import typicality
from pal.oracles.hierarchical import coarse_probability, hierarchical
from pal.oracles.pruning import cosine_distance
from pal.oracles.super_instances import refine


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 6))
def test_nearest_by_brute_force(seed, n, c):
    rng = np.random.default_rng(seed)
    z, centres = rng.standard_normal((n, 3)), rng.standard_normal((c, 3))
    index, squared = nearest(z, centres)
    distance = cdist(z, centres, "sqeuclidean")
    np.testing.assert_allclose(distance[np.arange(n), index], distance.min(axis=1), atol=1e-9)
    np.testing.assert_allclose(squared, distance.min(axis=1), atol=1e-9)


def test_k_means_finds_blobs_and_beats_its_seeds():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), 30)
    z = 10.0 * np.eye(4)[truth] + rng.standard_normal((120, 4))
    centres, cluster = k_means(z, 4, rng=rng)
    assert all(len(np.unique(cluster[truth == c])) == 1 for c in range(4))
    np.testing.assert_allclose(centres[cluster[0]], z[:30].mean(axis=0))
    seeds, _ = k_means(z, 7, rng=np.random.default_rng(1), n_steps=0)
    better, _ = k_means(z, 7, rng=np.random.default_rng(1))
    assert nearest(z, better)[1].sum() < nearest(z, seeds)[1].sum()


def test_k_means_bears_copies_and_many_clusters():
    centres, cluster = k_means(np.zeros((5, 2)), 9, rng=np.random.default_rng(0))
    assert (len(centres), set(cluster.tolist())) == (5, {0})


def test_pruning_asks_easy_items_first_and_hard_ones_later(make_state):
    angle = np.linspace(0.0, 0.5, 40)
    z = np.column_stack([np.cos(angle), np.sin(angle)])
    z = np.vstack([z, -z])
    probability = np.repeat(np.eye(2), 40, axis=0)
    few = make_state(z, probability, [0, 40])
    many = make_state(
        z, probability, [0, 40], answers=[(0, [*range(20, 32)], [1] * 12), (40, [*range(60, 72)], [1] * 12)]
    )
    centre = np.cos(angle).mean(), np.sin(angle).mean()
    off = np.abs(angle - np.arctan2(centre[1], centre[0]))
    (easy,) = ORACLES["pruning"](few)
    (hard,) = ORACLES["pruning"](many)
    assert off[easy.items % 40].max() < 0.05
    assert off[hard.items % 40].min() > 0.15


def test_cosine_distance():
    z, centre = np.array([[1.0, 0], [0, 2], [-3, 0], [0, 0]]), np.tile([2.0, 0], (4, 1))
    np.testing.assert_allclose(cosine_distance(z, centre), [0, 1, 2, 1])


def test_hierarchical_is_coarse_until_confident(make_state):
    """Parents {0, 1} and {2, 3}: item 4 is doubtful between classes, item 5 between parents."""
    doubtful = [[0.5, 0.5, 0, 0], [0.5, 0, 0.5, 0]]
    parents = {0: "a", 1: "a", 2: "b", 3: "b"}
    state = make_state(np.zeros((6, 2)), np.vstack([np.eye(4), doubtful]), [0, 1, 2, 3], page_size=1)
    askable = believed(state)
    coarse = coarse_probability(askable, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(coarse[4:], [[1, 0], [0.5, 0.5]], atol=1e-6)
    (page,) = hierarchical(state, parents=parents, confident=0.8)
    assert page.items.tolist() == [5]
    clear = [[0.4, 0.3, 0.3, 0], [0.99, 0.01, 0, 0], [0.98, 0.02, 0, 0]]
    fine = make_state(np.zeros((7, 2)), np.vstack([np.eye(4), clear]), [0, 1, 2, 3], page_size=1)
    assert hierarchical(fine, parents=parents, confident=0.8)[0].items.tolist() == [4]
    with_doubt = hierarchical(fine, parents={0: "a", 1: "b", 2: "b", 3: "b"}, confident=1.0)
    assert with_doubt[0].template in (1, 2)  # parent b has .6 of item 4, though class 0 is its likeliest


def test_typicality_by_brute_force():
    z = np.random.default_rng(0).standard_normal((60, 3))
    distance = np.sort(cdist(z, z), axis=1)[:, :21]
    np.testing.assert_allclose(
        typicality(z, rng=np.random.default_rng(0)), 1 / (distance.mean(axis=1) + 1e-12), rtol=1e-5
    )


def test_typiclust_starts_in_the_largest_cluster(make_state):
    rng = np.random.default_rng(0)
    sizes = [40, 15, 5]
    truth = np.repeat(np.arange(3), sizes)
    z = 20.0 * np.eye(3)[truth] + rng.standard_normal((60, 3))
    state = make_state(z, np.eye(3)[truth], [0, 40, 55], page_size=3)
    (page,) = ORACLES["typiclust"](state)
    assert (truth[page.items] == 0).all()


def test_max_herding_is_greedy_coverage(make_state):
    """One class: the page is what greedy coverage would choose, by brute force over all items."""
    z = np.random.default_rng(0).standard_normal((30, 2))
    (page,) = ORACLES["max-herding"](make_state(z, np.ones((30, 1)), [0], page_size=4, answers=[(0, [1], [-1])]))
    squared = cdist(z, z, "sqeuclidean")
    kernel = np.exp(-squared / np.median(squared))
    covered, expected = kernel[[0, 1]].max(axis=0), []
    for _ in range(4):
        gain = np.maximum(kernel - covered, 0.0).sum(axis=1)
        gain[[0, 1, *expected]] = -1.0
        expected.append(int(gain.argmax()))
        covered = np.maximum(covered, kernel[expected[-1]])
    assert page.items.tolist() == expected


@pytest.mark.parametrize("n_open", [1, 5, 100])
def test_super_instances_split_what_is_impure(make_state, n_open):
    z = np.random.default_rng(0).standard_normal((30, 2))
    answers = [(0, [1, 2, 3, 4], [1, 1, -1, -1]), (3, [4], [1])]
    state = make_state(z, np.full((30, 2), 0.5), [0, 3], answers=answers)
    askable = believed(state)
    leaves = refine(z, askable, n_open=n_open, rng=np.random.default_rng(0))
    assert sorted(np.concatenate(leaves).tolist()) == list(range(30))
    for leaf in leaves:
        known = askable.label[leaf][askable.label[leaf] >= 0]
        assert len(np.unique(known)) <= 1 or not askable.any_open[leaf].any()
    unsettled = sum((askable.label[leaf] < 0).all() for leaf in leaves)
    assert unsettled >= min(n_open, 20)


def test_super_instances_ask_a_medoid(make_state):
    """Two far blobs, one settled: the item nearest the other's centre is asked first."""
    rng = np.random.default_rng(1)
    z = np.vstack([rng.standard_normal((10, 2)), 50 + rng.standard_normal((15, 2))])
    state = make_state(z, np.ones((25, 1)), [0], answers=[(0, [1], [1])], page_size=1)
    (page,) = ORACLES["super-instances"](state)
    centre = z[10:].mean(axis=0)
    assert page.items.tolist() == [10 + int(np.linalg.norm(z[10:] - centre, axis=1).argmin())]


def test_neighbours_are_the_nearest(make_state):
    z = np.random.default_rng(0).standard_normal((40, 3))
    (page,) = ORACLES["neighbours"](make_state(z, np.ones((40, 1)), [0]))
    order = np.argsort(np.linalg.norm(z - z[page.template], axis=1))
    assert page.items.tolist() == order[1:6].tolist()
