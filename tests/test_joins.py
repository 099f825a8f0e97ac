"""Joins: what votes on pairs say of two classes, each without its own say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.communities import neighborhood
from pal.joins import Link, Said, by_pairs, by_votes, join, merge_prior, of_one, one_at_most, prior_to_ask

LARGE = np.full(3, 100.0)
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


def odds_of(n_yes, n_no, *, size=LARGE, error=0.003, clash=True):
    """Log-odds that classes 0 and 1 are one, by careful people's votes on different pairs."""
    yes, no = (np.log(1 - error), np.log(error)), (np.log(error), np.log(1 - error))
    n = n_yes + n_no
    said = by_pairs(*ends(n), *votes(*[yes] * n_yes, *[no] * n_no), np.zeros(n))
    return said.link(np.ones(n, dtype=bool), size, clash=clash).odds[0, 1]


@given(st.integers(1, 6), st.integers(1, 6))
def test_who_contradicts_themselves_about_two_classes_may_confuse_them(n_yes, n_no):
    """The second mistake between two classes is no surprise after the first; agreement says as much as ever."""
    both, single = odds_of(n_yes, n_no), odds_of(1, 0)
    assert abs(both) <= abs(n_yes - n_no) * single + 1e-9
    assert both * (n_yes - n_no) >= 0
    assert both == pytest.approx(-odds_of(n_no, n_yes))
    assert odds_of(n_yes + 1, n_no) > both
    assert odds_of(n_yes, 0) == pytest.approx(n_yes * single)
    assert odds_of(n_yes, n_no, clash=False) == pytest.approx((n_yes - n_no) * single)
    of_one_item = odds_of(n_yes, n_no, size=np.array([100.0, 1.0, 100.0]))
    assert of_one_item == pytest.approx((n_yes - n_no) * single), "a single item is no class"


def test_two_slips_do_not_outweigh_a_no():
    assert odds_of(2, 1) < 2.0 < odds_of(2, 0)
    assert odds_of(6, 1) > 3.0


def test_it_does_not_matter_in_which_order_parts_are_joined():
    """A class in two parts, of which one was denied another class and one was found alike: one of the two is wrong."""
    link = np.array([[0.0, 20.0, -6.0], [20.0, 0.0, 11.0], [-6.0, 11.0, 0.0]])
    against, plain = np.maximum(-link, 0.0), np.abs(np.sign(link)) * np.array([1.0, 1.0, 2.0])
    parts = Link(link, np.zeros((3, 3)), against, np.maximum(plain, plain.T), np.full((3, 3), 50.0), True)
    label = join(parts, np.full((3, 3), 0.02) * (1 - np.eye(3)), np.full(3, 50.0), margin=2.2)
    np.testing.assert_array_equal(label, [0, 0, 1])


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
    link, _ = by_votes(alone, np.vstack([one, other]), *votes(YES, YES), 0.2, LARGE, clash=False)
    assert link.told[0, 1] > link.felt[0, 1] > 0
    assert link.odds[0, 1] == pytest.approx(link.told[0, 1] + link.felt[0, 1])


@given(st.integers(2, 8), st.integers(0, 1000))
def test_a_class_is_one_with_one_of_several_that_differ(n, seed):
    odds = np.random.default_rng(seed).normal(0.0, 8.0, (n, n))
    odds[1:, 1:] = -np.inf  # all but the first are apart
    odds[1:, 0] = odds[0, 1:]
    one = one_at_most(odds)
    np.testing.assert_allclose(one, one.T)
    np.testing.assert_allclose(one[0].sum(), 1.0 / (1.0 + 1.0 / np.exp(odds[0, 1:]).sum()), rtol=1e-4)
    assert (np.diag(one) == 0.0).all()


def test_features_alone_do_not_outweigh_an_answer():
    """What was denied one of two classes, and may be of the other, hardly speaks against a person who joined these."""

    def odds(told, felt, against=0.0, *, clash=False):
        table = [np.full((2, 2), float(value)) for value in (told, felt, against, 1.0, 50.0)]
        return Link(*table, clash).odds[0, 1]

    assert odds(3.5, -10.0) > 2.5
    assert odds(3.5, 2.0) == pytest.approx(5.5)
    assert odds(0.0, -10.0) == pytest.approx(-10.0), "where nobody answered, features are all there is"
    assert odds(3.5, -10.0, against=3.5) < 0, "nor where another answer speaks against it"
    assert odds(3.5, -10.0, clash=True) < 0, "or some are wrong for sure"


