"""Labels become answers that say no more and no less than the labels, in a number that grows with the items."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.datasets.arrays import items_of
from pal.errors import InvalidInputError
from pal.export import export
from pal.imports import Said, import_labels, labels, read_labels, undo_import
from pal.project import Project
from pal.project.ledger import Ledger
from pal.store import Answered, MemoryStore, Named, Retracted
from tests.test_project import three_clumps

WHO = "import labels.csv"


def some_items(n):
    return items_of(np.arange(2.0 * n).reshape(n, 2), source="some")


def knowledge_of(store, items):
    return Ledger(items, store.read_after(0)).knowledge


@given(st.lists(st.integers(0, 5), min_size=2, max_size=40), st.randoms(use_true_random=False))
def test_knowledge_is_the_labels(classes, random):
    items, store = some_items(len(classes)), MemoryStore()
    said = [Said((items.id[row],), f"class {label}") for row, label in enumerate(classes)]
    random.shuffle(said)
    done = import_labels(store, items, said, labeler=WHO)
    known = knowledge_of(store, items)
    labels_ = np.array(classes)
    assert ((known.group[:, None] == known.group) == (labels_[:, None] == labels_)).all()
    for row in range(len(items)):
        assert (known.relation(row) == np.where(labels_ == labels_[row], 1, -1)).all()
    n, c = len(classes), len(set(classes))
    assert (done.items, done.classes, done.answers) == (n, c, n - c + c * (c - 1) // 2)
    assert (done.unknown, done.unclear) == ((), ())
    names = {event.item: event.name for event in Ledger(items, store.read_after(0)).names}
    assert {names[items.id[row]] for row in range(n) if items.id[row] in names} == {f"class {c}" for c in classes}


def test_importing_again_changes_nothing_until_it_is_undone():
    items, store = some_items(12), MemoryStore()
    said = [Said((items.id[row],), "ab"[row % 2], "letters") for row in range(12)]
    import_labels(store, items, said, labeler=WHO)
    before = store.read_after(0)
    import_labels(store, items, said, labeler=WHO)
    assert store.read_after(0) == before
    assert {event.labeler for _, event in before} == {WHO}
    assert undo_import(store, items, labeler="import other.csv") == 0
    assert undo_import(store, items, labeler=WHO) == len(before)
    assert undo_import(store, items, labeler=WHO) == 0
    ledger = Ledger(items, store.read_after(0))
    assert (len(ledger.answered), ledger.names, ledger.parents) == (0, [], [])
    assert len(set(ledger.knowledge.group.tolist())) == 12
    import_labels(store, items, said, labeler=WHO)
    assert len(set(knowledge_of(store, items).group.tolist())) == 2
    assert undo_import(store, items, labeler=WHO) == len(before)


def test_undoing_leaves_what_others_said():
    items, store = some_items(4), MemoryStore()
    store.append([Answered(labeler="ann", page="p", template=items.id[0], items=(items.id[3],), relations=(1,))])
    import_labels(store, items, [Said((item,), "a") for item in items.id[:3]], labeler=WHO)
    assert len(set(knowledge_of(store, items).group.tolist())) == 1
    undo_import(store, items, labeler=WHO)
    assert knowledge_of(store, items).group.tolist() == [0, 1, 2, 0]
    assert all(event.labeler == WHO for _, event in store.read_after(0) if isinstance(event, Retracted))


@pytest.mark.parametrize("n_classes", [1, 40, 2000])
def test_answers_grow_with_the_items_not_with_their_square(n_classes):
    items, store = some_items(4000), MemoryStore()
    said = [Said((items.id[row],), str(row % n_classes)) for row in range(4000)]
    done = import_labels(store, items, said, labeler=WHO)
    assert done.answers <= 4000 + 10 * 4000
    assert done.pairs == n_classes * (n_classes - 1) // 2
    assert (done.apart == done.pairs) == (n_classes < 2000)
    known = knowledge_of(store, items)
    assert len(np.unique(known.group)) == n_classes, "stars are whole, whatever is left out between them"
    assert max(len(event.items) for _, event in store.read_after(0) if isinstance(event, Answered)) <= 1000


def test_what_is_unknown_or_unclear_is_left_out_and_counted():
    items, store = some_items(6), MemoryStore()
    said = [
        Said((items.id[0],), "a"),
        Said((items.id[1],), "b"),
        Said((items.id[1],), "c"),
        Said(("nowhere.png",), "a"),
        Said((), "a"),
        Said(("f" * 64, "gone.png"), "a"),
    ]
    done = import_labels(store, items, said, labeler=WHO)
    assert (done.items, done.unclear, done.unknown) == (1, (items.name[1],), ("nowhere.png", "", "gone.png"))
    assert [type(event) for _, event in store.read_after(0)] == [Named]


def test_labels_of_something_else_are_refused():
    items, store = some_items(3), MemoryStore()
    with pytest.raises(InvalidInputError, match="none of the 2 labels"):
        import_labels(store, items, [Said(("a.png",), "a"), Said(("b.png",), "b")], labeler=WHO)
    assert store.read_after(0) == []


def test_nothing_is_written_if_a_name_will_not_do():
    items, store = some_items(3), MemoryStore()
    with pytest.raises(InvalidInputError, match="labeler"):
        import_labels(store, items, [Said((items.id[0],), "a")], labeler="")
    with pytest.raises(InvalidInputError, match="name"):
        import_labels(store, items, [Said((i,), label) for i, label in zip(items.id, ("a", "b" * 2000), strict=False)],
                      labeler=WHO)  # fmt: skip
    assert store.read_after(0) == []


# --- files --------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path):
    x, classes = three_clumps()
    np.savez(tmp_path / "clumps.npz", x=x, y=classes)
    with Project.create_or_open(tmp_path / "clumps.npz", tmp_path / "one.pal", page_size=5, oracle="captcha") as opened:
        names = ["=zero", "one, and", "Zwei 猫"]
        said = [Said((item,), names[label]) for item, label in zip(opened.items.id, classes, strict=True)]
        said = said[:30]
        for _, event in import_into(opened, said):
            opened.record([event])
        opened.settle()
        yield opened


def import_into(project, said):
    store = MemoryStore()
    import_labels(store, project.items, said, labeler=WHO)
    return store.read_after(0)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_our_own_exports_come_back(project, tmp_path, kind):
    export(project, tmp_path / "out", formats=[kind])
    said = read_labels(tmp_path / "out" / f"labels.{kind}")
    assert len(said) == 30, "what was only predicted isn't told"
    assert len(read_labels(tmp_path / "out" / f"labels.{kind}", predicted=True)) == 45
    store = MemoryStore()
    done = import_labels(store, project.items, said, labeler="back")
    assert (done.items, done.classes, done.unknown, done.unclear) == (30, 3, (), ())
    assert (knowledge_of(store, project.items).group == project.now().knowledge.group).all()
    names = {event.name for event in Ledger(project.items, store.read_after(0)).names}
    assert names == {"=zero", "one, and", "Zwei 猫"}


def test_pictures_come_back_by_their_content(tmp_path):
    from PIL import Image

    from pal.datasets import open_source

    rng = np.random.default_rng(0)
    for number in range(8):
        file = tmp_path / "photos" / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(file)
        home = tmp_path / "sorted" / ("_unknown" if number > 5 else "cat" if number % 2 else "dog")
        home.mkdir(parents=True, exist_ok=True)
        (home / f"renamed {number}.png").write_bytes(file.read_bytes())
    Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(tmp_path / "sorted" / "cat" / "new.png")
    items, store = open_source(tmp_path / "photos"), MemoryStore()
    done = import_labels(store, items, read_labels(tmp_path / "sorted"), labeler=WHO)
    assert (done.items, done.classes, done.unknown) == (6, 2, ("new.png",))
    known = knowledge_of(store, items)
    assert (known.relation(0, [2, 4, 1, 3, 5, 6, 7]) == [1, 1, -1, -1, -1, 0, 0]).all()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "path,class\nrow 1,x\nrow 2,y\n"),
        ("a.csv", "\ufeffFile;Label\nrow 1;x\nrow 2;y\n"),
        ("a.tsv", "name\tcategory\textra\nrow 1\tx\t\nrow 2\ty\t\n"),
        ("a.csv", 'path,class,source\n"row 1",x,told\nrow 2,y,deduced\nrow 3,z,predicted\nrow 4,,told\n'),
        ("a.jsonl", '{"name": "row 1", "label": "x"}\n\n{"name": "row 2", "label": "y"}\n'),
        ("a.json", json.dumps([{"image": "row 1", "choice": "x", "id": 7}, {"image": "row 2", "choice": "y"}])),
    ],
)
def test_tables(tmp_path, name, text):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    assert [(said.names[0], said.label) for said in read_labels(file)] == [("row 1", "x"), ("row 2", "y")]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "a,b\n1,2\n", "needs a column"),
        ("a.csv", "path,class\n", "no label found"),
        ("a.csv", 'path,class\n"a" b,x\n', "line"),
        ("a.jsonl", "{", "line 1"),
        ("a.jsonl", "[1]", "one object a line"),
        ("a.json", "{}", "expected a list of tasks"),
        ("a.json", "[", "isn't JSON"),
        ("a.json", "[" * 100_000, "isn't JSON"),
        ("a.json", "[1]", "expected a list of tasks"),
        ("a.parquet", "x", "no Parquet"),
        ("a.txt", "x", "expected labels in"),
        (None, "", "can't read"),
    ],
)
def test_files_that_are_none(tmp_path, name, text, words):
    if name is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInputError, match=words):
        read_labels(tmp_path / (name or "missing.csv"))
    (tmp_path / "latin.csv").write_bytes("path,class\nä,x\n".encode("latin-1"))
    with pytest.raises(InvalidInputError, match="UTF-8"):
        read_labels(tmp_path / "latin.csv")


def task(data, *choices, **more):
    results = [{"type": "choices", "value": {"choices": list(chosen)}} for chosen in choices]
    return {"id": 1, "data": data, "annotations": [{"result": results, "was_cancelled": False} | more]}


def test_label_studio(tmp_path):
    taxonomy = {"value": {"taxonomy": [["animal", "cat"]]}}
    tasks = [
        task({"image": "/data/upload/3/1a2b3c4d-one.png"}, ["x"]),
        task({"image": "/data/local-files/?d=deep/folder/two%20b.png"}, ["y"]),
        task({"text": "a text, it is"}, ["x"]),
        task({"image": "three.png"}, ["x"], was_cancelled=True),
        task({"image": "four.png"}, ["x", "y"]),  # several choices say nothing about one class
        task({"image": "five.png"}),
        task({"image": "https://host.example/a/six.png?sig=1"}, ["z"]),
        {"id": 9, "data": {"image": "seven.png"}, "annotations": [{"result": [taxonomy]}]},
        {"data": None, "annotations": [None, {"result": None}, {"result": [None, {"value": 3}]}]},
        {"image": "eight.png", "choice": {"choices": ["x", "y"]}, "annotator": "one.png"},
    ]
    (tmp_path / "a.json").write_text(json.dumps(tasks))
    said = read_labels(tmp_path / "a.json")
    assert [(one.label, one.parent) for one in said] == [("x", ""), ("y", ""), ("x", ""), ("z", ""), ("cat", "animal")]
    assert "one.png" in said[0].names
    assert "deep/folder/two b.png" in said[1].names
    assert said[2].names == ("a text, it is",)
    assert "six.png" in said[3].names


def test_things_are_found_by_the_names_they_may_have():
    from dataclasses import replace

    items = replace(
        some_items(4),
        name=("a/one.png", "b/one.png", "c/two.png", "three"),
        text=("t one", "same", "same", "t three"),
        copies={},
    )
    items = replace(items, copies={items.id[2]: ("c/copy of two.png",)})
    rows = labels._Rows(items)
    assert rows.find([items.id[1]]) == 1
    assert rows.find(["nothing", "a/one.png"]) == 0
    assert rows.find(["one.png"]) is None, "two items have that file name"
    assert rows.find(["elsewhere/two.png"]) == 2
    assert rows.find(["c/copy of two.png"]) == 2
    assert rows.find(["t three"]) == 3
    assert rows.find(["same"]) is None
    assert rows.find([]) is None
