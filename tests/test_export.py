import csv
import hashlib
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pal.datasets import Reading, open_source
from pal.errors import InvalidInputError
from pal.export import FORMATS, export
from pal.export.classifier import load_classifier
from pal.export.pictures import safe_name
from pal.export.predicting import predictions
from pal.export.rows import HEADER
from pal.export.tables import harmless
from pal.imports.label_studio import read_label_studio
from pal.project import Page, Project
from pal.store import Answered, Flagged
from pal.store.events import from_dict


def photos(folder):
    """Red and blue squares, one of them twice, one text that says it is a picture."""
    rng = np.random.default_rng(0)
    for i in range(24):
        pixels = np.zeros((40, 40, 3), dtype=np.uint8)
        pixels[..., 2 * (i % 2)] = rng.integers(100, 255, (40, 40))
        (folder / ("red", "blue")[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / ("red", "blue")[i % 2] / f"{i:02d}.png")
    (folder / "red" / "copy.png").write_bytes((folder / "red" / "00.png").read_bytes())
    (folder / "fake.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    source = photos(tmp_path_factory.mktemp("export") / "photos")
    with Project.create_or_open(source, page_size=5, encoder="pixels") as project:
        kind = [name.split("/")[0] for name in project.items.name]
        for _ in range(4):
            page = project.page("ann")
            assert isinstance(page, Page)
            rows = [project.items.row[tile.id] for tile in page.tiles]
            own = kind[project.items.row[page.template.id]]
            relations = tuple(1 if kind[i] == own else -1 for i in rows)
            items = tuple(tile.id for tile in page.tiles)
            project.record(
                [Answered(labeler="ann", page=page.id, template=page.template.id, items=items, relations=relations)]
            )
        for group in project.groups():
            project.rename(group.anchor, "=" + kind[project.items.row[group.anchor]], "ann")
        project.record([Flagged(labeler="ann", item=project.items.id[5], reason="unsuitable")])
        project.place(project.groups()[0].anchor, "colours", "ann")
        project.rename(project.items.id[0], "mistake", "ann")
        project.undo("ann")
        yield project


@pytest.fixture(scope="module")
def out(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "new" / "deep"
    files = export(project, folder)
    assert all(file.exists() for file in files)
    assert files[-1].name == "manifest.json"
    return folder


@pytest.fixture(scope="module")
def table(out):
    with (out / "labels.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_for_every_file(project, out, table):
    assert tuple(table[0]) == HEADER
    assert HEADER[:7] == ("id", "path", "sha256", "class_id", "class", "parent", "source")
    assert len(table) == 25
    paths = [row["path"] for row in table]
    assert paths == sorted(paths)
    source = out.__class__(project.items.source)
    for row in table:
        assert row["sha256"] == row["id"] == hashlib.sha256((source / row["path"]).read_bytes()).hexdigest()
    by_path = {row["path"]: row for row in table}
    copy, original = by_path["red/copy.png"], by_path["red/00.png"]
    assert {**copy, "path": ""} == {**original, "path": ""}


def test_rows_agree_with_the_project(project, table):
    now = project.standing()
    for row in table:
        i = project.items.row[row["id"]]
        assert row["source"] == ("predicted", "deduced", "told")[now.source[i]]
        assert float(row["confidence"]) == pytest.approx(now.confidence[i], abs=1e-6)
        assert row["class"] == "'=" + row["path"].split("/")[0], "a name like a formula is made harmless"
        assert int(row["votes"]) == int(row["votes_alike"]) + int(row["votes_unlike"])
        assert (row["flagged"] == "unsuitable") == (row["id"] == project.items.id[5])
    assert len({(row["class"], row["class_id"]) for row in table}) == 2
    assert {row["parent"] for row in table} == {"", "colours"}
    assert sum(int(row["votes"]) for row in {r["id"]: r for r in table}.values()) == 2 * project.progress().answers


def test_parquet_says_the_same(out, table):
    parquet = pq.read_table(out / "labels.parquet")
    assert tuple(parquet.column_names) == HEADER
    rows = parquet.to_pylist()
    assert [{k: str(v) for k, v in row.items() if k != "class"} for row in rows] == [
        {k: v for k, v in row.items() if k != "class"} for row in table
    ]
    assert {row["class"] for row in rows} == {"=red", "=blue"}, "names are as given where no spreadsheet reads them"


def test_json_lines_say_the_same(out):
    rows = [json.loads(line) for line in (out / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows == pq.read_table(out / "labels.parquet").to_pylist()


def test_a_dataset_of_hugging_face_comes_back(project, table, tmp_path):
    """By PAL's own reader, which needs no library of theirs."""
    export(project, tmp_path / "out", formats=["huggingface"], dataset="copy")
    saved = tmp_path / "out" / "dataset"
    items = open_source(saved, reading=Reading(columns=("image",), ids="path"))
    assert (items.kind, len(items)) == ("image", 24)
    assert {*items.name, *(name for names in items.copies.values() for name in names)} == {row["path"] for row in table}
    sources = {row["path"]: row["source"] for row in table}
    for i, item in enumerate(items.id):
        cells = dict(items.cells.at(i))
        assert item == cells["sha256"], "the same pictures"
        assert cells["class"] == cells["class_id"] == "=" + items.name[i].split("/")[0]
        assert cells["source"] == sources[items.name[i]]
    features = json.loads((saved / "dataset_info.json").read_text())["features"]
    assert list(features)[: len(HEADER)] == list(HEADER)
    assert features["image"] == {"_type": "Image"}


def test_a_dataset_names_the_pictures_where_they_are(project, out, table):
    with pa.ipc.open_stream(out / "dataset" / "data-00000-of-00001.arrow") as reader:
        rows = reader.read_all().to_pylist()
    assert [row["path"] for row in rows] == [row["path"] for row in table]
    for row in rows:
        assert row["image"]["bytes"] is None
        assert hashlib.sha256(Path(row["image"]["path"]).read_bytes()).hexdigest() == row["sha256"]


def test_a_linked_dataset_comes_back_as_the_source_it_was(project, out, table, tmp_path):
    items = open_source(out / "dataset")
    same = project.items
    assert (items.kind, items.id, items.name, items.copies) == (same.kind, same.id, same.name, same.copies)
    assert [items.file(i) for i in range(len(items))] == [same.file(i).resolve() for i in range(len(same))]
    assert dict(items.cells.at(0))["class"] == "=" + items.name[0].split("/")[0]
    with Project.create_or_open(out / "dataset", tmp_path / "p.pal", page_size=5, encoder="pixels") as again:
        assert isinstance(again.page("ann"), Page)
        export(again, tmp_path / "again", formats=["huggingface"])
    assert open_source(tmp_path / "again" / "dataset").id == same.id


def test_a_dataset_shows_no_file_that_its_maker_did_not_have(tmp_path):
    """Linked files may lie anywhere, and only those whose content the dataset knows are taken."""
    private = photos(tmp_path / "private")
    with Project.create_or_open(photos(tmp_path / "photos"), encoder="pixels") as project:
        export(project, tmp_path / "out", formats=["huggingface"])
    saved = tmp_path / "out" / "dataset" / "data-00000-of-00001.arrow"
    with pa.ipc.open_stream(saved.read_bytes()) as reader:
        schema, rows = reader.schema, reader.read_all().to_pylist()
    wrong, gone, changed = (next(row for row in rows if row["path"].endswith(f"{i:02d}.png")) for i in (2, 4, 6))
    wrong["image"]["path"] = str(private / "red" / "08.png")
    gone["image"]["path"] = str(private / "red" / "none.png")
    Image.new("RGB", (9, 9)).save(changed["image"]["path"])
    named = next(row for row in rows if row["path"].endswith("08.png"))
    named["sha256"] = None
    with pa.OSFile(str(saved), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    items = open_source(saved.parent)
    why = {skip.name: skip.why.partition(":")[0] for skip in items.skipped}
    assert why == {
        wrong["path"]: "its content isn't what it was",
        gone["path"]: "no such file",
        changed["path"]: "its content isn't what it was",
        named["path"]: "its content isn't what it was",
    }
    assert len(items) == 24 - 4
    without = pa.Table.from_pylist(rows, schema=schema).drop_columns(["sha256"])
    with pa.OSFile(str(saved), "wb") as file, pa.ipc.new_stream(file, without.schema) as writer:
        writer.write_table(without)
    with pytest.raises(InvalidInputError, match="a path that leads out of"):
        open_source(saved.parent, reading=Reading(columns=("image",)))


@pytest.mark.parametrize("what", ["texts", "numbers", "vectors", "texts with vectors"])
def test_datasets_of_texts_and_vectors_come_back(tmp_path, what):
    rng = np.random.default_rng(0)
    texts = [str(i) if what == "numbers" else f"word {i}" for i in range(30)]
    columns = {"text": texts} if what != "vectors" else {}
    if "vectors" in what:
        columns["embedding"] = rng.normal(size=(30, 3)).astype(np.float32).tolist()
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    reading = Reading(columns=tuple(columns))
    if what == "numbers":
        (tmp_path / "t").mkdir()
        for i, text in enumerate(texts):
            (tmp_path / "t" / f"{i}.txt").write_text(text)
    source = tmp_path / ("t" if what == "numbers" else "t.parquet")
    if what == "numbers":
        reading = Reading()
    with Project.create_or_open(source, reading=reading, encoder="auto" if "vectors" in what else "tfidf") as project:
        export(project, tmp_path / "out", formats=["huggingface"])
        items, same = open_source(tmp_path / "out" / "dataset"), project.items
    assert (items.kind, items.id, items.name, items.text) == (same.kind, same.id, same.name, same.text)
    assert (items.vectors is None) == (same.vectors is None)
    if same.vectors is not None:
        np.testing.assert_array_equal(items.vectors, same.vectors)


def test_the_library_itself_opens_the_dataset(out, table):
    datasets = pytest.importorskip("datasets")
    found = datasets.load_from_disk(str(out / "dataset"))
    assert found["path"] == [row["path"] for row in table]
    assert found.features["class_id"].int2str(found[0]["class_id"]) == found[0]["class"]
    assert found[0]["image"].size == (40, 40)


def test_label_studio_gets_tasks_that_it_can_import(project, out, table):
    tasks = json.loads((out / "label_studio.json").read_text(encoding="utf-8"))
    assert [task["data"]["path"] for task in tasks] == [row["path"] for row in table]
    for task, row in zip(tasks, table, strict=True):
        assert task["data"]["image"] == f"/data/local-files/?d={row['path']}"
        assert task["data"]["pal"]["source"] == row["source"]
        assert ("annotations" in task, "predictions" in task) == (
            row["source"] != "predicted",
            row["source"] == "predicted",
        )
        said = (task.get("annotations") or task["predictions"])[0]["result"][0]
        assert said["value"]["choices"] == [row["class"].removeprefix("'")]
        assert said["type"] == "choices"
    view = ElementTree.parse(out / "label_studio.xml").getroot()
    control, object_ = view.find("Choices"), view.find("Image")
    assert (control.get("name"), control.get("toName")) == (said["from_name"], said["to_name"])
    assert (object_.get("name"), object_.get("value")) == (said["to_name"], "$image")
    assert {choice.get("value") for choice in control} == {"=red", "=blue"}


def test_what_goes_to_label_studio_comes_back_as_told(project, out, table):
    """The importer reads what was told or deduced, and no prediction."""
    said = read_label_studio(out / "label_studio.json")
    assert len(said) == sum(row["source"] != "predicted" for row in table)
    assert {name for one in said for name in one.names if name in {row["path"] for row in table}} == {
        row["path"] for row in table if row["source"] != "predicted"
    }


def test_the_picture_folder_has_a_folder_a_class(project, out):
    links = sorted((out / "images").rglob("*.png"))
    assert len(links) == 24, "all names but the flagged one"
    assert {link.relative_to(out / "images").parts[:2] for link in links} == {("=red", "red"), ("=blue", "blue")}
    assert all(link.is_symlink() and link.resolve().is_file() for link in links)


def test_copies_instead_of_links(project, tmp_path):
    files = export(project, tmp_path / "out", formats=["images"], pictures="copy")
    copies = [file for file in files if file.suffix == ".png"]
    assert len(copies) == 24
    assert not any(file.is_symlink() for file in copies)
    listed = json.loads((tmp_path / "out" / "manifest.json").read_text())["files"]
    assert set(listed) == {file.relative_to(tmp_path / "out").as_posix() for file in copies}


def test_the_log_comes_back_as_it_is(project, out):
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    log = [(line.pop("position"), from_dict(line)) for line in lines]
    assert log == project.store.read_after(0)
    assert any(event.kind == "retracted" for _, event in log)


def test_pairs_are_the_answers_that_count(project, out):
    with (out / "pairs.csv").open(newline="") as file:
        pairs = [(row["template"], row["item"], int(row["relation"])) for row in csv.DictReader(file)]
    answered = [event for _, event in project.store.read_after(0) if event.kind == "answered"]
    assert pairs == [(e.template, i, r) for e in answered for i, r in zip(e.items, e.relations, strict=True)]


def test_the_manifest_pins_everything(project, out):
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["position"] == project.progress().position
    assert (manifest["n_items"], manifest["n_copies"], manifest["encoder"]) == (24, 1, "pixels")
    assert [name for name, _ in manifest["skipped"]] == ["fake.png"]
    assert sorted(manifest["classes"].values()) == ["=blue", "=red"]
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert set(manifest["files"]) >= {"labels.csv", "log.jsonl", "classifier.safetensors", "embeddings.npy"}
    assert manifest["versions"]["numpy"] == np.__version__


def test_the_classifier_embeds_and_predicts_as_exported(project, out, table):
    classifier = load_classifier(out / "classifier.safetensors")
    raw = project.features.raw(np.arange(len(project.items)))
    ids = (out / "ids.txt").read_text().split()
    assert ids == list(project.items.id)
    np.testing.assert_allclose(classifier.embed(raw), np.load(out / "embeddings.npy"), rtol=1e-3, atol=1e-4)
    label, confidence = classifier.predict(raw)
    truth = ["=" + name.split("/")[0] for name in project.items.name]
    assert [classifier.classes[i] for i in label] == truth
    assert ((confidence > 0.5) & (confidence <= 1)).all()
    assert classifier.position == project.progress().position


def test_predictions_skip_what_is_broken(project, out, tmp_path):
    from pal.datasets import open_source

    new = photos(tmp_path / "new")
    torn = new / "red" / "02.png"
    torn.write_bytes(torn.read_bytes()[:-200])
    rows, skipped = predictions(load_classifier(out / "classifier.safetensors"), open_source(new))
    assert [skip.name for skip in skipped] == ["red/02.png"]
    assert len(rows) == 24
    assert all(row.class_name == "=" + row.path.split("/")[0] for row in rows)


def test_wrong_features_are_refused(out):
    with pytest.raises(InvalidInputError, match="takes 3072 numbers an item"):
        load_classifier(out / "classifier.safetensors").predict(np.zeros((2, 5)))


def test_a_classifier_file_of_something_else(tmp_path):
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(3)}, tmp_path / "x.safetensors")
    with pytest.raises(InvalidInputError, match="no classifier of PAL"):
        load_classifier(tmp_path / "x.safetensors")


def test_some_formats_only(project, tmp_path):
    files = export(project, tmp_path / "out", formats=["csv"])
    assert [file.name for file in files] == ["labels.csv", "manifest.json"]
    with pytest.raises(InvalidInputError, match="unknown format xls"):
        export(project, tmp_path / "more", formats=["xls"])
    with pytest.raises(InvalidInputError, match="isn't an empty folder"):
        export(project, tmp_path / "out")


def test_vectors_export_too(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.standard_normal((20, 3)))
    with Project.create_or_open(tmp_path / "x.npy") as project:
        files = export(project, tmp_path / "out", formats=FORMATS)
    assert {file.name for file in files} >= {"labels.csv", "embeddings.npy", "manifest.json"}
    assert open_source(tmp_path / "out" / "dataset", reading=Reading(columns=("vector",))).vectors.shape == (20, 3)
    assert json.loads((tmp_path / "out" / "label_studio.json").read_text())[0]["data"]["path"] == "row 00"
    assert not (tmp_path / "out" / "images").exists()


@given(st.text(max_size=12))
def test_harmless_cells_begin_like_no_formula(text):
    cell = harmless(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.endswith(text)
    assert cell == text or text[0] in "=+-@\t\r"


def test_numbers_stay_numbers():
    assert harmless(-1.5) == -1.5


@given(st.lists(st.text(max_size=6), max_size=6))
def test_safe_names_are_folders_and_differ(names):
    taken = set()
    for name in names:
        safe = safe_name(name, taken)
        assert safe.strip(" .") == safe
        assert not set(safe) & set('<>:"/\\|?*\0\n')
        assert safe
        assert safe.lower() not in {other.lower() for other in taken}
        taken.add(safe)


def test_very_many_items_have_a_classifier_of_their_representatives(tmp_path, monkeypatch):
    """Of more items than the graph takes, here made few: it predicts the others all the same."""
    from pal import representatives

    monkeypatch.setattr(representatives, "N_ALL", 100)
    monkeypatch.setattr(representatives, "N_REPRESENTATIVES", 60)
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=300)
    np.savez(tmp_path / "x.npz", x=6.0 * np.eye(3)[y] + 0.3 * rng.normal(size=(300, 3)))
    with Project.create_or_open(tmp_path / "x.npz") as project:
        for kind in range(3):
            one, other = np.flatnonzero(y == kind)[:2]
            project.merge(project.items.id[one], project.items.id[other], "ann")
        project.settle()
        assert len(project.model().prepared.rows) == 60
        export(project, tmp_path / "out", formats=["classifier", "embeddings"])
    assert len(np.load(tmp_path / "out" / "embeddings.npy")) == 300
    assert (tmp_path / "out" / "classifier.safetensors").is_file()
