import io

import numpy as np
import pytest
from PIL import Image

from pal.encoders import ENCODERS, get_encoder, installed_encoders
from pal.encoders.cache import FeatureCache
from pal.encoders.encode import BATCH, encode
from pal.encoders.reduction import fit_reduction, identity_reduction
from pal.errors import InvalidInputError, MissingExtraError, StoreError
from pal.items import Items

IDS = [f"{i:064x}" for i in range(100)]


def photos(n, seed=0):
    rng = np.random.default_rng(seed)
    return [Image.fromarray(rng.integers(0, 255, (30 + i, 50, 3), dtype=np.uint8)) for i in range(n)]


@pytest.mark.parametrize("name", installed_encoders())
def test_an_encoder_gives_one_row_a_picture(name):
    encoder = get_encoder(name)
    pictures = photos(3)
    rows = encoder(pictures)
    assert rows.shape == (3, encoder.n_features)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert encoder.name == name
    np.testing.assert_allclose(encoder(pictures[1:2])[0], rows[1], atol=1e-5)
    assert np.abs(rows[0] - rows[1]).max() > 1e-3
    blank = encoder([Image.new("RGB", (1, 1))])
    assert np.isfinite(blank).all()


def test_pixels_forget_brightness_and_contrast():
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 120, (32, 32, 3), dtype=np.uint8)
    encoder = get_encoder("pixels")
    one, two = encoder([Image.fromarray(pixels), Image.fromarray((2 * pixels + 10).astype(np.uint8))])
    np.testing.assert_allclose(one, two, atol=1e-4)


def test_encoders_by_name(monkeypatch):
    assert get_encoder("auto").name == installed_encoders()[0]
    with pytest.raises(InvalidInputError, match="unknown encoder 'eyes'"):
        get_encoder("eyes")
    monkeypatch.setattr("pal.encoders.packaged.find_spec", lambda module: None if module == "torch" else True)
    assert installed_encoders() == ["pixels"]
    assert get_encoder("auto").name == "pixels"
    with pytest.raises(MissingExtraError, match=r"pip install 'pal-learn\[images\]'"):
        get_encoder("efficientnet-lite0")
    pictures = [name for name, entry in ENCODERS.items() if entry.takes == "pictures"]
    assert pictures[-1] == "pixels", "the fallback comes last"


def test_the_cache_keeps_rows_by_id(tmp_path):
    rows = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float16)
    cache = FeatureCache(tmp_path / "deep" / "cache", 4)
    assert len(cache) == 0
    assert cache.get([]).shape == (0, 4)
    cache.add(IDS[:4], rows[:4])
    cache.add(IDS[4:6], rows[4:])
    cache.add_broken(IDS[9], "torn\nin two")
    for opened in (cache, FeatureCache(tmp_path / "deep" / "cache", 4)):
        assert len(opened) == 6
        assert IDS[5] in opened
        assert IDS[6] not in opened
        np.testing.assert_array_equal(opened.get([IDS[5], IDS[0], IDS[5]]), rows[[5, 0, 5]])
        assert opened.broken == {IDS[9]: "torn in two"}


def test_the_cache_says_what_came_since(tmp_path):
    cache = FeatureCache(tmp_path, 2)
    cache.add(IDS[:3], np.zeros((3, 2)))
    cache = FeatureCache(tmp_path, 2)
    cache.add(IDS[7:9], np.zeros((2, 2)))
    assert cache.since(0) == [*IDS[:3], *IDS[7:9]]
    assert cache.since(3) == IDS[7:9]
    assert cache.since(5) == []


@pytest.mark.parametrize("torn", [("rows.f16", 3), ("rows.f16", 8), ("ids.txt", 1), ("ids.txt", 65), ("ids.txt", 100)])
def test_a_cache_cut_short_loses_the_end_only(tmp_path, torn):
    rows = np.arange(24, dtype=np.float32).reshape(6, 4)
    FeatureCache(tmp_path, 4).add(IDS[:6], rows)
    name, cut = torn
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[:-cut])
    cache = FeatureCache(tmp_path, 4)
    kept = len(cache)
    assert 4 <= kept <= 5
    np.testing.assert_array_equal(cache.get(IDS[:kept]), rows[:kept])
    cache.add(IDS[kept:6], rows[kept:])
    np.testing.assert_array_equal(FeatureCache(tmp_path, 4).get(IDS[:6]), rows)


def test_large_features_stay_finite(tmp_path):
    cache = FeatureCache(tmp_path, 2)
    cache.add(IDS[:1], np.array([[1e9, -1e9]]))
    assert np.isfinite(cache.get(IDS[:1])).all()


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="can't write features"):
        FeatureCache(tmp_path / "file" / "cache", 2)


class Counting:
    """Encodes by mean colour and counts what it saw."""

    name, n_features, picture_size, takes = "counting", 3, 8, "pictures"

    def __init__(self):
        self.seen = 0

    def __call__(self, pictures, /):
        self.seen += len(pictures)
        return np.array([np.asarray(p).mean(axis=(0, 1)) for p in pictures], dtype=np.float32)


def test_encoding_resumes_where_it_stopped(tmp_path):
    n = 2 * BATCH + 5
    paths = []
    for i in range(n):
        paths.append(tmp_path / f"{i}.png")
        Image.new("RGB", (9, 9), (i, 2 * i, 0)).save(paths[-1])
    paths[3].write_bytes(paths[3].read_bytes()[:-30])
    paths[4].unlink()
    items = Items("s", "image", tuple(IDS[:n]), tuple(map(str, range(n))), tuple(paths))
    encoder, cache, seen, kept = Counting(), FeatureCache(tmp_path / "cache", 3), [], {}
    encode(items, encoder, cache, progress=seen.append, stop=lambda: len(seen) > 1, keep=kept.__setitem__)
    assert (seen, encoder.seen) == ([0, BATCH], BATCH - 2)
    cache = FeatureCache(tmp_path / "cache", 3)
    encode(items, encoder, cache, progress=seen.append, keep=kept.__setitem__)
    assert encoder.seen == len(cache) == n - 2, "nothing is encoded twice"
    assert seen[-1] == n
    assert set(cache.broken) == {IDS[3], IDS[4]}
    np.testing.assert_allclose(cache.get([IDS[7]]), [[7, 14, 0]], atol=1)
    encode(items, encoder, cache)
    assert encoder.seen == n - 2
    assert set(kept) == set(IDS[:n]) - {IDS[3], IDS[4]}, "each has its thumbnail"
    with Image.open(io.BytesIO(kept[IDS[7]])) as small:
        assert (small.format, small.size) == ("JPEG", (9, 9))


def test_reduction_keeps_what_varies():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 40)) + 7.0
    reduced = fit_reduction(x, n_components=3)(x)
    assert reduced.shape == (200, 3)
    np.testing.assert_allclose(reduced.mean(axis=0), 0, atol=1e-4)
    assert (reduced**2).sum(axis=1).mean() == pytest.approx(1.0, rel=0.02)
    full, small = (np.linalg.norm(v[:, None] - v[None], axis=2) for v in (x, reduced))
    np.testing.assert_allclose(small / small.max(), full / full.max(), atol=1e-4)


def test_reduction_of_few_or_equal_rows():
    x = np.ones((5, 3))
    assert np.isfinite(fit_reduction(x)(x)).all()
    assert fit_reduction(np.eye(4), n_components=128)(np.eye(4)).shape == (4, 4)
    np.testing.assert_array_equal(identity_reduction(3)(x), x)
