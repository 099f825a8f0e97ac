"""A sound as a picture: its waveform above, its log-mel spectrum below, time from left to right."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from pal.encoders.log_mel import log_mel
from pal.media.pictures import encode_picture
from pal.media.sounds import Sound

if TYPE_CHECKING:
    from PIL.Image import Image

_GROUND, _WAVE = (18, 26, 30), (74, 208, 190)  # of red, green, blue
# From silence to loud: dark, teal, yellow.
_SHADES = np.array([(18, 26, 30), (20, 78, 92), (58, 150, 120), (180, 204, 96), (255, 244, 190)], dtype=np.float64)
_RANGE = 9.0


def waveform(sound: Sound, size: int, /) -> bytes:
    """Square picture of a sound as JPEG, ``size`` pixels on a side."""
    from PIL import Image

    top = size * 2 // 5
    above = Image.fromarray(_wave(sound.samples, top, size))
    below = _spectrum(log_mel(sound)).resize((size, size - top), Image.Resampling.BILINEAR)
    picture = Image.new("RGB", (size, size), _GROUND)
    picture.paste(above, (0, 0))
    picture.paste(below, (0, top))
    return encode_picture(picture)


def _wave(samples: Float[ndarray, " t"], height: int, width: int) -> UInt8[ndarray, "h w 3"]:
    """From the lowest to the highest sample of each column, as loud as the loudest allows."""
    edges = np.linspace(0, len(samples), width + 1).astype(int)
    starts = np.minimum(edges[:-1], len(samples) - 1)
    scale = 0.46 * height / max(float(np.abs(samples).max()), 1e-3)
    low, high = (f.reduceat(samples, starts) * scale + height / 2 for f in (np.minimum, np.maximum))
    y = np.arange(height)[:, None]
    inside = (y >= np.floor(low)) & (y <= np.ceil(high))
    return np.where(inside[:, :, None], np.array(_WAVE, np.uint8), np.array(_GROUND, np.uint8))


def _spectrum(spectrum: Float[ndarray, "b t"]) -> "Image":
    """Low bands at the bottom; the brightest is the loudest of this sound."""
    from PIL import Image

    share = np.clip((spectrum - spectrum.max()) / _RANGE + 1.0, 0.0, 1.0)[::-1] * (len(_SHADES) - 1)
    below = np.minimum(share.astype(int), len(_SHADES) - 2)
    between = (share - below)[:, :, None]
    colors = _SHADES[below] * (1.0 - between) + _SHADES[below + 1] * between
    return Image.fromarray(colors.astype(np.uint8))
