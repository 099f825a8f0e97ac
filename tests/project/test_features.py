"""Which items have features, while an encoder is at work."""

from pathlib import Path
from threading import Event

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pal.datasets import open_source
from pal.encoders.cache import FeatureCache
from pal.items import Items
from pal.project.features import Features

IDS = tuple(f"{i:064x}" for i in range(12))


ITEMS = Items("s", "image", IDS[:10], tuple(map(str, range(10))), tuple(Path(f"{i}.png") for i in range(10)))


@given(
    st.lists(st.lists(st.integers(0, 11), max_size=3, unique=True), max_size=6),
    st.integers(0, 6),
    st.sets(st.integers(0, 9), max_size=4),
)
def test_ready_is_what_the_cache_has(tmp_path_factory, batches, change, gone):
    """Whatever was asked before, and though some items turn out to be broken on the way."""
    home = tmp_path_factory.mktemp("features")
    features = Features(ITEMS, home / "features", encoder="pixels")
    cache = features._cache = FeatureCache(home / "cache", 1)
    for number, batch in enumerate(batches):
        if number == change:
            features.items = ITEMS.without({IDS[i]: "broken" for i in gone})
        new = [IDS[i] for i in batch if IDS[i] not in cache]
        cache.add(new, np.zeros((len(new), 1)))
        expected = [item in cache for item in features.items.id]
        assert features.ready.tolist() == expected
        assert features.n_ready == sum(expected)
        features.ready[:] = False  # a copy, nobody else's


def test_the_last_call_of_the_encoder_finds_it_at_rest(tmp_path):
    """Or who is woken by it waits for more, and nobody wakes him again."""
    for i in range(3):
        Image.new("L", (8, 8), 80 * i).save(tmp_path / f"{i}.png")
    features = Features(open_source(tmp_path), tmp_path / "features", encoder="pixels")
    working, ended = [], Event()

    def on_batch():
        working.append((features.working, features.n_ready))
        if not features.working:
            ended.set()

    features.start(on_batch=on_batch)
    assert ended.wait(60)
    features.stop()
    assert working[0] == (True, 0)
    assert working[-1] == (False, 3)
