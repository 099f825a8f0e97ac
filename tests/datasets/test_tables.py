"""Tables and saved datasets as sources, and what others may have put into them."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pal.datasets import Reading, open_source
from pal.datasets.choosing import choose, column_kind
from pal.datasets.rows import matrix
from pal.datasets.table import MAX_CELL, read_table
from pal.errors import InvalidInputError

SAVED = Path(__file__).parent / "saved"
ROWS = [
    {"key": "b", "text": "first", "stars": 5, "by": "=cmd|' /C calc'!A0"},
    {"key": "a", "text": "<img src=x onerror=alert(1)>", "stars": 1, "by": None},
    {"key": "c", "text": "first", "stars": 2, "by": "Zoë"},
    {"key": "d", "text": "   ", "stars": 3, "by": "x"},
]


def write(path, rows=ROWS):
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_table_of_texts(tmp_path, ending):
    items = open_source(write(tmp_path / f"t{ending}"))
    assert (items.kind, items.vectors) == ("text", None)
    assert items.name == ("a", "b"), "the column of keys names the rows"
    assert items.text == (ROWS[1]["text"], "first")
    assert items.id[1] == hashlib.sha256(b"first").hexdigest(), "named by its content alone"
    assert items.copies == {items.id[1]: ("c",)}
    assert items.cells.at(1) == (("stars", "5"), ("by", ROWS[0]["by"]))
    assert items.cells.at(0) == (("stars", "1"),), "empty cells are left out"
    assert [tuple(skip) for skip in items.skipped] == [("d", "an empty text")]
    assert items.take(np.array([1])).cells.at(0) == items.cells.at(1)


def test_the_same_text_is_the_same_item_wherever_it_lies(tmp_path):
    (tmp_path / "f").mkdir()
    for row in ROWS[:2]:
        (tmp_path / "f" / f"{row['key']}.txt").write_text(row["text"])
    assert set(open_source(tmp_path / "f").id) == set(open_source(write(tmp_path / "t.csv")).id)


@pytest.mark.parametrize(
    ("options", "kind", "width"),
    [
        ({"columns": ("x*",)}, "vector", 2),
        ({"columns": ("x0", "x1", "stars")}, "vector", 3),
        ({"columns": ("note",)}, "text", None),
        ({"columns": ("note", "x*")}, "text", 2),
        ({"columns": ("stars",)}, "vector", 1),
    ],
)
def test_columns_that_are_asked_for(tmp_path, options, kind, width):
    rows = [{"x0": i, "x1": 2 * i, "note": f"n{i}", "title": f"t{i}", "stars": i % 2} for i in range(4)]
    items = open_source(write(tmp_path / "t.csv", rows), reading=Reading(**options))
    assert items.kind == kind
    assert (None if items.vectors is None else items.vectors.shape[1]) == width
    names = {name for name, _ in items.cells.at(0)}
    assert not names & set(options["columns"])
    assert "title" in names


def test_a_column_of_vectors_and_one_of_numbered_columns(tmp_path):
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    table = pa.table({"who": list("edcba"), "v": pa.array(x.tolist(), pa.list_(pa.float32()))})
    pq.write_table(table, tmp_path / "t.parquet")
    items = open_source(tmp_path / "t.parquet")
    assert items.kind == "vector"
    np.testing.assert_array_equal(items.vectors, x)
    assert items.cells.at(0) == (("who", "e"),)
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 3)
    pq.write_table(pa.table({"v": fixed}), tmp_path / "f.parquet")
    np.testing.assert_array_equal(open_source(tmp_path / "f.parquet").vectors, x)
    write(tmp_path / "n.csv", [{f"dim_{j}": float(v) for j, v in enumerate(row)} for row in x])
    np.testing.assert_allclose(open_source(tmp_path / "n.csv").vectors, x, rtol=1e-6)


@given(st.lists(st.lists(st.one_of(st.none(), st.floats(width=32)), min_size=2, max_size=2), min_size=1, max_size=9))
def test_lists_and_arrow_give_the_same_matrix(rows):
    arrow = pa.chunked_array([pa.array(rows, pa.list_(pa.float32()))])
    wanted = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(matrix([rows], len(rows)), wanted)
    np.testing.assert_array_equal(matrix([arrow], len(rows)), wanted)


def test_vectors_that_are_not_finite_are_skipped(tmp_path):
    rows = [
        {"v": [1, 2]},
        {"v": [float("nan"), 0]},
        {"v": [3, 1e300]},
        {"v": [1]},
        {"v": None},
        {"v": [4, None]},
        {"v": [5, 6]},
    ]
    items = open_source(write(tmp_path / "t.jsonl", rows))
    assert items.name == ("row 0", "row 6")
    assert len(items.skipped) == 5
    assert all("NaN" in skip.why for skip in items.skipped)
    np.save(tmp_path / "x.npy", np.array([[1.0, 2], [np.inf, 0], [3, 4]]))
    assert [skip.name for skip in open_source(tmp_path / "x.npy").skipped] == ["row 1"]


def test_pictures_by_path_stay_in_the_table_s_folder(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    for i, place in enumerate([home / "0.png", home / "1.png", tmp_path / "outside.png"]):
        Image.new("RGB", (8, 8), (50 * i, 0, 0)).save(place)
    (home / "link.png").symlink_to(tmp_path / "outside.png")
    names = [
        "0.png",
        "1.png",
        "../outside.png",
        str(tmp_path / "outside.png"),
        "link.png",
        "gone.png",
        "../../etc/passwd.png",
    ]
    items = open_source(write(home / "t.csv", [{"file": name, "n": i} for i, name in enumerate(names)]))
    assert (items.kind, items.name) == ("image", ("0.png", "1.png"))
    why = {skip.name: skip.why for skip in items.skipped}
    assert {name: "leads out" in why[name] for name in names[2:]} == dict.fromkeys(names[2:5], True) | {
        "gone.png": False, "../../etc/passwd.png": True,
    }  # fmt: skip
    assert items.cells.at(1) == (("n", "1"),)


def said(path, *parts, **options):
    with pytest.raises(InvalidInputError) as caught:
        open_source(path, reading=Reading(**options))
    text = str(caught.value)
    assert all(part in text for part in parts), text
    assert "\n" not in text


def test_one_sentence_says_which_column(tmp_path):
    two = write(tmp_path / "two.csv", [{"question": f"q{i}", "answer": f"a{i}", "n": i} for i in range(3)])
    said(two, "can't tell which column", "question (text), answer (text), n (number)", "--column")
    said(two, "no column 'body'", "question (text)", columns=("body",))
    said(two, "question and answer", columns=("question", "answer"))
    said(two, "no column 'id'", "--ids", ids="id", columns=("question",))
    twice = write(tmp_path / "twice.csv", [{"text": f"q{i}", "n": 1} for i in range(3)])
    said(twice, "another name in each of 3 rows", ids="n")
    flags = write(tmp_path / "flags.jsonl", [{"text": "a", "ok": True}, {"text": "b", "ok": False}])
    said(flags, "neither texts nor files nor numbers", columns=("ok",))
    said(twice, "--kind is for folders", kind="image")
    said(twice, "--table goes beside embeddings", table=twice)
    said(tmp_path, "--column and --ids are for tables", ids="n")
    empty = tmp_path / "empty.csv"
    empty.write_text("text,n\n")
    said(empty, "no rows below its column names")


def test_a_name_that_repeats_is_no_name(tmp_path):
    rows = [{"id": "same", "text": f"t{i}"} for i in range(3)]
    assert open_source(write(tmp_path / "t.csv", rows)).name == ("row 0", "row 1", "row 2")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'text\n"never closed\n' + b"x" * 99, ["line", "is a quote missing"]),
        (b"text\n" + b"x" * (MAX_CELL + 1), ["field larger than field limit", "is a quote missing"]),
        (b"text\n\xff\xfe\n", ["UTF-8"]),
        (b"a,a\n1,2\n", ["two columns are called 'a'"]),
        (b"a,b\n1\n", ["line 2"]),
        (b"a,b\n", ["no rows below its column names"]),
    ],
)
def test_hostile_csv(tmp_path, content, words):
    before = csv.field_size_limit()
    (tmp_path / "t.csv").write_bytes(content)
    said(tmp_path / "t.csv", *words)
    assert csv.field_size_limit() == before


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_csv_as_spreadsheets_write_it(tmp_path, separator):
    rows = [("id", "text", "price"), ("a", "tea, green", "1,20"), ("b", "coffee", "3,50")]
    (tmp_path / "t.csv").write_text("\n".join(separator.join(row) for row in rows))
    items = open_source(tmp_path / "t.csv")
    assert dict(zip(items.name, items.text, strict=True)) == {"a": "tea, green", "b": "coffee"}
    assert items.cells.at(items.name.index("a")) == (("price", "1,20"),)


def test_long_texts_are_cut(tmp_path):
    items = open_source(write(tmp_path / "t.csv", [{"text": "y" * 3_000_000}, {"text": "short"}]))
    assert max(map(len, items.text)) == 100_000


@pytest.mark.parametrize("line", ["[" * 100_000, '{"text": ' * 50_000])
def test_deep_json(tmp_path, line):
    (tmp_path / "t.jsonl").write_text(line)
    said(tmp_path / "t.jsonl", "can't read the table")


def test_lines_of_json_may_hold_any_separator(tmp_path):
    rows = [{"text": "one\u2028line"}, {"text": "two\x85lines"}]
    assert set(read_table(write(tmp_path / "t.jsonl", rows))["text"]) == {row["text"] for row in rows}


def test_what_a_column_holds():
    assert column_kind(["1", "2.5", "", None]) == "number"
    assert column_kind(["a.png", "b/c.JPG"]) == "image"
    assert column_kind(["a.wav", "b.mp3"]) == "audio"
    assert column_kind(["see a.png", "text"]) == "text"
    assert column_kind([[1, 2], [3, 4]]) == "vector"
    assert column_kind([b"\x89PNG....", b"\x89PNG...."]) == "image"
    assert column_kind([b"RIFF....WAVE", b"fLaC"]) == "audio"
    assert column_kind([b"RIFF....WEBP"]) == "image"
    assert column_kind([True, False]) == column_kind([]) == column_kind([[]]) == column_kind([{"a": 1}]) == "other"
    assert choose({"image": ["a.png"], "text": ["x"]}, (), "t").content == "image", "what is seen comes first"


# --- datasets saved by the library itself, version 5.2 ---


def test_a_saved_dataset_of_pictures():
    items = open_source(SAVED / "pictures")
    assert (items.kind, len(items), items.path) == ("image", 5, (None,) * 5)
    assert items.copies == {items.id[4]: ("row 5",)}
    assert items.cells.at(1) == (("label", "dog"), ("caption", "text 1"))
    assert items.id[0] == hashlib.sha256(items.file(0)).hexdigest()
    assert items.take(np.array([2])).file(0) == items.file(2)
    captions = open_source(SAVED / "pictures", reading=Reading(columns=("caption",)))
    assert (captions.kind, captions.cells.at(0)) == ("text", (("label", "cat"),))


def test_a_saved_dataset_with_embeddings():
    items = open_source(SAVED / "texts")
    assert items.text == ("one", "two", "three")
    np.testing.assert_array_equal(items.vectors, [[1, 2], [3, 4], [5, 6]])


def test_saved_datasets_that_are_not_taken(tmp_path):
    shutil.copytree(SAVED / "pictures", tmp_path / "parts" / "train")
    (tmp_path / "parts" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    said(tmp_path / "parts", "several parts (train)", str(tmp_path / "parts" / "train"))
    state = tmp_path / "parts" / "train" / "state.json"
    about = json.loads(state.read_text())
    state.write_text(json.dumps(about | {"_data_files": [{"filename": "../../../etc/passwd"}]}))
    said(state.parent, "outside its folder")
    state.write_text(json.dumps(about | {"_indices_data_files": [{"filename": "i.arrow"}]}))
    said(state.parent, "selection of rows")
    state.write_text("{}")
    said(state.parent, "can't read")
    state.write_text(json.dumps(about))
    (state.parent / about["_data_files"][0]["filename"]).write_bytes(b"nonsense" * 9)
    said(state.parent, "can't read")
