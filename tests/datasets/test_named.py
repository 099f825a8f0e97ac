import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.datasets import NAMED, circles, load_named, mixture
from pal.datasets.cifar10 import cifar10
from pal.datasets.circles import circles_test
from pal.datasets.fashion import fashion_mnist
from pal.errors import InvalidInputError


@given(st.integers(1, 60), st.integers(1, 5), st.integers(0, 9))
def test_circles_without_noise_have_the_radius_of_their_class(n, n_classes, seed):
    x, y = circles(n, 0.0, rng=np.random.default_rng(seed), n_classes=n_classes)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), y + 1)
    assert set(y.tolist()) <= set(range(n_classes))
    x, y = circles_test(n, 0.0, rng=np.random.default_rng(seed), n_classes=n_classes)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), y + 1)
    assert np.bincount(y, minlength=n_classes).max() - np.bincount(y, minlength=n_classes).min() <= 1
    if (y == 0).sum() > 2:
        angles = np.sort(np.arctan2(x[y == 0, 1], x[y == 0, 0]))
        np.testing.assert_allclose(np.diff(angles), 2 * np.pi / (y == 0).sum(), atol=1e-9)


def test_noise_has_its_standard_deviation():
    rng = np.random.default_rng(0)
    x, y = circles(20_000, 0.1, rng=rng)
    # Along the radius, noise adds to it; the mean is shifted by noise² / (2 r).
    assert np.std((np.linalg.norm(x, axis=1) - y - 1)[y == 3]) == pytest.approx(0.1, rel=0.05)
    x, y = mixture(20_000, 0.3, rng=rng)
    assert np.std(x - np.eye(4)[y]) == pytest.approx(0.3, rel=0.02)
    np.testing.assert_allclose(x[y == 2].mean(axis=0), [0, 0, 1, 0], atol=0.02)


@pytest.mark.parametrize("bad", [(0, 0.1), (5, -1.0), (5, float("nan"))])
@pytest.mark.parametrize("make", [circles, mixture, circles_test])
def test_bad_toys(make, bad):
    with pytest.raises(InvalidInputError):
        make(*bad, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", ["digits", "circles", "mixture"])
def test_named_sets_have_vectors_and_classes(name):
    items = load_named(name, seed=1)
    assert items.source == name
    assert len(items.vectors) == len(items.labels) == len(items) >= 150
    same = load_named(name, seed=1)
    assert items.id == same.id


def test_digits_are_drawn_black_on_white():
    items = load_named("digits")
    np.testing.assert_allclose(255 - items.pictures.reshape(len(items), -1), items.vectors * 255, atol=0.51)
    assert np.bincount(items.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert "digits" in NAMED


def test_unknown_sets():
    with pytest.raises(InvalidInputError, match="unknown set 'mnist'"):
        load_named("mnist")


def batch(path, n, seed):
    rng = np.random.default_rng(seed)
    y, pixels = rng.integers(0, 10, n), rng.integers(0, 256, (n, 3, 32, 32))
    path.parent.mkdir(parents=True, exist_ok=True)
    np.c_[y, pixels.reshape(n, -1)].astype(np.uint8).tofile(path)
    return pixels.transpose(0, 2, 3, 1), y


def test_cifar10_in_the_official_binary_format(tmp_path):
    home = tmp_path / "cifar-10-batches-bin"
    first, second = batch(home / "data_batch_1.bin", 5, 1), batch(home / "data_batch_2.bin", 4, 2)
    test = batch(home / "test_batch.bin", 3, 3)
    for path in (tmp_path, home):
        data = cifar10(path)
        np.testing.assert_array_equal(data.x_train, np.concatenate([first[0], second[0]]))
        np.testing.assert_array_equal(data.y_train, np.concatenate([first[1], second[1]]))
        np.testing.assert_array_equal(data.x_test, test[0])
        np.testing.assert_array_equal(data.y_test, test[1])
    np.savez(tmp_path / "small.npz", **data._asdict())
    again = cifar10(tmp_path / "small.npz")
    assert all(np.array_equal(a, b) for a, b in zip(again, data, strict=True))
    items = load_named(f"cifar10:{tmp_path}")
    assert items.vectors.shape == (9, 3072)


def test_cifar10_that_is_not(tmp_path):
    with pytest.raises(InvalidInputError, match="found none"):
        cifar10(tmp_path)
    batch(tmp_path / "data_batch_1.bin", 2, 0)
    with pytest.raises(InvalidInputError, match="can't read"):
        cifar10(tmp_path)
    (tmp_path / "test_batch.bin").write_bytes(b"short")
    with pytest.raises(InvalidInputError, match="3073 bytes"):
        cifar10(tmp_path)
    (tmp_path / "test_batch.bin").write_bytes(b"\xff" * 3073)
    with pytest.raises(InvalidInputError, match="classes 0 to 9"):
        cifar10(tmp_path)
    np.savez(tmp_path / "bad.npz", x=np.zeros(3))
    with pytest.raises(InvalidInputError, match="needs x_train"):
        cifar10(tmp_path / "bad.npz")


def idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def test_fashion_mnist_files(tmp_path):
    rng = np.random.default_rng(0)
    for part, n in (("train", 5), ("t10k", 3)):
        idx(tmp_path / f"{part}-images-idx3-ubyte.gz", rng.integers(0, 256, (n, 28, 28)))
        idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", rng.integers(0, 10, n))
    items = fashion_mnist(tmp_path)
    assert (len(items), items.vectors.shape[1], items.pictures.shape[1:]) == (8, 784, (28, 28))
    with pytest.raises(InvalidInputError, match="dataset-fashion-mnist"):
        fashion_mnist(tmp_path / "none")
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"nonsense"))
    with pytest.raises(InvalidInputError, match="no IDX file"):
        fashion_mnist(tmp_path)


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    items, theirs = load_named("digits"), load_digits()
    np.testing.assert_array_equal(items.vectors, (theirs.data / 16.0).astype(items.vectors.dtype))
    np.testing.assert_array_equal(items.labels, theirs.target)
