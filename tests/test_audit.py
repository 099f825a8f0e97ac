"""Audits: the interval covers, and the suggestion to stop follows it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom, binomtest

from pal.audit import audit, audit_sample, n_to_ask, n_to_audit, wrong_labels
from pal.errors import InvalidInputError


@given(st.integers(1, 60), st.sampled_from([0.0, 0.01, 0.05, 0.2, 0.5, 0.9, 1.0]), st.sampled_from([0.8, 0.95]))
def test_the_interval_covers_at_least_as_often_as_it_says(n, rate, confidence):
    found = [audit(n, k, confidence=confidence) for k in range(n + 1)]
    covered = sum(binom.pmf(k, n, rate) for k, a in enumerate(found) if a.low <= rate <= a.high)
    assert covered >= confidence - 1e-9


@given(st.integers(1, 200), st.data())
def test_the_interval_is_scipys(n, data):
    k = data.draw(st.integers(0, n))
    ours, theirs = audit(n, k), binomtest(k, n).proportion_ci(0.95, method="exact")
    np.testing.assert_allclose([ours.low, ours.high], [theirs.low, theirs.high], atol=1e-9)


@pytest.mark.parametrize("anytime", [False, True])
def test_nothing_audited_says_nothing(anytime):
    found = audit(0, 0, anytime=anytime)
    assert (found.low, found.high) == (0.0, 1.0)
    assert np.isnan(found.rate)


@given(st.integers(1, 300), st.data())
def test_the_anytime_interval_is_about_the_rate(n, data):
    k = data.draw(st.integers(0, n))
    found = audit(n, k, anytime=True)
    assert 0.0 <= found.low <= found.rate <= found.high <= 1.0
    assert audit(n, k, anytime=True, confidence=0.8).high <= found.high + 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_the_anytime_interval_covers_at_every_look(rate):
    """400 audits of 200 items, looked at after each item; the fixed interval fails more often than it says."""
    rng = np.random.default_rng(0)
    wrong = (rng.random((400, 200)) < rate).cumsum(axis=1)
    lost = {}
    for anytime in (False, True):
        limits = {}
        for n, k in {(n, k) for row in wrong.tolist() for n, k in enumerate(row, start=1)}:
            found = audit(n, k, anytime=anytime)
            limits[n, k] = found.low <= rate <= found.high
        lost[anytime] = np.mean([not all(limits[n, k] for n, k in enumerate(row, start=1)) for row in wrong.tolist()])
    assert lost[True] <= 0.05
    assert lost[False] > 0.05


@given(st.integers(1, 60), st.integers(0, 60))
def test_the_anytime_interval_by_its_definition(n, k):
    """By a grid: the rates that the mixture doesn't make 20 times as likely."""
    k = min(k, n)
    p = (np.arange(20_000) + 0.5) / 20_000
    prior = beta.pdf(p, 1.0, 20.0) / len(p)
    with np.errstate(under="ignore"):  # whatever other tests have set
        likelihood = binom.pmf(k, n, p)
    inside = p[likelihood >= 0.05 * (prior * likelihood).sum()]
    found = audit(n, k, anytime=True)
    np.testing.assert_allclose([found.low, found.high], [inside.min(), inside.max()], atol=2e-3)


@given(st.floats(0.005, 0.5))
def test_so_many_right_ones_are_enough_and_one_fewer_is_not(error):
    n = n_to_audit(error)
    assert audit(n, 0).high <= error + 1e-9
    assert audit(n - 1, 0).high > error - 1e-9


def test_every_free_item_is_as_likely_to_be_audited():
    rng = np.random.default_rng(0)
    free = np.arange(10) != 3
    drawn = np.concatenate([audit_sample(free, 3, rng=rng) for _ in range(3000)])
    share = np.bincount(drawn, minlength=10) / 9000
    assert share[3] == 0
    np.testing.assert_allclose(share[free], 1 / 9, atol=0.01)


@given(st.integers(1, 6), st.floats(0.02, 0.3), st.floats(0.0, 1.0), st.integers(0, 100))
def test_so_many_of_the_doubtful_are_asked_until_few_enough_are_wrong(power, scale, share, seed):
    """Where labels are wrong exactly as a power of their doubt says, asking so many leaves what is allowed."""
    doubt = np.random.default_rng(seed).beta(1.0, 1.0 / scale, 400) ** (1.0 / power)
    wrong = np.sort(doubt**power)[::-1]
    rate = float(wrong.mean())
    allowed = share * rate
    n = n_to_ask(doubt, rate, allowed)
    assert wrong[n:].sum() <= allowed * 400 + 1e-6
    assert n == 0 or wrong[n - 1 :].sum() >= allowed * 400 - 1e-6


def test_the_better_doubt_tells_the_wrong_from_the_right_the_fewer_are_asked():
    blind, sharp = np.full(100, 0.2), np.r_[np.full(20, 0.9), np.full(80, 0.01)]
    assert n_to_ask(blind, 0.2, 0.1) == 50
    assert n_to_ask(sharp, 0.2, 0.1) < 15
    assert n_to_ask(sharp, 0.1, 0.2) == 0
    assert n_to_ask(np.zeros(0), 0.2, 0.1) == 0
    assert n_to_ask(np.r_[1.0, np.zeros(9)], 0.01, 0.001) == 1


def test_wrong_labels_are_counted():
    assert wrong_labels(np.array([1, 2, 3]), np.array([1, 0, 0])) == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: audit(3, 4), "n_wrong"),
        (lambda: audit(3, 1, confidence=1.0), "confidence"),
        (lambda: n_to_audit(0.0), "error must lie"),
        (lambda: n_to_ask(np.ones(3), 0.0, 0.01), "rate"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()
