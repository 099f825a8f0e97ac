import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from pal.errors import InvalidInputError
from pal.kernels import (
    KERNELS,
    exact_features,
    kernel,
    median_distance,
    nystrom_features,
    random_features,
)


def defined(x, y, name, bandwidth):
    """The definitions at the head of the module, pair by pair."""
    distance = cdist(x, y)
    return {
        "laplacian": np.exp(-distance / bandwidth),
        "gaussian": np.exp(-(distance**2) / (2 * bandwidth**2)),
        "linear": np.array([[a @ b for b in y] for a in x]),
    }[name]


def rows(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


@given(st.sampled_from(KERNELS), st.floats(0.1, 10), st.integers(0, 99))
def test_kernel_is_its_definition(name, bandwidth, seed):
    x, y = rows(5, 3, seed), rows(4, 3, seed + 1)
    np.testing.assert_allclose(kernel(x, y, name=name, bandwidth=bandwidth), defined(x, y, name, bandwidth), atol=1e-9)


@pytest.mark.parametrize("name", ["laplacian", "gaussian"])
def test_a_common_offset_changes_nothing(name):
    """Squared distances from squared norms would lose all digits here."""
    x = rows(20, 3)
    shifted = kernel(x + 1e6, x + 1e6, name=name)
    np.testing.assert_allclose(shifted, defined(x, x, name, 1.0), atol=1e-5)


@pytest.mark.parametrize("name", KERNELS)
def test_exact_features_reproduce_the_kernel(name):
    x = rows(30, 4)
    features = exact_features(x, name=name, bandwidth=1.5)(x)
    np.testing.assert_allclose(features @ features.T, kernel(x, x, name=name, bandwidth=1.5), atol=1e-9)


def test_exact_features_of_repeated_rows():
    """A singular kernel matrix loses rank, not exactness."""
    x = np.repeat(rows(6, 2), 3, axis=0)
    features = exact_features(x, name="laplacian")(x)
    assert features.shape == (18, 6)
    np.testing.assert_allclose(features @ features.T, kernel(x, x, name="laplacian"), atol=1e-9)


def test_nystrom_is_the_projection_on_the_landmarks():
    x, landmarks = rows(40, 3), rows(10, 3, seed=1)
    features = nystrom_features(landmarks, name="gaussian")(x)
    across = kernel(x, landmarks, name="gaussian")
    expected = across @ np.linalg.pinv(kernel(landmarks, landmarks, name="gaussian")) @ across.T
    np.testing.assert_allclose(features @ features.T, expected, atol=1e-5)


def test_nystrom_error_falls_with_more_landmarks():
    x = rows(60, 2)
    full = kernel(x, x, name="laplacian")
    features = [nystrom_features(x[:m], name="laplacian")(x) for m in (5, 15, 30, 60)]
    errors = [np.abs(f @ f.T - full).max() for f in features]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-9


def test_features_do_not_depend_on_the_block_of_rows(monkeypatch):
    x = rows(23, 3)
    features = nystrom_features(x[:7], name="laplacian")
    whole = features(x)
    monkeypatch.setattr("pal.kernels._ROWS", 5)
    np.testing.assert_allclose(features(x), whole, atol=1e-12)


@pytest.mark.parametrize("name", ["laplacian", "gaussian"])
def test_random_features_approach_the_kernel(name):
    """Entries are means of m terms bounded by 2: the error is a few standard errors."""
    x, m = rows(12, 3), 20_000
    features = random_features(3, m, name=name, bandwidth=2.0, rng=np.random.default_rng(0))(x)
    assert np.abs(features @ features.T - defined(x, x, name, 2.0)).max() < 5 / np.sqrt(m)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_median_distance_scales_with_the_data(scale):
    x = rows(80, 3)
    distance = cdist(x, x)[np.triu_indices(80, 1)]
    assert median_distance(scale * x, rng=np.random.default_rng(0)) == pytest.approx(scale * np.median(distance))


def test_median_distance_leaves_repeats_out():
    x = np.r_[np.zeros((50, 2)), [[3.0, 4.0]]]
    assert median_distance(x, rng=np.random.default_rng(0)) == pytest.approx(5.0)
    assert median_distance(x[:50], rng=np.random.default_rng(0)) == 1.0
    assert median_distance(x[:1], rng=np.random.default_rng(0)) == 1.0


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: kernel(x, x, name="cosine"), "unknown kernel 'cosine'; choose one of laplacian, gaussian, linear"),
        (lambda x: kernel(x, x, name="gaussian", bandwidth=0.0), "bandwidth must be positive, got 0.0"),
        (lambda x: kernel(x, x, name="gaussian", bandwidth=np.nan), "bandwidth must be positive, got nan"),
        (lambda x: random_features(2, 3, name="linear", rng=np.random.default_rng(0)), "use exact features"),
        (
            lambda x: random_features(2, 3, name="gaussian", bandwidth=-1.0, rng=np.random.default_rng(0)),
            "bandwidth must be positive",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call(rows(3, 2))
