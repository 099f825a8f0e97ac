"""Texts as numbers of words, by hashing: no vocabulary to keep beside a network."""

import re
import zlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from pal.errors import InvalidInputError

_WORD = re.compile(r"\w+")


#: Numbers that words have, and words of a text that are looked at.
N_WORDS, LENGTH = 32768, 128


def word_numbers(texts: Sequence[str], /, *, n_words: int = N_WORDS, length: int = LENGTH) -> Int64[ndarray, "n l"]:
    """Numbers in 1..``n_words`` of the first ``length`` words of each text, 0 after its end.

    A word's number is its CRC-32 modulo ``n_words``: the same everywhere, and now and then two words share one.

    Raises
    ------
    InvalidInputError
        If there is no text, or a size is below 1.
    """
    if not texts or n_words < 1 or length < 1:
        raise InvalidInputError(
            f"expected texts and sizes of at least 1, got {len(texts)} texts, n_words {n_words}, length {length}"
        )
    out = np.zeros((len(texts), length), dtype=np.int64)
    for row, text in zip(out, texts, strict=True):
        words = _WORD.findall(text.lower())[:length]
        row[: len(words)] = [1 + zlib.crc32(word.encode()) % n_words for word in words]
    return out
