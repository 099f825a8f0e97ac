"""Predictions for new items."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pal.encoders import get_encoder
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
        If the items are vectors and the classifier takes pictures, or the other way round.
    """
    encoder = None if classifier.encoder == VECTORS else get_encoder(classifier.encoder, home=home)
    trained = encoder if isinstance(encoder, TrainedEncoder) and encoder.takes != "pictures" else None
    takes_vectors = encoder is None or trained is not None
    if takes_vectors != (items.vectors is not None):
        wanted = "embeddings" if takes_vectors else "pictures"
        raise InvalidInputError(f"the classifier takes {wanted}, got {items.source} with {items.kind}s; give {wanted}")
    broken: dict[str, str] = {}
    if items.vectors is not None:
        x = items.vectors if trained is None else trained.of_items(items)
    elif encoder is not None:
        with tempfile.TemporaryDirectory() as directory:
            cache = FeatureCache(Path(directory), encoder.n_features)
            encode(items.id, items.path, encoder, cache, progress=progress)
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
