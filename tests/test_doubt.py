"""Doubt: classes that mistakes alone may have parted, and what an answer lifts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from pal.answers import Answers, Question
from pal.communities import neighborhood
from pal.doubt import _by_mistake, may_be_one, reach
from pal.evidence import Rates, gather
from pal.experts import prior_weights
from pal.knowledge import known


@given(
    votes=st.lists(st.tuples(st.sampled_from([(0, 1), (0, 2), (1, 3), (2, 3), (0, 4)]), st.booleans()), max_size=5),
    miss=st.floats(0.01, 0.4),
)
def test_what_mistakes_explain_is_the_tail_of_a_binomial(votes, miss):
    said = dict(votes)
    answers = sum((Answers.of(Question(a, np.array([b])), [2 * v - 1]) for (a, b), v in said.items()), Answers.empty())
    evidence = gather(known(5, answers))
    of_class = np.array([0, 0, 1, 1, 2])
    rate = np.full(len(evidence.labeler), miss)
    found = _by_mistake(evidence, np.eye(3)[of_class[evidence.item]], Rates(rate, rate, miss))
    inside = [v for (a, b), v in said.items() if {of_class[a], of_class[b]} <= {0, 1}]
    expected = binom.sf(len(inside) - sum(inside) - 1, len(inside), miss)
    np.testing.assert_allclose(found[0, 1], expected, rtol=1e-6)
    np.testing.assert_allclose(found, found.T)


def test_few_mistakes_among_many_answers_leave_it_open_whether_classes_are_one():
    def same(n_unlike, prior):
        tiles = np.arange(2, 42)
        answers = Answers.of(Question(0, tiles[:20]), [1] * 20) + Answers.of(Question(1, tiles[20:]), [1] * 20)
        answers += Answers.of(Question(2, tiles[20 : 20 + n_unlike]), [-1] * n_unlike)
        evidence = gather(known(42, answers))
        belief = np.eye(2)[np.r_[0, 1, np.repeat([0, 1], 20)]]
        rates = Rates(np.array([0.1]), np.array([0.1]), 0.1)
        return may_be_one(evidence, belief, rates, np.full((2, 2), prior), np.full((2, 2), -9.0))[0, 1]

    assert same(4, 0.3) > 0.1  # one in ten answers is wrong anyway
    assert same(20, 0.3) < 0.001
    assert same(4, 0.01) < 0.001  # nothing else says so


def test_what_was_begun_counts_more_and_most_along_trusted_chains():
    near = neighborhood(np.random.default_rng(0).standard_normal((40, 3)))
    confidence, item, begun = np.full(40, 0.5), np.array([3, 5, 7]), np.array([5])
    weight = prior_weights(near, 2)
    for chained, times in ((0.0, 1.5), (1.0, 4.0)):
        only = np.zeros(len(weight))
        only[8 if chained else 0] = 1.0
        before = reach(near, only, confidence, item, np.array([], dtype=np.int64), heard=np.ones(3))
        after = reach(near, only, confidence, item, begun, heard=np.ones(3))
        np.testing.assert_allclose(np.delete(after, 5), np.delete(before, 5))
        np.testing.assert_allclose(after[5], times * before[5], rtol=1e-6)


def test_what_answers_left_in_doubt_of_a_part_counts_less_unless_some_are_wrong():
    near = neighborhood(np.random.default_rng(0).standard_normal((60, 2)) * [1.0, 0.1] + np.repeat([[0], [9]], 30, 0))
    of_part = near.part == np.bincount(near.part).argmax()
    item = np.flatnonzero(of_part)[:2]
    only, confidence = prior_weights(near, 2), np.full(60, 0.5)

    def lifted(heard, *, wrong=False):
        nothing = np.array([], dtype=np.int64)
        return reach(near, only, confidence, item, nothing, heard=np.full(2, heard), wrong=wrong)

    less = lifted(0.0) - lifted(1.0)
    assert less[of_part].max() > 0.1
    assert np.count_nonzero(less) == 1, "of one item that stands for the part"
    np.testing.assert_array_equal(lifted(0.0, wrong=True), lifted(1.0, wrong=True))
