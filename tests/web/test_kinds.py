"""Sounds, texts and rows of a table behind the application, from the source to the page and the export."""

import io
import wave

import numpy as np
import pytest
from starlette.testclient import TestClient

from pal.cli.serve import broken, found, where
from pal.datasets import Reading, open_source
from pal.encoders import get_encoder, installed_encoders
from pal.export import export
from pal.export.classifier import load_classifier
from pal.export.pictures import inner_name
from pal.export.predicting import predictions
from pal.project import Project
from pal.store import Answered
from pal.web.app import create_app

HOSTILE = "<img src=x onerror=alert(1)>"
KINDS = {"moon": "orbit rocket moon shuttle launch", "bread": "bread butter oven recipe sugar"}


def write_wave(path, samples, rate=16_000):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 20_000).astype("<i2").tobytes())


def behind(project):
    return TestClient(create_app(project, token=None), base_url="http://127.0.0.1:8000")


def answer(project, kind_of):
    """Answer pages by name until nothing is left; then every item is told or deduced."""
    while hasattr(page := project.page("ann"), "tiles"):
        relations = tuple(1 if kind_of(tile.name) == kind_of(page.template.name) else -1 for tile in page.tiles)
        items = tuple(tile.id for tile in page.tiles)
        said = Answered(labeler="ann", page=page.id, template=page.template.id, items=items, relations=relations)
        project.record([said])
        project.settle()


@pytest.fixture
def sounds(tmp_path):
    pytest.importorskip("soundfile")
    home = tmp_path / "sounds"
    home.mkdir()
    rng = np.random.default_rng(0)
    t = np.arange(8000) / 16_000
    for i in range(12):
        tone = 0.5 * np.sin(2 * np.pi * rng.uniform(300, 500) * t)
        write_wave(home / f"tone-{i}.wav", tone)
        write_wave(home / f"hiss-{i}.wav", 0.2 * rng.standard_normal(8000).clip(-4, 4))
    (home / "copy.wav").write_bytes((home / "tone-0.wav").read_bytes())
    (home / "fake.wav").write_text("no sound")
    return home


def test_sounds_from_the_folder_to_new_predictions(sounds, tmp_path):
    with Project.create_or_open(sounds, page_size=5) as project:
        said = found(project.items)
        assert said[0] == f"24 items in {sounds}, 1 exact copy grouped (sounds)"
        assert said[1] == "1 skipped:"
        assert "fake.wav" in said[2]
        assert [line.partition(":")[0] for line in where(project)] == ["encoder", "project", "store"]
        assert broken(project) == []
        client, item = behind(project), project.items.id[0]
        heard = client.get(f"/sounds/{item}")
        assert (heard.status_code, heard.headers["content-type"]) == (200, "audio/flac")
        assert heard.headers["x-content-type-options"] == "nosniff"
        assert "media-src 'self'" in heard.headers["content-security-policy"]
        import soundfile

        samples, rate = soundfile.read(io.BytesIO(heard.content))
        assert (len(samples), rate) == (8000, 16_000)
        assert client.get(f"/thumbnails/{item}?size=256").content.startswith(b"\xff\xd8")
        answer(project, lambda name: name[:4] if name != "copy.wav" else "tone")
        export(project, tmp_path / "out")
    assert len(list((tmp_path / "out" / "images").glob("*/*.wav"))) == 25, "each path, the copy included"
    classifier = load_classifier(tmp_path / "out" / "classifier.safetensors")
    rows, _ = predictions(classifier, open_source(sounds), home=tmp_path / "out")
    classes = {row.path: row.class_name for row in rows}
    assert len({classes[f"tone-{i}.wav"] for i in range(12)}) == len({classes[f"hiss-{i}.wav"] for i in range(12)}) == 1
    assert classes["tone-0.wav"] == classes["copy.wav"] != classes["hiss-0.wav"]


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "0" * 63, "g" * 64, "0" * 64])
def test_only_sounds_of_items_are_served(client, project, name):
    assert client.get(f"/sounds/{name}").status_code in (404, 422)
    assert client.get(f"/sounds/{project.items.id[0]}").status_code == 415, "a digit makes no sound"


@pytest.fixture
def table(tmp_path):
    import csv

    rng = np.random.default_rng(0)
    rows = [{"id": "../../escape", "text": HOSTILE, "note": "=1+1"}]
    rows += [
        {"id": f"{kind}-{i}", "text": " ".join(rng.choice(words.split(), 6)) + f" {i}", "note": HOSTILE}
        for kind, words in KINDS.items()
        for i in range(15)
    ]
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path / "t.csv"


def test_texts_from_a_table_to_new_predictions(table, tmp_path):
    with Project.create_or_open(table, reading=Reading(columns=("text",)), encoder="tfidf", page_size=8) as project:
        assert project.features.encoder.startswith("tfidf-")
        page = behind(project).get("/api/page").json()["page"]
        told = {tile["name"]: tile for tile in (page["template"], *page["tiles"])}
        assert all(tile["text"] and tile["cells"][0][0] == "note" for tile in told.values())
        assert behind(project).get(f"/thumbnails/{page['template']['id']}").status_code == 422
    with Project.create_or_open(table, page_size=8) as project:  # what was asked for is remembered
        assert project.features.encoder.startswith("tfidf-")
        answer(project, lambda name: name[:3])
        export(project, tmp_path / "out")
    lines = (tmp_path / "out" / "labels.csv").read_text().splitlines()
    assert len(lines) == 32
    assert not any(cell.startswith(("=", "@")) for line in lines for cell in line.split(","))
    classifier = load_classifier(tmp_path / "out" / "classifier.safetensors")
    rows, _ = predictions(classifier, open_source(table), home=tmp_path / "out")
    assert len({row.class_name for row in rows if row.path.startswith("moon")}) == 1


def test_texts_are_shown_as_far_as_a_card_goes(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.txt").write_text(f"{i} word " * 3000)
    with Project.create_or_open(tmp_path, tmp_path / "p.pal", encoder="tfidf") as project:
        tile = project.page("ann").template
        assert len(tile.text) == 4000
        assert tile.text.endswith("…")


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("a/b.png", "a/b.png"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("..\\..\\x", "x"),
        ("a/../../b", "a/b"),
        ("..", "_"),
        ("C:/x", "C_/x"),
    ],
)
def test_names_from_tables_cannot_leave_the_export(name, inner):
    assert inner_name(name) == inner


def test_a_folder_is_read_once(tmp_path, monkeypatch):
    import os

    from PIL import Image

    home = tmp_path / "f"
    home.mkdir()
    for i in range(4):
        Image.new("RGB", (8, 8), (60 * i, 0, 0)).save(home / f"{i}.png")
        os.utime(home / f"{i}.png", (1, 1))
    cache = tmp_path / "seen.jsonl"
    first = open_source(home, cache=cache)
    from pal.datasets import scan

    asked = []
    real = scan.pool().look
    monkeypatch.setattr(scan.pool(), "look", lambda files: asked.extend(files) or real(files))
    assert open_source(home, cache=cache).id == first.id
    assert asked == []
    Image.new("RGB", (8, 8), (0, 99, 0)).save(home / "2.png")
    again = open_source(home, cache=cache)
    assert [path.rpartition("/")[2] for path, _ in asked] == ["2.png"]
    assert len(set(again.id) - set(first.id)) == 1
    cache.write_text("torn{")
    asked.clear()
    assert open_source(home, cache=cache).id == again.id
    assert len(asked) == 4


def test_log_mel_is_the_encoder_of_sounds():
    if installed_encoders("sounds"):
        assert get_encoder("log-mel").takes == "sounds"
