import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from pal.audit import audit, least_asked
from pal.errors import InvalidInputError

COUNTS = st.integers(0, 60).flatmap(lambda asked: st.tuples(st.integers(0, asked), st.just(asked)))


@given(COUNTS, st.floats(0.5, 0.99))
def test_interval_is_scipys_exact_one(counts, level):
    right, asked = counts
    found = audit(right, asked, level=level)
    if asked == 0:
        assert (found.low, found.high, found.accuracy) == (0.0, 1.0, None)
        return
    exact = binomtest(right, asked).proportion_ci(confidence_level=level, method="exact")
    np.testing.assert_allclose([found.low, found.high], [exact.low, exact.high], atol=1e-9)
    assert found.low <= found.accuracy <= found.high


@pytest.mark.parametrize("truth", [0.5, 0.8, 0.93, 0.99, 1.0])
@pytest.mark.parametrize("asked", [1, 20, 75])
def test_interval_covers_the_truth_as_often_as_it_says(truth, asked):
    """Summed over every outcome, not sampled."""
    covered = sum(
        binom.pmf(right, asked, truth)
        for right in range(asked + 1)
        if (found := audit(right, asked)).low <= truth <= found.high
    )
    assert covered >= 0.95


@given(st.floats(0.5, 0.999), st.floats(0.5, 0.99))
def test_least_asked_is_just_enough(target, level):
    n = least_asked(target, level=level)
    assert audit(n, n, level=level).low >= target - 1e-9
    assert n == 1 or audit(n - 1, n - 1, level=level).low < target + 1e-9


@pytest.mark.parametrize("counts", [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(InvalidInputError, match="right"):
        audit(*counts)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_impossible_shares_are_refused(share):
    with pytest.raises(InvalidInputError, match="share"):
        least_asked(share)
    with pytest.raises(InvalidInputError, match="share"):
        audit(1, 2, level=share)
