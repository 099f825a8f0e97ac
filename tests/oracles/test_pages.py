import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pal.oracles.askable import believed
from pal.oracles.pages import best_first, entropy_of, likely_page, rarer_mode

N = 12


def random_probability(seed, n=N, c=3):
    return np.random.default_rng(seed).dirichlet(np.ones(c), size=n)


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_page_is_the_best_class_s_best_items(make_state, seed, page_size):
    """Against brute force: every class's page, valued one by one."""
    state = make_state(np.zeros((N, 2)), random_probability(seed), [0, 1, 2], page_size=page_size)
    score = np.random.default_rng(seed + 1).random(N)
    askable = believed(state)
    best = {}
    for j in range(3):
        mine = [i for i in range(3, N) if askable.probability[i].argmax() == j]
        best[j] = sorted(mine, key=lambda i: -score[i])[:page_size]
    j = max(best, key=lambda j: sum(score[i] for i in best[j]))
    (page,) = likely_page(state, askable, score)
    assert page.template == j
    assert page.items.tolist() == best[j]


def test_a_class_that_may_be_the_same_gets_a_tile(make_state):
    probability = np.eye(3)[[0, 1, 2, 0, 0, 0, 0, 0]] * 0.9 + 1 / 30
    same = np.array([[0, 0.01, 0.6], [0.01, 0, 0.01], [0.6, 0.01, 0]])
    state = make_state(np.zeros((8, 2)), probability, [0, 1, 2], same=same)
    (page,) = likely_page(state, believed(state), np.ones(8))
    assert (page.template, page.items[0]) == (0, 2)
    assert len(page.items) == 5
    assert 1 not in page.items


def test_without_beliefs_to_go_by_it_is_captcha(make_state):
    """All items are of a known class, but two classes have not been compared."""
    state = make_state(np.zeros((4, 2)), np.eye(2)[[0, 0, 1, 1]], [0, 2], answers=[(0, [1], [1]), (2, [3], [1])])
    (page,) = likely_page(state, believed(state), np.zeros(4))
    assert {page.template, *page.items.tolist()} & {0, 1}
    assert {page.template, *page.items.tolist()} & {2, 3}


@given(st.integers(0, 10_000), st.integers(2, 5))
def test_entropy(seed, c):
    p = random_probability(seed, c=c)
    np.testing.assert_allclose(entropy_of(p), stats.entropy(p, axis=1))
    assert entropy_of(np.eye(c)).max() == 0.0


def test_best_first_breaks_ties_at_random():
    score = np.array([1.0, 2.0, 1.0, 1.0])
    orders = {tuple(best_first(score, rng=np.random.default_rng(seed)).tolist()) for seed in range(40)}
    assert {order[0] for order in orders} == {1}
    assert {order[1:] for order in orders} == {(0, 2, 3), (0, 3, 2), (2, 0, 3), (2, 3, 0), (3, 0, 2), (3, 2, 0)}


@pytest.mark.parametrize(("p", "mode"), [([0.9, 0.8], "different"), ([0.9, 0.05], "same"), ([], "same")])
def test_fewer_clicks(p, mode):
    assert rarer_mode(np.array(p, dtype=float)) == mode
