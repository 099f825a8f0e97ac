"""Averages of curves, and what is read off them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._averages import average, needed, value_at, worse


def curve(answers, ari, **more):
    columns = {"pages": range(len(answers)), "seconds": [10.0 * a for a in answers], **more}
    return [
        {"answers": float(a), "ari": r, **{key: float(values[i]) for key, values in columns.items()}}
        for i, (a, r) in enumerate(zip(answers, ari, strict=True))
    ]


@given(st.integers(1, 5), st.integers(1, 8), st.integers(0, 99))
def test_curves_of_equal_pages_are_averaged_entry_by_entry(n_seeds, n_pages, seed):
    values = np.random.default_rng(seed).random((n_seeds, n_pages))
    answers = (15 * np.arange(n_pages)).tolist()
    found = average([curve(answers, row.tolist()) for row in values], 15)
    assert found["answers"] == answers
    assert found["pages"] == list(range(n_pages))
    np.testing.assert_allclose(found["ari"]["mean"], values.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found["ari"]["std"], values.std(axis=0), atol=1e-5)


def test_partial_pages_never_look_better_than_they_were():
    """After 15 answers the first curve has what it had after 12."""
    found = average([curve([0, 12, 27, 30], [0.0, 0.2, 0.6, 0.8]), curve([0, 15, 30], [0.0, 0.4, 1.0])], 15)
    assert found["answers"] == [0, 15, 30]
    np.testing.assert_allclose(found["ari"]["mean"], [0.0, 0.3, 0.9])


def test_a_curve_that_ended_keeps_its_last_value():
    found = average([curve([0, 15], [0.0, 1.0]), curve([0, 15, 30, 32], [0.0, 0.2, 0.4, 0.6])], 15)
    assert found["answers"] == [0, 15, 30, 32]
    np.testing.assert_allclose(found["ari"]["mean"], [0.0, 0.6, 0.7, 0.8])


def test_curves_that_skip_pages_keep_their_steps():
    found = average([curve([20, 50, 200], [0.1, 0.2, 0.3])] * 2, 15)
    assert found["answers"] == [20, 50, 200]
    assert found["ari"]["mean"] == [0.1, 0.2, 0.3]


def test_what_no_seed_has_is_none():
    first, second = curve([0, 15], [0.0, 0.5]), curve([0, 15], [0.0, 0.5])
    first[1]["told"] = 0.9
    found = average([first, second], 15)
    nothing = {"mean": [None, None], "std": [None, None]}
    told = {"mean": [None, 0.9], "std": [None, 0.0]}
    assert found["accuracy"] == {"told": told, "deduced": nothing, "predicted": nothing}
    assert "heldout" not in found
    assert "accuracy" not in average([second], 15)


def test_reading_off():
    run = {"data": "d", "oracle": "default", **average([curve([0, 15, 30], [0.1, 0.5, 0.9])], 15)}
    assert needed(run, "ari", 0.5) == 15
    assert needed(run, "ari", 0.5, per="seconds") == 150
    assert needed(run, "ari", 0.95) == float("inf")
    assert needed(run, "heldout", 0.1) == float("inf")
    assert value_at(run, "ari", 29) == 0.5
    assert np.isnan(value_at(run, "ari", 100))
    assert value_at(run, "ari", 31) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("theirs", "lost"), [([0.1, 0.5, 0.905], False), ([0.1, 0.7, 0.9], True), ([0.0, 0.4, 0.8], False)]
)
def test_where_the_default_is_worse(theirs, lost):
    runs = [
        {"data": "d", "oracle": name, **average([curve([0, 15, 30], ari)], 15)}
        for name, ari in (("default", [0.1, 0.5, 0.9]), ("random", theirs), ("margin", [1.0, 1.0, 1.0]))
    ]
    assert bool(worse(runs, ["random"])) == lost
    if lost:
        assert "1 of 3 points, most after 15 answers, 0.500 against 0.700" in worse(runs, ["random"])[0]


def test_a_difference_within_the_seeds_is_none():
    spread = [curve([0, 15], [0.1, 0.2]), curve([0, 15], [0.1, 0.8])]
    runs = [
        {"data": "d", "oracle": "default", **average(spread, 15)},
        {"data": "d", "oracle": "random", **average([curve([0, 15], [0.1, 0.6])] * 2, 15)},
    ]
    assert not worse(runs, ["random"])
