"""Kernel ridge regression: its leave-one-out scores are those of refitting without each item."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pal.ridge import hat, left_out, ridge_features, scores


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100), n_asked=st.integers(2, 25))
def test_left_out_equals_refitting_without_the_item(seed, n_asked):
    rng = np.random.default_rng(seed)
    features = ridge_features(rng.standard_normal((30, 4)), rng=rng)
    asked = rng.choice(30, n_asked, replace=False)
    belief = rng.dirichlet(np.ones(3), n_asked)
    found = left_out(hat(features, asked), belief)
    for k in range(n_asked):
        others = np.delete(np.arange(n_asked), k)
        refitted = scores(hat(features, asked[others]), features, belief[others])[asked[k]]
        np.testing.assert_allclose(found[k], refitted, atol=1e-5)


def test_separate_clusters_are_told_apart_from_one_item_each():
    rng = np.random.default_rng(0)
    x = np.repeat(10.0 * np.eye(3), 20, axis=0) + rng.standard_normal((60, 3))
    features = ridge_features(x, rng=rng)
    label = scores(hat(features, np.array([0, 20, 40])), features, np.eye(3)).argmax(axis=1)
    np.testing.assert_array_equal(label, np.repeat(np.arange(3), 20))


def test_identical_items_have_one_feature():
    features = ridge_features(np.ones((5, 2)), rng=np.random.default_rng(0))
    assert np.isfinite(features).all()
    np.testing.assert_allclose(features, features[0][None].repeat(5, axis=0))
