"""Theorem 2 as an experiment: what is written is what the theorem says."""

import numpy as np
import pytest

from experiments import theorem2
from experiments.protocol import Options


@pytest.mark.slow
def test_ends_of_the_descent():
    result = theorem2.compute(Options(1, 0, None, "circles", "clean", 1, True))[0]
    assert result.curves["vic2"]["mean"] == pytest.approx([4.0, 0.0, 0.0], abs=1e-5)
    assert result.curves["barlow_twins"]["mean"] == pytest.approx([0.0, 0.0, 2.0], abs=1e-5)
    y = np.repeat(np.arange(3), theorem2.SIZES)
    alike = (y[:, None] == y[None]).astype(float)
    np.testing.assert_allclose(result.data["pictures"]["vic2"][1], alike, atol=1e-2)
    assert result.data["eigenvalues"][:4] == pytest.approx([7, 4, 2, 0])
