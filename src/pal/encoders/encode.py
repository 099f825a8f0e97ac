"""Encoding a whole source: in batches, into the cache, so that an interruption loses one batch at most."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pal.datasets.files import read_picture
from pal.encoders import Encoder
from pal.encoders.cache import FeatureCache
from pal.errors import InvalidInputError

BATCH = 32


def encode(
    ids: Sequence[str],
    paths: Sequence[Path | None],
    /,
    encoder: Encoder,
    cache: FeatureCache,
    *,
    progress: Callable[[int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Encode the pictures that aren't in the cache yet, in the order given.

    Files that can't be decoded are remembered as broken. ``progress`` is called with the number of items that are
    done, cached ones included; ``stop`` is asked between batches.
    """
    broken = cache.broken
    left = [(item, path) for item, path in zip(ids, paths, strict=True) if item not in cache and item not in broken]
    done = len(ids) - len(left)
    for start in range(0, len(left), BATCH):
        if progress is not None:
            progress(done + start)
        if stop():
            return
        names, pictures = [], []
        for item, path in left[start : start + BATCH]:
            try:
                if path is None:
                    raise InvalidInputError("has no picture")
                pictures.append(read_picture(path, encoder.picture_size))
                names.append(item)
            except InvalidInputError as error:
                cache.add_broken(item, str(error))
        if names:
            cache.add(names, encoder(pictures))
    if progress is not None:
        progress(len(ids))
