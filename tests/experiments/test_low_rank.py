"""B + U Uᵀ beside a dense solution, whatever U."""

import numpy as np
import pytest

from experiments.low_rank import NEAR, factorise, top_eigenpairs


def _base(n, rng):
    """Two clusters of eigenvalues, as the self-supervised graph has."""
    basis = np.linalg.qr(rng.standard_normal((n, n)))[0]
    values = np.r_[1.0 - 0.1 * rng.random(n // 2) ** 2, -0.1 * rng.random(n - n // 2)]
    return (basis * values) @ basis.T


@pytest.mark.parametrize("scale", [0.0, 1e-6, 1e-2, 1.0, 30.0])
@pytest.mark.parametrize("n", [12, NEAR + 3, 150])
def test_equals_the_dense_solution(n, scale):
    rng = np.random.default_rng(n)
    matrix, factor = _base(n, rng), np.sqrt(scale) * rng.standard_normal((n, 3))
    values, vectors = np.linalg.eigh(matrix + factor @ factor.T)
    top = top_eigenpairs(factorise(matrix), factor, n_components=4)
    np.testing.assert_allclose(top.values, values[-4:], atol=1e-9 * max(1.0, scale * n))
    gap = values[-4] - values[-5]
    there = vectors[:, -4:]
    error = np.abs(top.vectors @ top.vectors.T - there @ there.T).max()
    assert error <= 1e-8 * max(1.0, abs(values[-1])) / gap + 1e-9


def test_a_guess_changes_nothing_but_the_time():
    rng = np.random.default_rng(0)
    matrix, factor = _base(120, rng), rng.standard_normal((120, 4))
    base = factorise(matrix)
    plain = top_eigenpairs(base, factor, n_components=5)
    for guess in (plain.values, plain.values + 0.3, np.zeros(5)):
        other = top_eigenpairs(base, factor, n_components=5, guess=guess)
        np.testing.assert_allclose(other.values, plain.values, rtol=1e-10)
        np.testing.assert_allclose(np.abs(other.vectors.T @ plain.vectors), np.eye(5), atol=1e-6)
