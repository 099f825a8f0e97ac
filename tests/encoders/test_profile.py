"""Vectors as bars: alike where they are alike, the same every time, and of any vectors there are."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pal.encoders.profile import axes_of, profile


def picture(vector, axes, size=96):
    return np.asarray(Image.open(io.BytesIO(profile(vector, axes, size))), dtype=float)


@given(st.integers(1, 40), st.integers(1, 30), st.integers(16, 300), st.integers(0, 2**32 - 1))
def test_any_vectors_are_drawn(n, d, size, seed):
    x = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    x[:, 0] = 1.0  # a feature that is the same everywhere
    axes = axes_of(x)
    assert np.isfinite(axes.scaled).all()
    assert picture(x[0], axes, size).shape == (size, size, 3)


def test_few_features_are_the_bars_in_their_order():
    x = np.random.default_rng(0).standard_normal((200, 3))
    axes = axes_of(x)
    np.testing.assert_allclose(axes.scaled, np.diag(1.0 / x.std(axis=0)), rtol=1e-5)
    high = picture(axes.mean + 2.5 * x.std(axis=0) * np.array([0.0, 1.0, -1.0]), axes, 120)
    green, red = high[:, :, 1] - high[:, :, 0] > 60, high[:, :, 0] - high[:, :, 2] > 60
    assert green[:50, 45:75].mean() > 0.5 > 0.01 > green[:, :40].mean(), "the second one points up"
    assert red[60:, 80:].mean() > 0.3 > 0.01 > red[:, :75].mean(), "the third one down"


def test_alike_vectors_are_drawn_alike():
    rng = np.random.default_rng(1)
    label = np.arange(300) % 5
    x = (rng.standard_normal((5, 64)) * 3)[label] + rng.standard_normal((300, 64))
    axes = axes_of(x)
    seen = np.stack([picture(v, axes, 64).ravel() for v in x[:40]])
    apart = np.linalg.norm(seen[:, None] - seen, axis=2)
    one = label[:40, None] == label[:40]
    assert apart[one & ~np.eye(40, dtype=bool)].mean() < 0.75 * apart[~one].mean()


@pytest.mark.parametrize("d", [3, 64])
def test_axes_are_the_same_every_time(d):
    x = np.random.default_rng(2).standard_normal((3000, d)).astype(np.float32)
    for one, other in zip(axes_of(x), axes_of(x.copy()), strict=True):
        np.testing.assert_array_equal(one, other)
