"""The official files of CIFAR-10 and CIFAR-100, made here, and pickles that would do harm."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from pal.datasets.cifar10 import cifar10
from pal.datasets.cifar100 import cifar100
from pal.datasets.pickles import read_pickled
from pal.errors import InvalidInputError


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (4, 3072), dtype=np.uint8), [3, 0, 9, 1]


def write(path, content, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol))


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("keys", [bytes, str])
def test_pickled_equals_binary(tmp_path, pictures, protocol, keys):
    data, labels = pictures
    key = (lambda name: name.encode()) if keys is bytes else str
    python, binary = tmp_path / "cifar-10-batches-py", tmp_path / "other"
    python.mkdir()
    binary.mkdir()
    rows = np.c_[np.array(labels, dtype=np.uint8), data].tobytes()
    for name in (*[f"data_batch_{i}" for i in range(1, 6)], "test_batch"):
        content = {key("data"): data, key("labels"): labels, key("batch_label"): "x", key("filenames"): ["a.png"] * 4}
        write(python / name, content, protocol)
        (binary / f"{name}.bin").write_bytes(rows)
    a, b = cifar10(tmp_path), cifar10(binary)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)
    assert a.x_train.shape == (20, 32, 32, 3)
    assert a.x_train[0, 0, 1, 2] == data[0, 2 * 1024 + 1]
    assert a.y_test.tolist() == labels


def test_cifar100(tmp_path, pictures):
    data, fine = pictures
    coarse = [1, 2, 19, 0]
    rows = np.c_[np.array([coarse, fine], dtype=np.uint8).T, data].tobytes()
    binary, python = tmp_path / "b", tmp_path / "p"
    for folder in (binary, python):
        folder.mkdir()
    for name in ("train", "test"):
        (binary / f"{name}.bin").write_bytes(rows)
        write(python / name, {b"data": data, b"fine_labels": fine, b"coarse_labels": coarse})
    for one, other in zip(cifar100(binary), cifar100(python), strict=True):
        np.testing.assert_array_equal(one, other)
    assert cifar100(binary).parent_train.tolist() == coarse
    with pytest.raises(InvalidInputError, match="found none"):
        cifar100(tmp_path)


class Attack:
    """Pickles to a call of ``function`` with ``arguments``."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def attacks(target):
    structured = np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")])
    return {
        "call": {"data": Attack(os.mkdir, target)},
        "builtin": {"data": Attack(eval, f"__import__('os').mkdir({target!r})")},
        "deep": {"data": [[{"x": Attack(os.mkdir, target)}]]},
        "objects": {"data": np.array([Attack(os.mkdir, target)], dtype=object)},
        "structure": {"data": structured},
        "class": OrderedDict(data=1),
        "another type": [1, 2],
    }


@pytest.mark.parametrize("name", attacks(""))
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_what_would_do_harm_is_refused(tmp_path, name, protocol):
    target = str(tmp_path / "broken in")
    write(tmp_path / "test_batch", attacks(target)[name], protocol)
    with pytest.raises(InvalidInputError, match="isn't a CIFAR file"):
        read_pickled(tmp_path / "test_batch")
    assert not list(tmp_path.glob("broken*"))


def test_an_array_with_too_few_bytes_is_refused(tmp_path, pictures):
    data, labels = pictures
    content = pickle.dumps({"data": data, "labels": labels}, 2)
    wrong = content.replace(b"K\x04M\x00\x0c\x86", b"K\x09M\x00\x0c\x86")  # shape (9, 3072)
    assert wrong != content
    (tmp_path / "b").write_bytes(wrong)
    with pytest.raises(InvalidInputError, match="isn't what its shape"):
        read_pickled(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({"data": 1})[:-3]])
def test_broken_files(tmp_path, content):
    (tmp_path / "data_batch_1").write_bytes(content)
    with pytest.raises(InvalidInputError, match="isn't a CIFAR file"):
        cifar10(tmp_path)


def test_labels_that_do_not_fit(tmp_path, pictures):
    data, _ = pictures
    for labels in ([1, 2], [1, 2, 3, 10], [1, 2, 3, -1], ["a"] * 4):
        write(tmp_path / "data_batch_1", {"data": data, "labels": labels})
        with pytest.raises(InvalidInputError, match="must hold pictures of 3,072 bytes"):
            cifar10(tmp_path)
