"""Joins: what votes on pairs say of two classes, each without its own say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.joins import Link, Said, by_pairs, by_votes, of_one

YES, NO = (np.log(0.95), np.log(0.05)), (np.log(0.05), np.log(0.95))


def votes(*said):
    return tuple(np.array([vote[k] for vote in said]) for k in (0, 1))


def ends(n, c=3):
    """``n`` pairs, each of an item surely of class 0 and one surely of class 1."""
    return np.tile(np.eye(c)[0], (n, 1)), np.tile(np.eye(c)[1], (n, 1))


def test_votes_between_sure_items_are_the_likelihood_ratio():
    one, other = ends(2)
    said = by_pairs(one, other, *votes(YES, NO), np.zeros(2))
    np.testing.assert_allclose(said.total(3)[0, 1], 0.0, atol=1e-9)
    alone = by_pairs(one[:1], other[:1], *votes(YES), np.zeros(1)).total(3)
    np.testing.assert_allclose(alone[0, 1], np.log(0.95 / 0.05))
    np.testing.assert_allclose(alone, alone.T)


@given(st.integers(0, 2**32 - 1))
def test_a_surprise_takes_from_what_votes_say(seed):
    rng = np.random.default_rng(seed)
    one, other = rng.dirichlet(np.ones(3), 5), rng.dirichlet(np.ones(3), 5)
    said = votes(*[YES if rng.random() < 0.5 else NO for _ in range(5)])
    plain, doubted = (np.abs(by_pairs(one, other, *said, np.full(5, s)).log_odds) for s in (0.0, 0.4))
    assert (doubted <= plain + 1e-12).all()


def test_what_other_answers_make_sure_of_is_told_and_the_rest_felt():
    one, other = ends(2)
    alone = np.vstack([one, other])
    alone[[1, 3]] = 1.0 / 3.0  # of the second pair only features say
    link, _ = by_votes(alone, np.vstack([one, other]), *votes(YES, YES), 0.2)
    assert link.told[0, 1] > link.felt[0, 1] > 0
    assert link.odds[0, 1] == pytest.approx(link.told[0, 1] + link.felt[0, 1])


def test_many_alike_across_two_classes_speak_for_one_another():
    """Five people who find members of two classes alike aren't wrong five times; one of them may be."""
    prior = 0.02 * (1.0 - np.eye(3))

    def same(*said):
        one, other = ends(len(said))
        pairs = by_pairs(one, other, *votes(*said), np.zeros(len(said)))
        return of_one(one, other, prior, Link(pairs.total(3), np.zeros((3, 3))), pairs)

    np.testing.assert_allclose(same(YES), 0.02)  # a single one has nothing but the prior beside it
    assert (same(*[YES] * 5) > 0.99).all()
    assert (same(*[NO] * 5) < 0.001).all()


def test_classes_that_are_known_to_differ_stay_so():
    one, other = ends(3)
    pairs = by_pairs(one, other, *votes(YES, YES, YES), np.zeros(3))
    link = Link(pairs.total(3), np.zeros((3, 3)))
    np.testing.assert_allclose(of_one(one, other, np.zeros((3, 3)), link, pairs), 0.0)


def test_no_votes_say_nothing():
    none = np.zeros((0, 3))
    said = by_pairs(none, none, np.zeros(0), np.zeros(0), np.zeros(0))
    assert isinstance(said, Said)
    assert (said.total(3) == 0).all()
