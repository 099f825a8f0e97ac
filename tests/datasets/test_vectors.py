import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pal.datasets.reading import Reading
from pal.datasets.table import read_table
from pal.datasets.vectors import read_vectors, vectors
from pal.errors import InvalidInputError

X = np.random.default_rng(0).standard_normal((4, 3))
TABLE = {"name": ["d", "c", "b", "a"], "text": ["four", "three", "=two", "one"]}


def write_table(path, columns=TABLE):
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    if path.suffix == ".csv":
        path.write_text("\ufeff" + "\n".join([",".join(columns), *(",".join(map(str, r.values())) for r in rows)]))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    else:
        pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_table_beside_the_embeddings(tmp_path, suffix):
    np.save(tmp_path / "x.npy", X)
    assert read_table(write_table(tmp_path / f"x{suffix}")) == TABLE
    items = vectors(tmp_path / "x.npy")
    assert items.kind == "text"
    assert items.name == ("a", "b", "c", "d")
    assert items.text == ("one", "=two", "three", "four")
    np.testing.assert_allclose(items.vectors, X[::-1], rtol=1e-6)


def test_a_table_given_by_name(tmp_path):
    np.save(tmp_path / "x.npy", X)
    write_table(tmp_path / "other.csv", {"Name": list("wxyz")})
    items = vectors(tmp_path / "x.npy", reading=Reading(table=tmp_path / "other.csv"))
    assert (items.kind, items.name) == ("vector", ("w", "x", "y", "z"))


def test_pictures_in_a_table(tmp_path):
    for i in range(3):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(tmp_path / f"{i}.png")
    np.save(tmp_path / "x.npy", X)
    write_table(tmp_path / "x.csv", {"path": ["2.png", "1.png", "0.png", "gone.png"]})
    items = vectors(tmp_path / "x.npy")
    assert items.kind == "image"
    assert items.name == ("0.png", "1.png", "2.png")
    assert [path.name for path in items.path] == ["0.png", "1.png", "2.png"]
    np.testing.assert_allclose(items.vectors, X[[2, 1, 0]], rtol=1e-6)
    assert [skip.name for skip in items.skipped] == ["gone.png"]
    assert items.has_picture(0)


def test_arrays_by_name(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, other=np.zeros((9, 9)), y=np.array(["b", "a", "b", "c"]))
    x, y = read_vectors(tmp_path / "a.npz")
    np.testing.assert_array_equal(x, X)
    assert y.tolist() == [1, 0, 1, 2]
    np.savez(tmp_path / "b.npz", features=X)
    np.testing.assert_array_equal(read_vectors(tmp_path / "b.npz")[0], X)


def refused(path, message):
    with pytest.raises(InvalidInputError, match=message):
        vectors(path)


def test_bad_files(tmp_path):
    np.savez(tmp_path / "two.npz", a=X, b=X)
    refused(tmp_path / "two.npz", "as x, got a, b")
    np.savez(tmp_path / "short.npz", x=X, y=np.zeros(3))
    refused(tmp_path / "short.npz", "one class for each of 4")
    (tmp_path / "torn.npz").write_bytes((tmp_path / "two.npz").read_bytes()[:200])
    refused(tmp_path / "torn.npz", "can't read")
    (tmp_path / "empty.npy").touch()
    refused(tmp_path / "empty.npy", "can't read")
    np.save(tmp_path / "x.npy", X)
    write_table(tmp_path / "x.csv", {"name": ["a", "b"]})
    refused(tmp_path / "x.npy", "has 2 rows .column name. and .*x.npy has 4")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "", "empty"),
        ("x.csv", "a,b\n1\n", "line 2"),
        ("x.jsonl", "[1]\n", "one JSON object a line"),
        ("x.jsonl", "{", "can't read"),
        ("x.parquet", "nonsense", "can't read"),
        ("x.xls", "", "ending in"),
    ],
)
def test_bad_tables(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidInputError, match=message):
        read_table(tmp_path / name)


def test_no_table(tmp_path):
    with pytest.raises(InvalidInputError, match="no such file"):
        read_table(tmp_path / "x.csv")
