"""Representatives: they stand for all, and what is read out of them is what the definition says."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

import pal.representatives
from pal.representatives import N_ALL, N_BETWEEN, N_REPRESENTATIVES, approximate, exact, read_out, representatives


def blobs(n, d=8, n_blobs=10, seed=0):
    rng = np.random.default_rng(seed)
    centre = 3.0 * rng.standard_normal((n_blobs, d))
    return (centre[rng.integers(n_blobs, size=n)] + rng.standard_normal((n, d))).astype(np.float32)


def test_few_items_are_all_their_own_representatives():
    np.testing.assert_array_equal(representatives(N_ALL, seed=0), np.arange(N_ALL))


def test_representatives_of_many_are_a_fair_sample_and_the_same_for_a_seed():
    rows = representatives(50_000, seed=0)
    assert len(np.unique(rows)) == N_REPRESENTATIVES
    np.testing.assert_array_equal(rows, np.sort(rows))
    np.testing.assert_array_equal(rows, representatives(50_000, seed=0))
    assert np.abs(np.bincount(rows // 10_000) / N_REPRESENTATIVES - 0.2).max() < 0.02


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(2, 60), share=st.floats(0.05, 1.0), offset=st.sampled_from([0.0, 1e3]))
def test_items_lie_between_their_nearest_representatives(seed, n, share, offset):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3)) + offset
    rows = np.flatnonzero(rng.random(n) < share)
    rows = rows if len(rows) else np.array([0])
    found = read_out(x, rows).toarray()
    expected = np.zeros((n, len(rows)))
    distance = cdist(x, x[rows])
    for i in range(n):
        nearest = np.argsort(distance[i])[:N_BETWEEN]
        weight = np.exp(-((distance[i, nearest] / max(distance[i, nearest[-1]], 1e-12)) ** 2))
        expected[i, nearest] = weight / weight.sum()
    expected[rows] = np.eye(len(rows))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_copies_of_representatives_lie_at_them():
    x = np.repeat(20.0 * np.eye(5), 40, axis=0)
    found = read_out(x, np.arange(0, 200, 10))
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-5)
    of_copies = found @ np.repeat(np.eye(5), 4, axis=0)
    np.testing.assert_allclose(of_copies[np.arange(200), np.repeat(np.arange(5), 40)] > 0.5, True)


def test_faiss_finds_nearly_all_of_the_nearest():
    pytest.importorskip("faiss")
    points, x = blobs(4000, d=16), blobs(500, d=16, seed=1)
    near, exactly = approximate(points)(x, N_BETWEEN), exact(points)(x, N_BETWEEN)
    shared = [len(set(a) & set(b)) for a, b in zip(near.item.tolist(), exactly.item.tolist(), strict=True)]
    assert np.mean(shared) > 0.97 * N_BETWEEN
    same = near.item == exactly.item
    np.testing.assert_allclose(near.distance[same], exactly.distance[same], rtol=1e-3)


def test_faiss_misses_no_row_though_points_are_copies_of_few():
    pytest.importorskip("faiss")
    points = np.repeat(np.eye(4, dtype=np.float32), 500, axis=0)
    near = approximate(points)(points[::100], N_BETWEEN)
    assert (near.item >= 0).all()
    np.testing.assert_allclose(near.distance, 0.0, atol=1e-5)


def test_without_faiss_the_same_is_found_exactly(monkeypatch):
    x = blobs(3000)
    rows = np.arange(0, 3000, 2)
    there = read_out(x, rows)
    monkeypatch.setattr(pal.representatives, "find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, "faiss", None)
    exactly = read_out(x, rows)
    assert abs(there - exactly).mean() * len(rows) < 0.05
    np.testing.assert_allclose(exactly.sum(axis=1), 1.0, rtol=1e-5)
