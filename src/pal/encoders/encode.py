"""Encoding a whole source: in batches, into the cache, so that an interruption loses one batch at most.

Files are read by other processes (:mod:`pal.media`) a batch or two ahead of the encoder.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from pal.encoders import Encoder
from pal.encoders.cache import FeatureCache
from pal.errors import InvalidInputError
from pal.items import Items
from pal.media import pool

BATCH = 32
THUMBNAIL = 256
"""Pixels on a side of the thumbnails that are made at import."""

Keep = Callable[[str, bytes], None]
"""Keeps the thumbnail of an item."""


def encode(
    items: Items,
    encoder: Encoder,
    cache: FeatureCache,
    /,
    *,
    order: Int64[ndarray, " r"] | None = None,
    keep: Keep | None = None,
    progress: Callable[[int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Encode the items that aren't in the cache yet, in ``order``, or one by one.

    Files that can't be read are remembered as broken; thumbnails of pictures and sounds go to ``keep``. ``progress``
    is called with the number of items that are done, cached ones included; ``stop`` is asked between batches.

    Raises
    ------
    MissingExtraError
        If a package is missing that reads such files.
    """
    broken = cache.broken
    rows = (range(len(items)) if order is None else order).__iter__()
    left = [i for i in map(int, rows) if items.id[i] not in cache and items.id[i] not in broken]
    done = len(items if order is None else order) - len(left)
    batches = deque(left[start : start + BATCH] for start in range(0, len(left), BATCH))
    waiting: deque[tuple[list[int], list[Future[Any]]]] = deque()
    with ThreadPoolExecutor(pool().n_children, thread_name_prefix="pal-reading") as threads:
        try:
            while batches or waiting:
                while batches and len(waiting) < 2:
                    batch = batches.popleft()
                    waiting.append((batch, [threads.submit(read_item, items, i, encoder, keep) for i in batch]))
                if progress is not None:
                    progress(done)
                if stop():
                    return
                batch, reads = waiting.popleft()
                _encode_batch(items, batch, reads, encoder, cache)
                done += len(batch)
        finally:
            for _, reads in waiting:
                for read in reads:
                    read.cancel()
    if progress is not None:
        progress(done)


def read_item(items: Items, i: int, encoder: Encoder, keep: Keep | None = None, /) -> Any:
    """Item ``i`` as an encoder takes it: a picture, a text or a sound; its thumbnail goes to ``keep``.

    Raises
    ------
    InvalidInputError
        If it can't be read.
    """
    if encoder.takes == "texts":
        if items.text is None:
            raise InvalidInputError("has no text")
        return items.text[i]
    file = items.file(i)
    if file is None:
        raise InvalidInputError("has no picture" if encoder.takes == "pictures" else "has no sound")
    if encoder.takes == "sounds":
        from pal.encoders.waveform import waveform

        sound = pool().sound(file)
        drawn = b"" if keep is None else waveform(sound, THUMBNAIL)
        read: Any = sound
    else:
        # Always through the thumbnail's size, so that features don't depend on whether thumbnails are kept.
        read, drawn = pool().picture(file, side=encoder.picture_size, thumbnail=THUMBNAIL)
    if keep is not None:
        keep(items.id[i], drawn)
    return read


def _encode_batch(
    items: Items, batch: list[int], reads: list[Future[Any]], encoder: Encoder, cache: FeatureCache
) -> None:
    names, inputs = [], []
    for i, read in zip(batch, reads, strict=True):
        try:
            inputs.append(read.result())
            names.append(items.id[i])
        except InvalidInputError as error:
            cache.add_broken(items.id[i], str(error))
    if names:
        cache.add(names, np.asarray(encoder(inputs)))
