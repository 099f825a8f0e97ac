"""Experts: mixtures of distributions, weighed by how well they foretell the answers."""

import numpy as np
import pytest

from pal.communities import neighborhood
from pal.experts import among, by_field, everywhere, prior_weights, seeds, sharpness, weigh


@pytest.fixture(scope="module")
def near():
    return neighborhood(np.random.default_rng(0).standard_normal((40, 3)))


def test_weights_and_opinions_are_distributions(near):
    given = seeds(near, np.arange(0, 40, 4))
    belief = np.eye(3)[np.arange(10) % 3]
    communal = near.membership @ np.ones((near.membership.shape[1], 3)) / 3
    prior = prior_weights(near, 3)
    assert prior.sum() == pytest.approx(1.0)
    opinions = among(given, belief, communal)
    assert len(opinions) == len(prior)
    np.testing.assert_allclose(opinions.sum(axis=2), 1.0)
    np.testing.assert_allclose(everywhere(given, belief, communal, prior).sum(axis=1), 1.0)
    assert by_field(prior, len(near.fields)).sum() == pytest.approx(1.0)


def test_an_item_is_judged_without_its_own_answers(near):
    given = seeds(near, np.arange(10))
    belief = np.eye(2)[np.arange(10) % 2]
    communal = np.full((40, 2), 0.5)
    before = among(given, belief, communal)[:, 0]
    belief[0] = belief[0, ::-1]
    np.testing.assert_allclose(among(given, belief, communal)[:, 0], before)


def test_the_expert_that_foretells_the_answers_gains_weight(near):
    given = seeds(near, np.arange(30))
    belief = np.eye(2)[np.arange(30) % 2]
    opinions = among(given, belief, np.full((40, 2), 0.5))
    prior = prior_weights(near, 2)
    best = 3
    likelihood = np.eye(2)[opinions[best].argmax(axis=1)]
    after = weigh(opinions, likelihood, prior)
    fit = (opinions * likelihood).sum(axis=2)
    assert np.log(after @ fit).sum() > np.log(prior @ fit).sum()
    assert after.sum() == pytest.approx(1.0)


def test_all_items_hear_what_the_seeds_of_others_would(near):
    """An item that was never asked is told the same by both."""
    belief = np.eye(2)[np.arange(10) % 2]
    communal = np.full((40, 2), 0.5)
    one = prior_weights(near, 2) * 0.0
    one[3] = 1.0
    outside = everywhere(seeds(near, np.arange(10)), belief, communal, one)[20]
    with_it = seeds(near, np.append(np.arange(10), 20))
    unknown = np.vstack([belief, np.zeros((1, 2))])
    np.testing.assert_allclose(among(with_it, unknown, communal)[3, 10], outside, rtol=1e-4)


def test_a_class_that_is_asked_about_more_often_is_no_larger():
    """Two clouds that overlap; in one, ten times as many items are asked about."""
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    x = rng.standard_normal((400, 60)) + np.where(y[:, None] == 1, 0.35, -0.35)
    near = neighborhood(x)
    items = np.sort(np.append(np.flatnonzero(y == 0)[:40], np.flatnonzero(y == 1)[:4]))
    carried = np.eye(len(prior_weights(near, 2)))[1]  # the neighbour graph alone
    label = everywhere(seeds(near, items), np.eye(2)[y[items]], np.full((400, 2), 0.01), carried).argmax(axis=1)
    assert (label == y).mean() > 0.8
    assert 0.35 < label.mean() < 0.65


@pytest.mark.parametrize("power", [0.6, 1.0, 2.5])
def test_sharpness_is_the_power_that_labels_were_drawn_by(power):
    rng = np.random.default_rng(0)
    opinion = rng.dirichlet(np.ones(4), 4000)
    truth = opinion**power / (opinion**power).sum(axis=1, keepdims=True)
    label = (truth.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    assert sharpness(opinion, np.eye(4)[label]) == pytest.approx(power, rel=0.15)


def test_without_answers_opinions_stay_as_they_are():
    assert sharpness(np.zeros((0, 3)), np.zeros((0, 3))) == 1.0


def test_nearly_linear_boundaries_are_left_out_where_answers_clash_and_others_weigh_as_much_together():
    near = neighborhood(np.random.default_rng(0).standard_normal((60, 5)))
    belief, communal = np.full((10, 3), 1 / 3), np.full((60, 3), 1 / 3)
    before, after = (prior_weights(near, 3, clash=clash) for clash in (False, True))
    heard = [among(seeds(near, np.arange(10), clash=clash), belief, communal) for clash in (False, True)]
    assert [len(before), len(after)] == [len(opinions) for opinions in heard]
    np.testing.assert_array_equal(np.delete(heard[0], -2, axis=0), heard[1])
    np.testing.assert_allclose([before.sum(), after.sum()], 1.0)
    np.testing.assert_allclose(before[-1], after[-1])
