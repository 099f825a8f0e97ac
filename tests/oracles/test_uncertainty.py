"""Least certain, margin, entropy, boundary, committee, expected change."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pal.oracles import ORACLES
from pal.oracles.askable import believed
from pal.oracles.boundary import boundary_distance
from pal.oracles.committee import vote_entropy
from pal.oracles.expected_change import change_of
from pal.oracles.linear import ridge_probe, with_ones

UNCERTAIN = ["least-certain", "margin", "entropy"]


@given(st.lists(st.floats(0.51, 0.99), min_size=6, max_size=12, unique=True))
def test_the_three_agree_on_two_classes(make_state, first):
    """With two classes all are decreasing functions of the larger probability."""
    p = np.array([1.0, 0.0, *first])
    for name in UNCERTAIN:
        state = make_state(np.zeros((len(p), 2)), np.column_stack([p, 1.0 - p]), [0, 1])
        (page,) = ORACLES[name](state)
        assert page.template == 0
        np.testing.assert_allclose(p[page.items], sorted(first)[:5])


def test_the_three_differ_on_three_classes(make_state):
    probability = np.array([[0.4, 0.3, 0.3], [0.46, 0.44, 0.1], [0.39, 0.34, 0.27]])
    probability = np.vstack([np.eye(3), probability])
    first = {}
    for name in UNCERTAIN:
        (page,) = ORACLES[name](make_state(np.zeros((6, 2)), probability, [0, 1, 2], page_size=1))
        first[name] = int(page.items[0])
    assert first == {"least-certain": 5, "margin": 4, "entropy": 3}


def two_blobs(make_state, n=20, **options):
    """Blobs at x = −1 and 1 with the class of their first items known, and item 0 half way."""
    rng = np.random.default_rng(3)
    side = np.repeat([-1.0, 1.0], n)
    z = np.column_stack([side, np.zeros(2 * n)]) + 0.2 * rng.standard_normal((2 * n, 2))
    z = np.vstack([[0.0, 0.0], z])
    answers = [(1, [*range(2, 8)], [1] * 6), (n + 1, [*range(n + 2, n + 8)], [1] * 6), (1, [n + 1], [-1])]
    return make_state(z, np.full((2 * n + 1, 2), 0.5), [1, n + 1], answers=answers, **options)


def test_boundary_distance_is_to_the_line(make_state):
    state = two_blobs(make_state)
    askable = believed(state)
    z = with_ones(state.embedding)
    known = askable.label >= 0
    weights = ridge_probe(z[known], askable.label[known], n_classes=2)
    distance = boundary_distance(state.embedding, askable)
    # Walking that far along the normal reaches the line, where both scores are equal.
    normal = weights[:-1, 0] - weights[:-1, 1]
    sign = np.sign(z @ weights @ [1.0, -1.0])
    moved = z.copy()
    moved[:, :-1] -= (sign * distance)[:, None] * normal / np.linalg.norm(normal)
    score = moved @ weights
    np.testing.assert_allclose(score[:, 0], score[:, 1], atol=1e-9)


def test_boundary_and_committee_ask_what_lies_between(make_state):
    for name in ("boundary", "committee"):
        (page,) = ORACLES[name](two_blobs(make_state, page_size=1, seed=1))
        assert page.items.tolist() == [0], name


def test_members_agree_where_there_is_no_doubt(make_state):
    state = two_blobs(make_state)
    doubt = vote_entropy(state.embedding, believed(state), rng=np.random.default_rng(0), n_members=30)
    assert doubt[0] == doubt.max() > 0.1
    far = np.abs(state.embedding[:, 0]) > 0.8
    assert doubt[far].max() < 1e-12


def test_ridge_probe_is_least_squares():
    rng = np.random.default_rng(0)
    z, label, weight = with_ones(rng.standard_normal((50, 3))), rng.integers(0, 3, 50), rng.random(50) + 0.5
    root = np.sqrt(weight)[:, None]
    expected, *_ = np.linalg.lstsq(root * z, root * np.eye(3)[label], rcond=None)
    np.testing.assert_allclose(ridge_probe(z, label, n_classes=3, weight=weight), expected, atol=5e-3)


@given(st.integers(0, 10_000))
def test_expected_change_is_the_norm_of_the_projected_answer(seed):
    """Against dense matrices: the mean of ‖P E P‖ over both answers."""
    rng = np.random.default_rng(seed)
    n, k = 7, 3
    z = rng.standard_normal((n, k)) / 3
    z[:, 2] *= rng.integers(0, 2)  # a null component now and then
    template, p = np.array([1, 4]), rng.random((n, 2))
    change = change_of(z, template, p)
    projector = z @ np.linalg.pinv(z)
    for i in range(n):
        for j, t in enumerate(template.tolist()):
            if i == t:
                continue
            says = np.clip(z[i] @ z[t], -1, 1)
            expected = 0.0
            for answer, chance in ((1.0, p[i, j]), (-1.0, 1.0 - p[i, j])):
                e = np.zeros((n, n))
                e[i, t] = e[t, i] = answer - says
                expected += chance * np.linalg.norm(projector @ e @ projector)
            np.testing.assert_allclose(change[i, j], expected, atol=1e-9)


def test_first_order_change_of_the_best_fit():
    """P E P is the derivative of the rank-K fit of G, seen from its own range."""
    rng = np.random.default_rng(0)
    n, k, h = 8, 3, 1e-6
    basis, _ = np.linalg.qr(rng.standard_normal((n, n)))
    graph = (basis * [5.0, 4.0, 3.0, 0.5, 0.2, 0.1, 0.0, -0.3]) @ basis.T

    def fit(g):
        values, vectors = np.linalg.eigh(g)
        return (vectors[:, -k:] * values[-k:]) @ vectors[:, -k:].T

    e = np.zeros((n, n))
    e[2, 5] = e[5, 2] = 1.0
    projector = basis[:, :k] @ basis[:, :k].T
    derivative = (fit(graph + h * e) - fit(graph - h * e)) / (2 * h)
    np.testing.assert_allclose(projector @ derivative @ projector, projector @ e @ projector, atol=1e-6)