def test_many_alike_across_two_classes_speak_for_one_another():
    """Five people who find members of two classes alike aren't wrong five times; one of them may be."""
    prior = 0.02 * (1.0 - np.eye(3))

    def same(*said):
        one, other = ends(len(said))
        pairs = by_pairs(one, other, *votes(*said), np.zeros(len(said)))
        return of_one(one, other, prior, pairs.link(np.ones(len(pairs.one), dtype=bool), LARGE, clash=True), pairs)

    np.testing.assert_allclose(same(YES), 0.02)  # a single one has nothing but the prior beside it
    assert (same(*[YES] * 5) > 0.99).all()
    assert (same(*[NO] * 5) < 0.001).all()


def test_classes_that_are_known_to_differ_stay_so():
    one, other = ends(3)
    pairs = by_pairs(one, other, *votes(YES, YES, YES), np.zeros(3))
    link = pairs.link(np.ones(len(pairs.one), dtype=bool), LARGE, clash=True)
    np.testing.assert_allclose(of_one(one, other, np.zeros((3, 3)), link, pairs), 0.0)


def test_no_votes_say_nothing():
    none = np.zeros((0, 3))
    said = by_pairs(none, none, np.zeros(0), np.zeros(0), np.zeros(0))
    assert isinstance(said, Said)
    assert (said.total(3) == 0).all()


@pytest.fixture(scope="module")
def clumps():
    """Neighbourhood of eight clumps far apart, no links between any two, each a class."""
    rng = np.random.default_rng(0)
    near = neighborhood(20.0 * np.eye(8).repeat(150, axis=0) + 0.1 * rng.standard_normal((1200, 8)))
    assert len(near.medoid) == 8
    return near, np.eye(8)[near.parent]


def linked(n, yes=(), no=()):
    """Log-odds by the votes, of pairs of n classes."""
    link = np.zeros((n, n))
    for pairs, odds in ((yes, 3.0), (no, -3.0)):
        for a, b in pairs:
            link[a, b] = link[b, a] = odds
    return link


def to_ask(clumps, yes=(), no=(), joined=0):
    """Prior of the pair of classes 6 and 7, of which nothing was said, after answers on others."""
    near, part = clumps
    group = np.where(np.arange(8) <= joined, 0, np.arange(8))
    prior = prior_to_ask(near, part, linked(8, yes, no), group)
    assert (prior >= 0).all()
    assert (prior < 1).all()
    np.testing.assert_allclose(prior, prior.T)
    np.testing.assert_array_equal(np.diag(prior), 0.0)
    return prior[6, 7]


NO_ONE = [(a, b) for a in range(6) for b in range(a)]


def test_a_dozen_answers_say_that_what_no_links_join_is_not_one(clumps):
    before, after = to_ask(clumps), to_ask(clumps, no=NO_ONE)
    assert after < 0.15 * before
    # By one rate for all, as in what is believed, they hardly would.
    near, part = clumps
    believed = [merge_prior(near, part, linked(8, no=no), given=0)[6, 7] for no in ((), NO_ONE)]
    assert believed[1] > 0.5 * believed[0]


def test_where_classes_are_one_without_links_any_two_are_asked_about(clumps):
    assert to_ask(clumps, yes=[(1, 0), (3, 2)]) > 0.2
    # Joined already, they are two no more, and say the same.
    assert to_ask(clumps, joined=2) > 0.2
    assert to_ask(clumps, yes=[(1, 0)], no=NO_ONE[4:]) < to_ask(clumps, yes=[(1, 0)])


def test_what_links_foretell_wrongly_is_not_foretold_for_ever():
    """Of clumps in a row, each linked to the next, none is the class of another."""
    rng = np.random.default_rng(1)
    near = neighborhood(
        (np.repeat(np.arange(8), 40) + 0.28 * rng.standard_normal(320))[:, None] * np.array([[1.0, 0.0]])
    )
    c = len(near.medoid)
    part = np.eye(c)[near.parent]
    plain = prior_to_ask(near, part, linked(c), np.arange(c))
    (a, b), *others = (np.divmod(pair, c) for pair in np.argsort(-np.triu(plain, 1), axis=None)[:6])
    assert prior_to_ask(near, part, linked(c, no=others), np.arange(c))[a, b] < 0.6 * plain[a, b]
