import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from pal.errors import InvalidInputError
from pal.probe import error, fit_probe, honest_error, optimal_error, predict, read_out


def data(n=40, k=4, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, k)), rng.integers(0, n_classes, n)


@pytest.mark.parametrize("intercept", [False, True])
def test_probe_is_scikit_learns_least_squares(intercept):
    z, y = data()
    model = LinearRegression(fit_intercept=intercept).fit(z, np.eye(3)[y])
    np.testing.assert_array_equal(predict(z, fit_probe(z, y, intercept=intercept)), model.predict(z).argmax(axis=1))
    weights = fit_probe(z, y, intercept=intercept)
    np.testing.assert_allclose(weights[:4], model.coef_.T, atol=1e-12)


@given(st.integers(0, 50))
def test_unknown_labels_are_left_out(seed):
    z, y = data(seed=seed)
    hidden = np.where(np.arange(40) % 3 == 0, -1, y)
    np.testing.assert_allclose(fit_probe(z, hidden), fit_probe(z[hidden >= 0], y[hidden >= 0]))


def test_error_counts_the_items_of_known_label():
    assert error(np.array([0, 1, 2, 1]), np.array([0, 2, -1, 1])) == pytest.approx(1 / 3)


def test_separable_classes_have_no_error():
    y = data()[1]
    apart = np.eye(3)[y]
    assert optimal_error(apart, y) == 0
    assert honest_error(apart[:20], y[:20], apart[20:], y[20:]) == 0


def test_the_papers_error_is_fitted_on_the_test_items():
    """Labels of noise: with as many components as items the "optimal" probe fits them, an honest one can't."""
    z, y = data(n=60, k=30, seed=1)
    assert optimal_error(z[:30], y[:30]) == 0
    assert honest_error(z[30:], y[30:], z[:30], y[:30]) > 0.3
    fitted = fit_probe(z[30:], y[30:])
    assert honest_error(z[30:], y[30:], z[:30], y[:30]) == error(predict(z[:30], fitted), y[:30])


def test_intercept_separates_what_a_line_through_the_origin_cannot():
    z = np.array([[1.0], [1.1], [3.0], [3.1]])
    y = np.array([0, 0, 1, 1])
    assert optimal_error(z, y) == 0.5
    assert optimal_error(z, y, intercept=True) == 0


@given(st.integers(0, 50))
def test_read_out_undoes_any_invertible_map(seed):
    rng = np.random.default_rng(seed)
    y = np.r_[np.arange(3), rng.integers(0, 3, 12)]
    z = np.eye(3)[y] @ rng.standard_normal((3, 5))
    np.testing.assert_allclose(read_out(z, [0, 1, 2]), np.eye(3)[y], atol=1e-8)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z, y: fit_probe(z, y[:3]), "one label for each of 40 items"),
        (lambda z, y: fit_probe(z, np.full(40, -1)), "at least one known label"),
        (lambda z, y: error(y, np.full(40, -1)), "at least one known label"),
        (lambda z, y: predict(z[:, :2], fit_probe(z, y)), "probe of 2 rows, or 3 with an intercept, got 4"),
        (lambda z, y: read_out(z, [0, 40]), r"templates must be items in 0\.\.39"),
        (lambda z, y: read_out(z, []), "one a class"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call(*data())
