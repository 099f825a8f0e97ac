"""Features of a project's items: there at once, or growing while an encoder works in the background.

Items are encoded in random order, so that the first few hundred stand for all of them and pages can begin. Where very
many have features at the start, they become ready in steps for the same reason: a model of all takes a while.
"""

import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int64
from numpy import ndarray

from pal.encoders import TRAINED, Encoder, get_encoder
from pal.encoders.cache import FeatureCache
from pal.encoders.choosing import encoder_for
from pal.encoders.encode import THUMBNAIL, encode
from pal.encoders.trained import TrainedEncoder
from pal.errors import PalError
from pal.items import Items
from pal.project.thumbnails import keeper

VECTORS = "vectors"
"""Name of the "encoder" of items that came as vectors."""

HOME = "encoders"
"""Folder of a project with the encoders that are its own: trained or fitted for it, or found in a folder."""

_STEP, _GROWTH = 4_000, 4


class Features:
    """Features of some items.

    Parameters
    ----------
    items
        The items.
    directory
        Where encoded features are kept.
    encoder
        See :func:`pal.encoders.choosing.encoder_for`; if the items have vectors, only one that was trained for this
        project is used.
    seed
        Seed of the order of encoding and of the reduction.
    allow_download
        Whether a model of that name may be fetched from the hub.
    """

    def __init__(
        self, items: Items, directory: Path, *, encoder: str = "auto", seed: int = 0, allow_download: bool = False
    ) -> None:
        self.items = items
        self.seed = seed
        self.error: Exception | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._encoding = False
        self._encoder: Encoder | None = None
        self._cache: FeatureCache | None = None
        self._counting = threading.Lock()
        self._counted = (items, 0, np.zeros(0, dtype=bool))  # rows of the cache seen, and which of items have one
        self._directory = directory
        self._vectors = items.vectors
        self._grown: int | None = None  # of how many items the features count; None for all
        self._on_batch: Callable[[], None] | None = None
        self.encoder = VECTORS
        if items.vectors is None or encoder.startswith(TRAINED):
            home = directory.parent / HOME
            self._encoder = (
                get_encoder(encoder, home=home)
                if encoder.startswith(TRAINED)
                else encoder_for(items, encoder, home=home, seed=seed, allow_download=allow_download)
            )
            self.encoder = self._encoder.name
        if self.trained is not None and self.trained.at_once:
            self._vectors = self.trained.of_items(items)
        elif self._encoder is not None:
            self._cache = FeatureCache(directory / self._encoder.name, self._encoder.n_features)

    @property
    def trained(self) -> TrainedEncoder | None:
        """The encoder, if it was trained for this project."""
        return self._encoder if isinstance(self._encoder, TrainedEncoder) else None

    @property
    def files(self) -> list[Path]:
        """Files of the encoder that are the project's own; a classifier needs them beside it."""
        names = [self.encoder, *([] if self.trained is None or self.trained.base is None else [self.trained.base])]
        home = self._directory.parent / HOME
        return [file for name in names for file in sorted(home.glob(f"{name}.*")) if name not in (VECTORS,)]

    @property
    def broken(self) -> dict[str, str]:
        """Why an item can't be encoded, by id."""
        return {} if self._cache is None else dict(self._cache.broken)

    @property
    def ready(self) -> Bool[ndarray, " n_items"]:
        """Which items have features; O(n_items) bits, and what was encoded since the last look."""
        ready = np.ones(len(self.items), dtype=bool) if self._cache is None else self._encoded(self._cache)
        if self._grown is not None:
            ready[self._order[self._grown :]] = False
        return ready

    @property
    def enough(self) -> bool:
        """Whether there are features to make a model of: those of two items."""
        return self.n_ready >= 2

    @property
    def n_ready(self) -> int:
        """How many items have features."""
        if self._cache is None:
            return len(self.items) if self._grown is None else self._grown
        return int(self.ready.sum())

    @property
    def working(self) -> bool:
        """Whether the encoder is still at it."""
        return self._grown is not None or self._encoding

    def start(self, *, progress: Callable[[int], None] | None = None, on_batch: Callable[[], None]) -> None:
        """Encode what is missing, in a thread; ``on_batch`` is called after each batch, and once all is done."""
        self._on_batch = on_batch
        self._grown = _STEP if self.n_ready > 2 * _STEP else None
        if self._cache is None:
            return
        self._encoding = True
        self._thread = threading.Thread(target=self._work, args=(progress, on_batch), name="pal-encoder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the batch in work, and wait for that."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def raw(self, rows: Int64[ndarray, " r"]) -> Float32[ndarray, "r d"]:
        """Features of some ready items, as the encoder made them."""
        if self._cache is not None:
            return self._cache.get([self.items.id[i] for i in rows.tolist()])
        assert self._vectors is not None  # noqa: S101
        return self._vectors[rows].astype(np.float32, copy=False)

    def of_base(self, rows: Int64[ndarray, " r"]) -> tuple[Float32[ndarray, "r d"], str]:
        """Features of some ready items by the encoder below a trained one, and its name; else by the encoder."""
        base = None if self.trained is None else self.trained.base
        if base is None or self.trained is None:
            return self.raw(rows), self.encoder
        cache = FeatureCache(self._directory / base, self.trained.item_shape[0])
        encode(self.items, get_encoder(base, home=self._directory.parent / HOME), cache, order=rows)
        return cache.get([self.items.id[i] for i in rows.tolist()]), base

    def to_learn(self, rows: Int64[ndarray, " r"]) -> tuple[Float32[ndarray, "r d"], bool]:
        """Features to learn from, and whether by their principal components: vectors that came stay as they are."""
        raw = self.raw(rows)
        self._grow()
        return raw, self._cache is not None

    def _encoded(self, cache: FeatureCache) -> Bool[ndarray, " n_items"]:
        """Which items are in the cache."""
        with self._counting:
            items, n_seen, ready = self._counted
            if items is not self.items or len(ready) != len(items):
                items, n_seen, ready = self.items, 0, np.zeros(len(self.items), dtype=bool)
            new = cache.since(n_seen)
            ready[[items.row[item] for item in new if item in items]] = True
            self._counted = (items, n_seen + len(new), ready)
            return ready.copy()

    def _work(self, progress: Callable[[int], None] | None, on_batch: Callable[[], None]) -> None:
        assert self._cache is not None  # noqa: S101
        assert self._encoder is not None  # noqa: S101
        keep = keeper(self._directory.parent / "thumbnails", THUMBNAIL)

        def report(done: int) -> None:
            on_batch()
            if progress is not None:
                progress(done)

        try:
            encode(
                self.items, self._encoder, self._cache,
                order=self._order, keep=keep, progress=report, stop=self._stop.is_set,
            )  # fmt: skip
        except (PalError, OSError, RuntimeError, ValueError) as error:
            self.error = error  # raised again by whoever waits for features
        finally:
            self._encoding = False  # before the last call: who is woken by it looks, and nobody wakes him again
            on_batch()

    @cached_property
    def _order(self) -> Int64[ndarray, " n_items"]:
        return np.random.default_rng(self.seed).permutation(len(self.items))

    def _grow(self) -> None:
        """Let more items be ready, now that a model is made of those that were."""
        if self._grown is None or self._on_batch is None:
            return
        more = self._grown * _GROWTH
        self._grown = None if 2 * more > len(self.items) else more
        self._on_batch()
