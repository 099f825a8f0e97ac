import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.answers import Question
from pal.cost import KEYS, MOUSE, NEW_TEMPLATE, Cost, fit_cost, n_clicks, page_seconds
from pal.errors import InvalidInputError

SECONDS = st.floats(0.01, 10.0)


def test_presets_per_tile():
    """15 tiles cost 0.55-0.77 s a tile at some 20 % targets, a single pair 2.1-2.5 s (keys) or more (mouse)."""
    assert 0.5 < KEYS.expected(15, 0.2) / 15 < 0.77 <= MOUSE.expected(15, 0.2) / 15 + 0.01
    assert 1.9 < KEYS.expected(1, 0.5) < 2.5


@given(SECONDS, SECONDS, SECONDS, st.integers(1, 30), st.floats(0, 1))
def test_the_rarer_answer_is_clicked(a, b, c, m, p):
    cost = Cost(a, b, c)
    same, different = cost.expected(m, p, mode="same"), cost.expected(m, p, mode="different")
    assert cost.expected(m, p) == pytest.approx(min(same, different))
    assert cost.expected(m, p) == pytest.approx(cost.expected(m, 1 - p))
    assert same == pytest.approx(a + b * m + c * p * m)


def test_clicks():
    relation = np.array([1, 1, -1, 0], dtype=np.int8)
    assert n_clicks(relation, "same") == 3
    assert n_clicks(relation, "different") == 2


def test_seconds_of_a_page():
    page, relation = Question(0, np.arange(1, 16)), np.array([1] * 4 + [-1] * 11, dtype=np.int8)
    assert page_seconds(page, relation, new_template=False) == pytest.approx(KEYS.seconds(15, 4))
    assert page_seconds(page, relation, new_template=True) == pytest.approx(NEW_TEMPLATE.seconds(15, 4))
    assert NEW_TEMPLATE.page == MOUSE.page
    odd = Question(0, page.items, "different")
    assert page_seconds(odd, relation, new_template=False) == pytest.approx(KEYS.seconds(15, 11))


def test_a_pair_costs_two_to_two_and_a_half_seconds():
    pair = Question(0, np.array([1]))
    both = [page_seconds(pair, np.array([r], dtype=np.int8), new_template=True) for r in (1, -1)]
    assert 2.1 < np.mean(both) < 2.5


@given(SECONDS, SECONDS, SECONDS, st.integers(0, 1000))
def test_fit_recovers_a_person(a, b, c, seed):
    rng = np.random.default_rng(seed)
    m = rng.integers(1, 30, 40)
    k = rng.integers(0, m + 1)
    fitted = fit_cost(m, k, a + b * m + c * k.astype(float), longest=1e9)
    np.testing.assert_allclose([fitted.page, fitted.tile, fitted.click], [a, b, c], rtol=1e-3, atol=1e-3)


def test_fit_is_the_least_squares_of_noisy_pages():
    rng = np.random.default_rng(0)
    m, k = rng.integers(5, 20, 300), rng.integers(0, 5, 300)
    seconds = 2 + 0.4 * m + 0.9 * k + rng.exponential(1.0, 300)
    expected, *_ = np.linalg.lstsq(np.column_stack([np.ones(300), m, k]), seconds, rcond=None)
    fitted = fit_cost(m, k, seconds)
    np.testing.assert_allclose([fitted.page, fitted.tile, fitted.click], expected, rtol=1e-3, atol=1e-3)


def test_fit_is_never_negative():
    m = np.array([5.0, 10.0, 15.0, 20.0])
    fitted = fit_cost(m, np.array([4.0, 3.0, 2.0, 1.0]), 30.0 - m)
    assert min(fitted.page, fitted.tile, fitted.click) >= 0


def test_what_the_log_leaves_open_stays_the_preset():
    nothing = np.zeros(0)
    assert fit_cost(nothing, nothing, nothing, preset=MOUSE).page == pytest.approx(MOUSE.page)
    k = np.arange(10.0)
    seconds = KEYS.page + KEYS.tile * 15 + 1.5 * k
    fitted = fit_cost(np.full(10, 15.0), k, seconds)
    np.testing.assert_allclose([fitted.page, fitted.tile, fitted.click], [KEYS.page, KEYS.tile, 1.5], rtol=1e-3)


def test_breaks_are_left_out():
    m, k = np.array([5.0, 10, 20, 15]), np.array([1.0, 5, 2, 0])
    seconds = 2 + 0.5 * m + k
    with_break = fit_cost(np.r_[m, 15.0], np.r_[k, 2.0], np.r_[seconds, 4000.0])
    assert with_break.page == pytest.approx(fit_cost(m, k, seconds).page, rel=1e-3)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((np.ones(3), np.ones(2), np.ones(3)), "one number a page"),
        ((np.ones(2), np.ones(2), np.array([1.0, np.nan])), "negative or infinite"),
        ((np.ones(2), -np.ones(2), np.ones(2)), "negative or infinite"),
    ],
)
def test_columns_must_fit(columns, message):
    with pytest.raises(InvalidInputError, match=message):
        fit_cost(*columns)
