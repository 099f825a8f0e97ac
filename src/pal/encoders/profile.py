"""A vector as a picture, where nothing else of an item can be shown: a bar for each axis along which items differ most.

Definition. The axes are the leading principal components of a sample of the items, or their features as they are, where
these are few. A bar is the coordinate along one of them, upwards above the mean and downwards below it, no longer than
two and a half standard deviations: those of a feature, or, of a component, the geometric mean of its own and the first
one's, as the last ones are mostly noise. Alike vectors have alike bars.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from pal.media.pictures import encode_picture

# Bars, and items that the axes are made of.
_BARS, _SAMPLE = 12, 2000
# Standard deviations that the longest bar stands for; the middle and that bar, as shares of the height: names go below.
_RANGE, _AT, _LONGEST = 2.5, 0.45, 0.38
_GROUND, _MIDDLE = (18, 26, 30), (70, 84, 90)  # of red, green, blue
_ABOVE, _BELOW = (74, 208, 190), (240, 150, 74)


class Axes(NamedTuple):
    """Mean of the items (d,), directions of the bars (d, b), each divided by what is one unit along it."""

    mean: Float32[ndarray, " d"]
    scaled: Float32[ndarray, "d b"]


def axes_of(vectors: Float[ndarray, "n d"], /) -> Axes:
    """Axes of at most 2,000 of the items, the same every time; O(d · b) a step of a sparse decomposition."""
    from scipy.sparse.linalg import svds

    rows = np.unique(np.linspace(0, len(vectors) - 1, _SAMPLE).astype(int))
    sample = np.asarray(vectors[rows], dtype=np.float64)
    mean = sample.mean(axis=0)
    centred = sample - mean
    n_bars = min(_BARS, *centred.shape)
    as_they_are = n_bars == min(centred.shape)
    if as_they_are:
        directions = np.eye(centred.shape[1])[:, :_BARS]
    else:
        directions = svds(centred, k=n_bars, v0=np.ones(min(centred.shape)), return_singular_vectors="vh")[2][::-1].T
        directions = directions * np.where(directions[np.abs(directions).argmax(axis=0), range(n_bars)] < 0, -1.0, 1.0)
    spread = (centred @ directions).std(axis=0)
    if not as_they_are:
        spread = np.sqrt(spread * spread.max())
    scaled = directions / np.where(spread > 0, spread, 1.0)
    return Axes(mean.astype(np.float32), scaled.astype(np.float32))


def profile(vector: Float[ndarray, " d"], axes: Axes, size: int, /) -> bytes:
    """Square picture of a vector as JPEG, ``size`` pixels on a side."""
    from PIL import Image, ImageDraw

    value = np.clip((np.asarray(vector, dtype=np.float64) - axes.mean) @ axes.scaled / _RANGE, -1.0, 1.0)
    picture = Image.new("RGB", (size, size), _GROUND)
    draw = ImageDraw.Draw(picture)
    middle, edges = _AT * size, np.linspace(0.06, 0.94, len(value) + 1) * size
    draw.line([(edges[0], middle), (edges[-1], middle)], fill=_MIDDLE, width=max(size // 128, 1))
    for height, left, right in zip(value * _LONGEST * size, edges[:-1], edges[1:], strict=True):
        top, bottom = sorted((middle - height, middle))
        gap = 0.12 * (right - left)
        draw.rectangle([left + gap, top, right - gap, bottom], fill=_ABOVE if height > 0 else _BELOW)
    return encode_picture(picture)
