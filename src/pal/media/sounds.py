"""Reading sounds: the first half minute as one channel, for encoders and for the page.

Decoded by libsndfile (WAV, AIFF, FLAC, Ogg, MP3) through the package soundfile.
"""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from pal.errors import InvalidInputError, require_extra

RATE = 16_000
"""Samples a second that encoders get."""

SECONDS = 30
"""What lies beyond is neither encoded nor played."""

_MAX_RATE, _MAX_CHANNELS = 384_000, 64


class Sound(NamedTuple):
    """One channel of a sound, in [−1, 1], and its samples a second."""

    samples: Float32[ndarray, " t"]
    rate: int


def read_sound(source: Path | bytes, /) -> Sound:
    """First :data:`SECONDS` of a sound, its channels averaged.

    Raises
    ------
    InvalidInputError
        With the reason in one sentence.
    MissingExtraError
        If soundfile isn't installed.
    """
    try:
        import soundfile
    except ImportError:
        raise require_extra("soundfile", "audio") from None
    try:
        with soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as file:
            if not 0 < file.samplerate <= _MAX_RATE or file.channels > _MAX_CHANNELS:
                raise InvalidInputError(f"broken file: {file.channels} channels of {file.samplerate} samples a second")
            samples = file.read(SECONDS * file.samplerate, dtype="float32", always_2d=True).mean(axis=1)
            rate = int(file.samplerate)
    except (soundfile.LibsndfileError, RuntimeError, OSError, MemoryError, ValueError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(f"not a sound that can be read: {_reason(error)}") from None
    if not len(samples):
        raise InvalidInputError("a sound without samples")
    if not np.isfinite(samples).all():
        raise InvalidInputError("broken file: samples that are no numbers")
    return Sound(np.clip(samples, -1.0, 1.0), rate)


def check_sound(path: Path, /) -> None:
    """See whether a file is a sound, without decoding it.

    Raises
    ------
    InvalidInputError
        If it is none.
    """
    try:
        import soundfile
    except ImportError:
        return  # whoever wants to encode it says so
    try:
        soundfile.info(str(path))
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise InvalidInputError(f"not a sound that can be read: {_reason(error)}") from None


def resampled(sound: Sound, rate: int = RATE, /) -> Sound:
    """A sound at another number of samples a second."""
    if sound.rate == rate:
        return sound
    from scipy.signal import resample_poly

    common = int(np.gcd(rate, sound.rate))
    samples = resample_poly(sound.samples, rate // common, sound.rate // common)
    return Sound(samples.astype(np.float32), rate)


def flac(sound: Sound, /) -> bytes:
    """A sound as FLAC in 16 bits, which browsers play."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, sound.samples, sound.rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _reason(error: Exception) -> str:
    words = str(error).removeprefix("Error opening ").rpartition(": ")[2].strip(" .")
    return words or type(error).__name__
