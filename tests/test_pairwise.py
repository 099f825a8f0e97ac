"""Pairs of classes: left out is as refitted, opinions are distributions, and rings are told apart from a few items."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from pal import pairwise
from pal.pairwise import PENALTIES, Kept, among_asked, duels, on_all, smooth_features
from pal.ridge import hat, ridge_features, scores


def of(features, items, kept=None, penalties=PENALTIES):
    return duels(features, items, name=items, kept=kept or Kept(), penalties=penalties)


def alone(penalty):
    """Weights that hear one penalty."""
    return np.eye(len(PENALTIES))[penalty]


def rings(n_items, rng):
    """Four rings of radius 1 to 4, as in the paper."""
    y, angle = rng.integers(0, 4, n_items), rng.uniform(0.0, 2.0 * np.pi, n_items)
    x = (y + 1)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + 0.1 * rng.standard_normal(x.shape), y


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100), n_asked=st.integers(9, 25), penalty=st.sampled_from(range(len(PENALTIES))))
def test_left_out_equals_refitting_without_the_item(seed, n_asked, penalty):
    rng = np.random.default_rng(seed)
    features = smooth_features(rng.standard_normal((30, 4)), rng=rng)
    asked = rng.choice(30, n_asked, replace=False)
    belief = np.eye(3)[np.arange(n_asked) % 3]
    belief[::4] = 0.5 * belief[::4] + [0.25, 0.25, 0.0]
    found = among_asked(of(features, asked), belief)[penalty]
    for k in range(n_asked):
        others = np.delete(np.arange(n_asked), k)
        refitted = on_all(of(features, asked[others]), features, belief[others], alone(penalty))[asked[k]]
        np.testing.assert_allclose(found[k], refitted, atol=2e-3)


def test_rings_are_told_apart_by_a_few_items_and_not_by_indicators():
    rng = np.random.default_rng(0)
    x, y = rings(300, rng)
    few = np.concatenate([np.flatnonzero(y == c)[:6] for c in range(4)])
    told = np.eye(4)[y[few]]
    smooth, narrow = smooth_features(x, rng=rng), ridge_features(x, rng=rng)
    right = (on_all(of(smooth, few), smooth, told, alone(0)).argmax(axis=1) == y).mean()
    masked = (scores(hat(narrow, few), narrow, told).argmax(axis=1) == y).mean()
    assert right > 0.9
    assert masked < 0.8


def test_differences_of_scores_are_coupled_to_their_softmax():
    score = np.random.default_rng(0).uniform(0.0, 0.9, (20, 4))
    one, other = np.tril_indices(4, -1)
    found = pairwise._coupled(score[:, one] - score[:, other], one, other, 4)
    np.testing.assert_allclose(found, softmax(pairwise._SHARP * score, axis=1))


def test_nothing_is_said_of_a_class_of_which_nothing_was_found():
    rng = np.random.default_rng(0)
    features = smooth_features(rng.standard_normal((40, 3)), rng=rng)
    belief = np.append(np.eye(2)[np.arange(12) % 2], np.zeros((12, 1)), axis=1)
    opinion = on_all(of(features, np.arange(12)), features, belief, alone(0))
    two = opinion[:, :2]
    np.testing.assert_allclose(opinion.sum(axis=1), 1.0)
    np.testing.assert_allclose(opinion[:, 2], np.sqrt(two.prod(axis=1)))


@pytest.mark.parametrize("n_classes", [0, 1, pairwise.MANY + 1])
def test_without_pairs_every_class_is_as_probable(n_classes):
    features = smooth_features(np.random.default_rng(0).standard_normal((40, 3)), rng=np.random.default_rng(0))
    belief = np.eye(n_classes)[np.arange(10) % max(n_classes, 1)] if n_classes else np.zeros((10, 0))
    for opinion in (
        *among_asked(of(features, np.arange(10)), belief),
        on_all(of(features, np.arange(10)), features, belief, np.array([0.25, 0.75])),
    ):
        np.testing.assert_allclose(opinion, 1.0 / max(n_classes, 1))


def test_what_was_kept_changes_nothing():
    rng = np.random.default_rng(0)
    x, y = rings(150, rng)
    features, kept = smooth_features(x, rng=rng), Kept()
    for n in (20, 40, 60):
        asked = np.sort(rng.permutation(150)[:n])
        belief = np.eye(4)[y[asked]]
        found = [among_asked(of(features, asked, one), belief) for one in (kept, kept, None)]
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_array_equal(found[0], found[2])


def test_identical_items_are_of_any_class():
    features = smooth_features(np.ones((6, 2)), rng=np.random.default_rng(0))
    np.testing.assert_allclose(
        on_all(of(features, np.arange(4)), features, np.eye(2)[[0, 1, 0, 1]], alone(0)), 0.5, atol=1e-6
    )


def test_a_larger_penalty_tells_slabs_apart_and_a_smaller_one_rings():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((600, 8))
    along = x @ rng.standard_normal(8)
    rings_x, rings_y = rings(600, rng)
    for of_set, y, n_asked, best in (
        (x, np.digitize(along, np.quantile(along, [0.25, 0.5, 0.75])), 120, 1),
        (rings_x, rings_y, 40, 0),
    ):
        features = smooth_features(of_set, rng=rng)
        asked = np.sort(rng.permutation(600)[:n_asked])
        told = np.eye(4)[y[asked]]
        right = [
            (on_all(of(features, asked), features, told, alone(e)).argmax(axis=1) == y).mean()
            for e in range(len(PENALTIES))
        ]
        assert right[best] > right[1 - best] + 0.05


def test_opinions_on_all_are_summed_by_weight():
    rng = np.random.default_rng(0)
    x, y = rings(80, rng)
    features, asked = smooth_features(x, rng=rng), np.arange(0, 80, 4)
    given_ = of(features, asked)
    each = [on_all(given_, features, np.eye(4)[y[asked]], alone(e)) for e in range(2)]
    both = on_all(given_, features, np.eye(4)[y[asked]], np.array([0.5, 0.2]))
    np.testing.assert_allclose(both, 0.5 * each[0] + 0.2 * each[1])


def test_fits_kept_of_fewer_penalties_are_made_anew_when_all_are_heard_again():
    rng, kept = np.random.default_rng(0), Kept()
    x, y = rings(60, rng)
    features, asked = smooth_features(x, rng=rng), np.arange(0, 60, 4)
    belief = np.eye(4)[y[asked]]
    fewer = among_asked(of(features, asked, kept, PENALTIES[:1]), belief)
    all_of_them = among_asked(of(features, asked, kept), belief)
    assert [len(fewer), len(all_of_them)] == [1, len(PENALTIES)]
    np.testing.assert_allclose(fewer[0], all_of_them[0], atol=1e-9)
