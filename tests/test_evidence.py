"""Evidence: messages are Bayes' rule, and who is how often wrong is found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.answers import Answers, Question
from pal.beliefs import EXPECTED_ERROR
from pal.evidence import Rates, estimate_rates, expected_rates, gather, log_likelihoods, messages
from pal.knowledge import known

APART = np.zeros((2, 2))
rates = st.floats(0.01, 0.4)


def of_one(miss, alarm, n=1):
    return Rates(np.full(n, miss), np.full(n, alarm), 0.0)


@given(
    votes=st.lists(st.tuples(st.integers(0, 2), st.sampled_from([-1, 1])), min_size=1, max_size=5),
    belief=st.floats(0.01, 0.99),
    miss=st.tuples(rates, rates, rates),
    alarm=st.tuples(rates, rates, rates),
)
def test_a_message_is_the_likelihood_summed_over_the_other_end(votes, belief, miss, alarm):
    """Of what everybody says on the whole: what they took back cancels."""
    answers = sum((Answers.of(Question(0, np.array([1])), [v], labeler=who) for who, v in votes), Answers.empty())
    evidence = gather(known(2, answers))
    q = np.array([[0.5, 0.5], [belief, 1.0 - belief]])
    people = evidence.labeler
    to_first = messages(evidence, q, Rates(np.array(miss)[people], np.array(alarm)[people], 0.0), APART)[0]
    for c in (0, 1):
        direct = 0.0
        for other in (0, 1):
            likelihood = q[1, other]
            for who in range(3):
                net = sum(v for by, v in votes if by == who)
                wrong = miss[who] if c == other else alarm[who]
                right = (net > 0) == (c == other)
                likelihood *= (1.0 - wrong if right else wrong) ** abs(net)
            direct += likelihood
        np.testing.assert_allclose(np.exp(to_first[c]), direct, rtol=1e-9)


@given(belief=st.floats(0.01, 0.99), one=st.floats(0.0, 1.0), miss=rates, alarm=rates, alike=st.booleans())
def test_what_is_denied_a_class_is_denied_what_may_be_one_with_it(belief, one, miss, alarm, alike):
    """Summed over whether the classes are one as well; an "alike" is left to each by itself."""
    evidence = gather(known(2, Answers.of(Question(0, np.array([1])), [1 if alike else -1])))
    q = np.array([[0.5, 0.5], [belief, 1.0 - belief]])
    maybe = one * (1.0 - np.eye(2))
    of_first, alone = (messages(evidence, q, of_one(miss, alarm), s)[0] for s in (maybe, APART))
    if alike:
        np.testing.assert_array_equal(of_first, alone)
    else:
        joined = q[1] + one * q[1, ::-1]
        np.testing.assert_allclose(np.exp(of_first), joined * miss + (1.0 - joined) * (1.0 - alarm))


def test_likelihoods_mirror_one_another():
    evidence = gather(known(3, Answers.of(Question(0, np.array([1, 2])), [1, -1])))
    same, differ = log_likelihoods(evidence, of_one(0.1, 0.1))
    np.testing.assert_allclose(same, differ[::-1])


def crowd(miss, alarm, *, n_items=60, n_templates=20, seed=0):
    """Answers of people with these errors, each about a third of the pairs; and the label of each item."""
    rng = np.random.default_rng(seed)
    label = np.arange(n_items) % 3
    answers = Answers.empty()
    for template in range(n_templates):
        items = np.delete(np.arange(n_items), template)
        same = label[items] == label[template]
        for who in range(len(miss)):
            wrong = rng.random(len(items)) < np.where(same, miss[who], alarm[who])
            relation = np.where(same != wrong, 1, -1) * (rng.random(len(items)) < 1 / 3)
            answers += Answers.of(Question(template, items), relation, labeler=3 * who)
    return answers, label


def test_rates_of_certain_pairs_are_shares_drawn_to_those_of_all():
    answers, label = crowd([0.1, 0.3], [0.05, 0.2])
    evidence = gather(known(60, answers))
    same = (label[evidence.item[evidence.a]] == label[evidence.item[evidence.b]]) * 1.0
    found = expected_rates(evidence)
    for _ in range(20):
        found = estimate_rates(evidence, same, found)
    np.testing.assert_array_equal(evidence.labeler, [0, 3])
    # Taken back where a pair was asked both ways round: count what each says of a pair on the whole.
    vote, one = evidence.vote, same[evidence.pair] == 1.0
    all_wrong = np.abs(vote[(vote > 0) != one]).sum()
    error = (80 * EXPECTED_ERROR + all_wrong) / (80 + np.abs(vote).sum())
    assert found.error == pytest.approx(error, rel=1e-3)
    for rate, of, against in ((found.miss, one, vote < 0), (found.alarm, ~one, vote > 0)):
        wrong, asked = (np.bincount(evidence.who, np.abs(vote) * which) for which in (of & against, of))
        of_all = error * (10 + wrong.sum()) / (10 + error * asked.sum())
        np.testing.assert_allclose(rate, of_all * (2 + wrong) / (2 + of_all * asked), rtol=1e-3)


def test_nobody_is_taken_to_be_far_better_than_all_that_answered_for_no_contradiction():
    answers, label = crowd([0.0], [0.0])
    evidence = gather(known(60, answers))
    same = (label[evidence.item[evidence.a]] == label[evidence.item[evidence.b]]) * 1.0
    found = expected_rates(evidence)
    for _ in range(20):
        found = estimate_rates(evidence, same, found)
    assert min(found.miss[0], found.alarm[0]) > 0.3 * found.error > 1e-3


@pytest.mark.parametrize(("known_share", "within"), [(0.7, 0.15), (0.95, 0.1)])
def test_who_errs_how_is_found_without_knowing_the_pairs(known_share, within):
    """By what people say of the same pairs, and by beliefs that are right so often and say so."""
    miss, alarm = [0.02, 0.3, 0.05], [0.02, 0.05, 0.35]
    answers, label = crowd(miss, alarm)
    evidence = gather(known(60, answers))
    truth = label[evidence.item[evidence.a]] == label[evidence.item[evidence.b]]
    right = np.random.default_rng(1).random(len(truth)) < known_share
    same = np.where(truth == right, known_share, 1.0 - known_share)
    found = expected_rates(evidence)
    for _ in range(10):
        found = estimate_rates(evidence, same, found)
    np.testing.assert_allclose(found.miss, miss, atol=within)
    np.testing.assert_allclose(found.alarm, alarm, atol=within)


def test_the_share_of_wrong_answers_is_found():
    for error in (0.0, 0.1, 0.2):
        answers, label = crowd([error], [error])
        evidence = gather(known(60, answers))
        same = np.where(label[evidence.item[evidence.a]] == label[evidence.item[evidence.b]], 0.99, 0.01)
        found = expected_rates(evidence)
        for _ in range(5):
            found = estimate_rates(evidence, same, found)
        assert abs(found.error - error) < 0.05


def test_nothing_but_yes_is_no_sign_of_wrong_answers():
    """What is asked is chosen: all pairs may be alike though features thought that of half of them."""
    answers = sum((Answers.of(Question(t, np.arange(10, 60)), [1] * 50) for t in range(4)), Answers.empty())
    evidence = gather(known(60, answers))
    same = np.random.default_rng(0).uniform(0.3, 0.9, len(evidence.a))
    found = expected_rates(evidence)
    for _ in range(10):
        found = estimate_rates(evidence, same, found)
    assert found.error < EXPECTED_ERROR
    assert found.alarm[0] < 0.1
