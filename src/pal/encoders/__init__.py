"""Encoders: from pictures, texts and sounds to features, before anybody answered. One encoder a file, and a table.

An encoder is a callable from a batch to rows of numbers; :mod:`pal.encoders.cache` keeps the rows by content hash
and :mod:`pal.encoders.reduction` brings them to few dimensions.
"""

from pathlib import Path

from pal.encoders.packaged import ENCODERS, installed_encoders, packaged_encoder
from pal.encoders.protocol import TRAINED, Encoder, Takes

__all__ = ["ENCODERS", "TRAINED", "Encoder", "Takes", "get_encoder", "installed_encoders"]


def get_encoder(name: str = "auto", /, *, home: Path | None = None) -> Encoder:
    """Make an encoder by name; "auto" takes the best one of pictures installed.

    "trained-…" is one of the files in ``home``, and so are "tfidf-…" and "model-…": what was fitted, and where a folder
    with a model lies.

    Raises
    ------
    InvalidInputError
        If there is none of that name.
    MissingExtraError
        If it isn't installed.
    """
    if name.startswith(TRAINED):
        from pal.encoders.trained import SUFFIX, TrainedEncoder

        return TrainedEncoder((Path() if home is None else home) / f"{name}{SUFFIX}")
    return packaged_encoder(name, home=home)
