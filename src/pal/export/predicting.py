"""Predictions for new items."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pal.encoders import Encoder, get_encoder
from pal.encoders.cache import FeatureCache
from pal.encoders.encode import encode
from pal.encoders.trained import TrainedEncoder
from pal.errors import InvalidInputError
from pal.export.classifier import Classifier
from pal.items import Items, Skipped
from pal.project.features import VECTORS


class Prediction(NamedTuple):
    """Predicted class of a new item."""

    path: str
    id: str
    class_name: str
    confidence: float


def predictions(
    classifier: Classifier,
    items: Items,
    /,
    *,
    home: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Prediction], list[Skipped]]:
    """Classify new items; also returns those that couldn't be encoded. ``home`` has the encoder if PAL trained it.

    Raises
    ------
    InvalidInputError
        If the items aren't what the classifier's encoder takes.
    """
    encoder = None if classifier.encoder == VECTORS else get_encoder(classifier.encoder, home=home)
    at_once = encoder if isinstance(encoder, TrainedEncoder) and encoder.at_once else None
    wanted = _wanted(encoder)
    if (wanted == "embeddings" and items.vectors is None) or (at_once is None and wanted not in _given(items)):
        raise InvalidInputError(f"the classifier takes {wanted}, got {items.source} with {items.kind}s; give {wanted}")
    broken: dict[str, str] = {}
    if encoder is None or at_once is not None:
        x = items.vectors if at_once is None else at_once.of_items(items)
    else:
        with tempfile.TemporaryDirectory() as directory:
            cache = FeatureCache(Path(directory), encoder.n_features)
            encode(items, encoder, cache, progress=progress)
            broken = dict(cache.broken)
            items = items.without(broken)
            x = cache.get(items.id)
    label, confidence = classifier.predict(np.asarray(x))
    rows = [
        Prediction(name, item, classifier.classes[label[i]], round(float(confidence[i]), 6))
        for i, item in enumerate(items.id)
        for name in (items.name[i], *items.copies.get(item, ()))
    ]
    return sorted(rows), [skip for skip in items.skipped if skip.why in broken.values()]


def _wanted(encoder: Encoder | None) -> str:
    """What a classifier's encoder takes, in a word."""
    return "embeddings" if encoder is None or encoder.takes == "vectors" else str(encoder.takes)


def _given(items: Items) -> tuple[str, ...]:
    """What items can be given as."""
    if items.vectors is not None:
        return ("embeddings",)
    return {"image": ("pictures",), "text": ("texts",), "audio": ("sounds",), "vector": ()}[items.kind]
