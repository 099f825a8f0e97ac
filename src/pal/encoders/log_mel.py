"""Sounds as statistics of their log-mel spectrum: no model, knows timbre and rhythm, not what is said.

Definition. The power spectrum in windows of 25 ms every 10 ms is summed into 64 triangular bands, equally wide on the
mel scale 2595 log₁₀(1 + f/700) from 50 Hz to 8 kHz; L is its logarithm, (64, frames). The features are, for each band,
the mean of L less its mean over bands (timbre), its standard deviation, its 95th percentile less the mean over bands,
and the mean absolute change from frame to frame (rhythm); and last the mean over everything (loudness).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from pal.encoders.protocol import Takes
from pal.media.sounds import RATE, Sound, resampled

BANDS = 64
_WINDOW, _STEP, _FFT = 400, 160, 512
_LOWEST, _HIGHEST = 50.0, 8000.0
_SILENCE = 1e-7


class LogMel:
    """Statistics of the log-mel spectrum, (b, 257)."""

    name = "log-mel"
    n_features = 4 * BANDS + 1
    picture_size = 0
    takes: Takes = "sounds"

    def __call__(self, sounds: Sequence[Sound], /) -> Float32[ndarray, "b 257"]:
        """Encode a batch."""
        return np.stack([_statistics(log_mel(sound)) for sound in sounds]).astype(np.float32)


def log_mel(sound: Sound, /) -> Float64[ndarray, "64 t"]:
    """Log-mel spectrum of a sound, in natural units; O(samples · log window)."""
    samples = resampled(sound, RATE).samples.astype(np.float64)
    padded = np.pad(samples, (0, max(0, _WINDOW - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), _FFT)) ** 2
    return np.log(mel_bands() @ power.T + _SILENCE)


@lru_cache(maxsize=1)
def mel_bands() -> Float64[ndarray, "64 257"]:
    """Weight of each frequency in each band; a band's weights sum to 1."""
    edges = 700.0 * (10.0 ** (np.linspace(_mel(_LOWEST), _mel(_HIGHEST), BANDS + 2) / 2595.0) - 1.0)
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    frequency = np.fft.rfftfreq(_FFT, 1.0 / RATE)
    weights = np.maximum(0.0, np.minimum((frequency - low) / (peak - low), (high - frequency) / (high - peak)))
    # The lowest bands are narrower than the distance of two frequencies: there the nearest one counts.
    empty = weights.sum(axis=1) == 0
    weights[empty, np.abs(frequency - peak[empty]).argmin(axis=1)] = 1.0
    return weights / weights.sum(axis=1, keepdims=True)


def _mel(frequency: float) -> float:
    return float(2595.0 * np.log10(1.0 + frequency / 700.0))


def _statistics(spectrum: ndarray) -> ndarray:
    level = float(spectrum.mean())
    change = np.abs(np.diff(spectrum, axis=1)).mean(axis=1) if spectrum.shape[1] > 1 else np.zeros(BANDS)
    high = np.percentile(spectrum, 95, axis=1)
    return np.concatenate([spectrum.mean(axis=1) - level, spectrum.std(axis=1), high - level, change, [level]])
