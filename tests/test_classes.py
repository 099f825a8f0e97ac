"""Classes: parts move with the items at their heart, joins keep known classes apart, lost parts open a class."""

from types import SimpleNamespace

import numpy as np
import pytest

from pal.answers import Answers, Question
from pal.classes import judge_parts, new_class_prior, start
from pal.communities import neighborhood
from pal.joins import Link, Made, join, made, merge_prior
from pal.knowledge import known
from pal.learner import prepare
from pal.posterior import believe


@pytest.fixture(scope="module")
def near():
    x = 6.0 * np.repeat(np.eye(3), 20, axis=0) + np.random.default_rng(0).standard_normal((60, 3)) * 0.5
    return neighborhood(x)


def test_each_community_is_a_class_to_begin_with_and_known_items_take_theirs(near):
    nothing = np.zeros(0, dtype=np.int64)
    free = start(near, nothing, nothing, nothing, n_known=0, closed=False)
    assert sorted(free.anchor) == sorted(near.medoid)
    known_item = np.array([5])
    with_one = start(near, known_item, known_item, np.zeros(1, dtype=np.int64), n_known=1, closed=False)
    assert with_one.anchor[0] == 5
    assert len(with_one.anchor) == len(free.anchor)


def test_a_community_whose_medoid_is_surely_of_a_class_is_of_that_class(near):
    given, medoid = near.medoid[:1] + 1, near.medoid[1]
    given = given if given[0] not in near.medoid else given + 1
    item = np.sort(np.append(given, medoid))
    for sure, n_classes in ((0, len(near.medoid) - 1), (-1, len(near.medoid))):
        of_medoid = np.where(item == medoid, sure, -1)
        classes = start(near, item, given, of_medoid, n_known=0, closed=False)
        assert len(classes.anchor) == n_classes
        assert (classes.inherited[near.part[medoid]] == 0) == (sure == 0)


def told_of(near, item, c, likely):
    """Log-likelihoods of a plain answer that each item is of a class, and of none."""
    told = np.full((len(item), c), -4.0)
    told[np.arange(len(item)), likely] = 0.0
    return told, np.full(len(item), -4.0)


def test_a_part_follows_the_items_at_its_heart(near):
    item = np.argsort(-near.membership[:, 0])[1:3]
    classes = start(near, item, np.zeros(0, dtype=np.int64), np.full(len(item), -1), n_known=0, closed=False)
    c = len(classes.anchor)
    other = (classes.inherited[0] + 1) % c
    unasked = start(near, item[:0], np.zeros(0, dtype=np.int64), item[:0], n_known=0, closed=False)
    before = judge_parts(near, unasked, item[:0], np.zeros((0, c)), np.zeros(0))
    np.testing.assert_array_equal(before.belief.argmax(axis=1), classes.inherited)
    after = judge_parts(near, classes, item, *told_of(near, item, c, other))
    np.testing.assert_allclose(after.belief.sum(axis=1), 1.0)
    assert after.belief[0, other] > 0.5 > before.belief[0, other]
    np.testing.assert_array_equal(after.belief[1:].argmax(axis=1), classes.inherited[1:])


def test_a_part_whose_items_are_of_no_class_is_new(near):
    item = np.argsort(-near.membership[:, 0])[1:4]
    classes = start(near, item, np.zeros(0, dtype=np.int64), np.full(len(item), -1), n_known=0, closed=False)
    c = len(classes.anchor)
    nothing_fits = judge_parts(near, classes, item, np.full((len(item), c), -4.0), np.zeros(len(item)))
    assert nothing_fits.new[0] > 0
    assert (nothing_fits.new[1:] < 0).all()
    fits = judge_parts(near, classes, item, *told_of(near, item, c, classes.inherited[0]))
    assert (fits.new < 0).all()
    assert fits.unseen[0] == nothing_fits.unseen[0] == 0.0  # somebody was asked
    assert (fits.unseen[1:] > 0.0).all()


def test_parts_that_left_their_communities_make_others_doubted():
    near = neighborhood(np.random.default_rng(0).random((400, 3)))
    split = [k for k in range(len(near.parent)) if near.part[near.medoid][near.parent[k]] != k]
    assert len(split) >= 2
    hearts = np.array([int(near.membership[:, k].argmax()) for k in split])
    item = np.sort(hearts[:-1])
    classes = start(near, item, np.zeros(0, dtype=np.int64), np.full(len(item), -1), n_known=0, closed=False)
    c, last = len(classes.anchor), split[-1]
    home = classes.inherited[near.part[item]]
    stayed = judge_parts(near, classes, item, *told_of(near, item, c, home))
    left = judge_parts(near, classes, item, *told_of(near, item, c, (home + 1) % c))
    assert left.belief[last, classes.inherited[last]] < stayed.belief[last, classes.inherited[last]]


def test_known_classes_are_never_joined():
    near = SimpleNamespace(between=np.ones((4, 4)))
    prior = merge_prior(near, np.eye(4), np.zeros((4, 4)), given=2)
    link = np.full((4, 4), 50.0)
    label = join(Link(link, link, 0.0 * link, 0.0 * link, np.ones((4, 4)), False), prior, np.ones(4), margin=0.0)
    assert label[0] != label[1]
    assert len(np.unique(label)) == 2


def test_communities_without_a_link_are_apart_the_more_surely_the_larger_they_are():
    near = SimpleNamespace(between=np.diag([160.0, 160.0, 10.0, 10.0]))  # links within communities alone
    prior = merge_prior(near, np.eye(4), np.zeros((4, 4)), given=0)
    assert prior[0, 1] < prior[0, 2] < prior[2, 3]


def test_joins_made_before_make_others_worth_asking_about(near):
    k = len(near.parent)
    apart, one = np.eye(k), np.ones((k, k)) / k
    assert made(near, apart) == Made(0.0, 0.0)
    found = made(near, one)
    assert found.joins == len(near.medoid) - 1  # that many make one class of all
    assert 0 < found.expected < found.joins
    link = np.zeros((k, k))
    prior, after = (merge_prior(near, apart, link, given=0, before=b) for b in (Made(0.0, 0.0), found))
    off = ~np.eye(k, dtype=bool)
    assert (after[off] > prior[off]).all()


def test_new_classes_are_expected_as_often_as_they_were_found():
    assert new_class_prior(0, 0) > new_class_prior(0, 50)
    assert new_class_prior(30, 0) > new_class_prior(0, 0)


def test_a_class_within_a_community_is_found():
    """Two classes that the features hardly part: asking tells them apart, and there are two of them afterwards."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(4), 25)
    centre = np.array([[0.0, 0.0], [2.2, 0.0], [20.0, 0.0], [0.0, 20.0]])
    x = centre[y] + rng.standard_normal((100, 2)) * 0.5
    answers = Answers.empty()
    for template in (0, 25):
        items = np.setdiff1d(rng.choice(50, 30, replace=False), [template])
        answers += Answers.of(Question(template, items), np.where(y[items] == y[template], 1, -1))
    beliefs = believe(prepare(x).near, known(100, answers))
    assert (beliefs.label[:50] == beliefs.label[0])[y[:50] == 0].mean() > 0.9
    assert (beliefs.label[:50] == beliefs.label[25])[y[:50] == 1].mean() > 0.9
    assert beliefs.label[0] != beliefs.label[25]
