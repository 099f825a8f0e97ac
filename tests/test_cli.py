import csv
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing, contextmanager
from http.cookiejar import CookieJar

import numpy as np
import pytest
from PIL import Image

from pal.cli import main, share_processors
from pal.cli.serve import listen
from pal.project import Page, Project
from pal.store import Answered
from tests.waiting import PATIENCE, wait_until


@pytest.fixture
def pal(monkeypatch, tmp_path, capsys):
    """Run ``pal`` with some words in an empty directory: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["pal", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def sentence(result, *expected):
    """One sentence on standard error and exit code 2."""
    code, _, error = result
    assert code == 2, result
    lines = error.strip().splitlines()
    assert len(lines) == 1, error
    assert lines[0].startswith("pal: ")
    for words in expected:
        assert words in lines[0]


def pictures(folder, count=6):
    """Squares of two colours in two folders."""
    rng = np.random.default_rng(0)
    for i in range(count):
        kind = ("red", "blue")[i % 2]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((40, 40, 3), dtype=np.uint8)
        pixels[..., 0 if kind == "red" else 2] = rng.integers(150, 255, (40, 40))
        Image.fromarray(pixels).save(folder / kind / f"{i}.png")
    return folder


def clumps(path, n=30, **more):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    np.savez(path, x=5.0 * np.eye(3)[labels] + 0.3 * rng.standard_normal((n, 3)), y=labels, **more)
    return path


def label(source, pages=100, **options):
    """Answer pages by the true labels."""
    with Project.create_or_open(source, page_size=5, **options) as project:
        labels, row = project.items.labels, project.items.row
        if labels is None:
            labels = [name.split("/")[0] for name in project.items.name]
        for _ in range(pages):
            project.settle()  # the same pages every time
            page = project.page("ann")
            if not isinstance(page, Page):
                break
            own = labels[row[page.template.id]]
            relations = [1 if labels[row[tile.id]] == own else -1 for tile in page.tiles]
            items = [tile.id for tile in page.tiles]
            project.record(
                [Answered(labeler="ann", page=page.id, template=page.template.id, items=items, relations=relations)]
            )
        for group in project.groups():
            project.rename(group.anchor, f"kind {labels[row[group.anchor]]}", "ann")
        project.settle()
        return project.progress()


# --- bad input: one sentence, exit code 2 ------------------------------------------------------------------------


def test_no_such_folder(pal):
    sentence(pal("annotate", "nowhere", "--no-browser", "--port", 0), "no such folder: nowhere")


def test_empty_folder(pal, tmp_path):
    (tmp_path / "empty").mkdir()
    sentence(pal("annotate", "empty", "--no-browser", "--port", 0), "empty is empty")


def test_a_folder_of_texts_only(pal, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "fake.png").write_text("not a picture")
    result = pal("annotate", "texts", "--no-browser", "--port", 0)
    sentence(result, "no picture that can be read", "fake.png", "not a picture in a known format")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full((5, 3), np.nan), "NaN or infinity in 5 of 5 rows"),
        (np.r_[np.zeros((4, 3)), [[0, np.inf, 0]]], "the first is row 4: NaN, infinity"),
        (np.zeros(5), "shape (5,)"),
        (np.zeros((5, 2, 2)), "shape (5, 2, 2)"),
        (np.zeros((1, 3)), "at least 2 items"),
        (np.array([["a", "b"]] * 3), "matrix of numbers"),
    ],
)
def test_bad_embeddings(pal, tmp_path, array, words):
    np.save(tmp_path / "bad.npy", array)
    sentence(pal("annotate", "bad.npy", "--no-browser", "--port", 0), "bad.npy", words)


def test_pickled_embeddings_are_not_loaded(pal, tmp_path):
    np.save(tmp_path / "bad.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    sentence(pal("annotate", "bad.npy", "--no-browser", "--port", 0), "can't read bad.npy")


def test_a_file_that_is_no_source(pal, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    sentence(pal("annotate", "notes.txt", "--no-browser", "--port", 0), "notes.txt", "folder of pictures")


def test_a_store_from_another_data_set(pal, tmp_path):
    clumps(tmp_path / "one.npz")
    label("one.npz", 1)
    np.save(tmp_path / "two.npy", np.random.default_rng(5).standard_normal((20, 3)))
    words = ("annotate", "two.npy", "--project", "one.npz.pal", "--no-browser", "--port", 0)
    sentence(pal(*words), "belongs to another data set", "one.npz")


def test_a_port_in_use(pal, tmp_path):
    clumps(tmp_path / "one.npz")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence(pal("annotate", "one.npz", "--no-browser", "--port", port), f"port {port}", "in use", "--port")


def test_another_host(pal):
    sentence(pal("annotate", "--demo", "--host", "0.0.0.0"), "takes accounts", "0.0.0.0")


@pytest.mark.parametrize("command", [("annotate", "one.npz", "--no-browser", "--port", 0), ("simulate", "digits")])
def test_an_unknown_oracle(pal, tmp_path, command):
    clumps(tmp_path / "one.npz")
    sentence(pal(*command, "--oracle", "delphi"), "unknown oracle 'delphi'", "captcha")


def test_an_unknown_encoder(pal, tmp_path):
    pictures(tmp_path / "photos")
    words = ("annotate", "photos", "--encoder", "eyes", "--no-browser", "--port", 0)
    sentence(pal(*words), "unknown encoder 'eyes'", "pixels")


def test_an_unknown_set(pal):
    sentence(pal("simulate", "imagenet"), "unknown set 'imagenet'", "digits")


def test_an_npz_without_classes(pal, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.eye(4))
    sentence(pal("simulate", "x.npz"), "no classes y")


def test_no_project(pal, tmp_path):
    for command in ("status", "export"):
        sentence(pal(command, "nothing"), "no project in nothing.pal")
        sentence(pal(command), "which project?")


def test_an_export_into_a_full_folder(pal, tmp_path):
    clumps(tmp_path / "one.npz")
    label("one.npz", 1)
    sentence(pal("export", "one.npz", "--out", "."), "isn't an empty folder")
    sentence(pal("export", "one.npz", "--out", "new", "--format", "xls"), "unknown format xls", "parquet")


def test_predict_without_a_model(pal, tmp_path):
    sentence(pal("predict", "none.safetensors", "x"), "no such file: none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0nonsense")
    sentence(pal("predict", "bad.safetensors", "x"), "can't read bad.safetensors")


@pytest.mark.parametrize(
    "words", [("annotate",), ("annotate", "x", "--demo"), ("annotate", "--demo", "--page-size", 0)]
)
def test_wrong_usage(pal, words):
    code, _, error = pal(*words)
    assert code == 2
    assert "Usage" in error


def test_without_the_annotate_extra():
    """The command says which pip command brings what is missing."""
    hidden = "import sys; sys.modules['typer'] = None; sys.argv = ['pal']; from pal.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr == "pal: typer is not installed; run: pip install 'pal-learn[annotate]'\n"


def test_without_what_serves(pal, tmp_path, monkeypatch):
    monkeypatch.setattr("pal.cli.serve.find_spec", lambda name: None if name == "uvicorn" else object())
    sentence(
        pal("annotate", tmp_path, "--no-browser", "--port", "0"), "uvicorn is not installed", "pal-learn[annotate]"
    )


# --- what works ----------------------------------------------------------------------------------------------------


def test_status_says_how_far(pal, tmp_path):
    clumps(tmp_path / "one.npz")
    label("one.npz")
    code, out, _ = pal("status", "one.npz")
    assert code == 0
    assert "30 items" in out
    assert "0 predicted" in out
    assert "kind 1: " in out
    assert pal("status", "one.npz.pal")[1] == out
    assert pal("status", "--project", "one.npz.pal")[1] == out
    numbers = json.loads(pal("status", "one.npz", "--json")[1])
    assert (numbers["n_items"], numbers["n_groups"]) == (30, 3)


def test_export_and_predict_pictures(pal, tmp_path):
    """Labels by folder reach the table and the classifier, which then knows new pictures."""
    photos = pictures(tmp_path / "photos", 12)
    (photos / "broken.png").write_text("not a picture")
    before = sorted(tmp_path.rglob("photos/**"))
    label("photos", encoder="pixels")
    code, out, _ = pal("export", "photos", "--out", "out")
    assert code == 0
    assert "labels.csv" in out
    with (tmp_path / "out" / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["path"].split("/")[0], row["class"]) for row in rows} == {("red", "kind red"), ("blue", "kind blue")}
    links = sorted((tmp_path / "out" / "images").rglob("*.png"))
    assert len(links) == 12
    assert all(link.is_symlink() for link in links)
    assert sorted(tmp_path.rglob("photos/**")) == before, "the source is never changed"
    pictures(tmp_path / "new", 6)
    (tmp_path / "new" / "broken.jpg").write_text("nothing")
    code, out, error = pal("predict", "out/classifier.safetensors", "new", "--out", "new.csv")
    assert (code, out) == (0, "")
    assert "skipped broken.jpg" in error
    with (tmp_path / "new.csv").open() as file:
        found = list(csv.DictReader(file))
    assert len(found) == 6
    assert all(row["class"] == f"kind {row['path'].split('/')[0]}" for row in found)
    sentence(pal("predict", "out/classifier.safetensors", clumps(tmp_path / "x.npz")), "takes pictures")


@pytest.mark.slow
@pytest.mark.parametrize("source", ["circles", "mixture", "own.npz"])
def test_simulate_writes_a_curve_and_a_plot(pal, tmp_path, source):
    clumps(tmp_path / "own.npz")
    words = ("simulate", source, "--oracle", "captcha", "--pages", 4, "--error", 0.1, "--seed", 3, "--page-size", 5)
    code, out, _ = pal(*words, "--out", "runs/run.json")
    assert code == 0
    assert "4 pages, 20 answers" in out
    curve = json.loads((tmp_path / "runs" / "run.json").read_text())
    assert list(curve) == ["data", "oracle", "seed", "pages", "answers", "seconds", "ari", "accuracy"]
    assert (curve["data"], curve["oracle"], curve["seed"]) == (source, "captcha", 3)
    assert curve["pages"] == [1, 2, 3, 4]
    assert curve["answers"] == [5, 10, 15, 20]
    assert list(curve["accuracy"]) == ["told", "deduced", "predicted"]
    assert {len(curve[key]) for key in ("seconds", "ari")} | {len(v) for v in curve["accuracy"].values()} == {4}
    assert np.all(np.diff(curve["seconds"]) > 0)
    with Image.open(tmp_path / "runs" / "run.png") as plot:
        assert min(plot.size) > 100
    pal(*words, "--out", "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == curve, "the same seed, the same curve"


@contextmanager
def serving(tmp_path, *words):
    """A server in a process of its own: the process, the address it prints, and all it printed until then."""
    command = [sys.executable, "-m", "pal", "annotate", *words, "--no-browser", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            lines = []
            for line in server.stdout:
                lines.append(line)
                if line.startswith("open "):
                    break
            else:
                raise AssertionError(f"no address in {lines}: {server.stderr.read()}")
            yield server, line.split()[1], "".join(lines)
        finally:
            server.kill()


def stopped_well(server):
    """Whether Ctrl+C ends it without a traceback."""
    server.send_signal(signal.SIGINT)
    _, error = server.communicate(timeout=PATIENCE)
    return server.returncode in (0, 130) and "Traceback" not in error


@pytest.mark.slow
def test_annotate_serves_a_page_and_resumes(tmp_path):
    """A page over HTTP, an answer, kill -9, and the answer is there when it starts again."""
    photos = pictures(tmp_path / "photos", 40)
    (photos / "fake.png").write_text("not a picture")
    (photos / "red" / "copy.png").write_bytes((photos / "red" / "0.png").read_bytes())
    for start in range(2):
        with serving(tmp_path, "photos", "--encoder", "pixels", "--page-size", "5") as (server, address, said):
            assert "40 items in photos, 1 exact copy grouped" in said
            assert "1 × not a picture in a known format" in said
            assert "fake.png" in said
            assert "project: photos.pal" in said
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            base = address.split("/?")[0]

            def get(place, sent=None, browser=browser, base=base):
                headers = {"content-type": "application/json", "origin": base}
                data = None if sent is None else json.dumps(sent).encode()
                with browser.open(urllib.request.Request(base + place, data, headers)) as reply:
                    return reply.read()

            assert b"<html" in get(address.removeprefix(base))
            wait_until(lambda: json.loads(get("/api/progress"))["n_groups"])  # the first model
            told = json.loads(get("/api/page"))
            assert told["progress"]["pages"] == start
            page = told["page"]
            assert get(f"/thumbnails/{page['template']['id']}?size=96").startswith(b"\xff\xd8")
            event = {"kind": "answered", "id": f"{start:032x}", "time": 1.0, "page": page["id"], "mode": page["mode"]}
            event |= {"template": page["template"]["id"], "items": [tile["id"] for tile in page["tiles"]]}
            event["relations"] = [1] * len(page["tiles"])
            assert json.loads(get("/api/events", {"events": [event]}))["accepted"] == [event["id"]]
            if start == 0:
                os.kill(server.pid, signal.SIGKILL)
                server.communicate()
            else:
                assert stopped_well(server)


@pytest.mark.parametrize("name", ["OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"])
def test_threads_that_were_asked_for_stay(name):
    environ = {name: "7"}
    share_processors(environ)
    assert environ == {name: "7"}


def test_linear_algebra_leaves_processors_to_others():
    """Told before NumPy is imported, by any command, and to the processes that it starts."""
    code = (
        "import sys; from pal.cli import main; assert 'numpy' not in sys.modules; sys.argv = ['pal', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "import os, numpy, scipy.linalg, threadpoolctl\n"
        "found = [one for one in threadpoolctl.threadpool_info() if one['internal_api'] == 'openblas']\n"
        "assert all(one['num_threads'] <= max(1, os.cpu_count() // 2) for one in found), found\n"
        "assert os.environ['OPENBLAS_NUM_THREADS'] == str(max(1, os.cpu_count() // 2))"
    )
    own = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    subprocess.run([sys.executable, "-c", code], env=own, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.slow
def test_the_demo_starts_and_stops(tmp_path):
    with serving(tmp_path, "--demo") as (server, address, said):
        assert "1,797 items in digits" in said
        assert address.startswith("http://127.0.0.1:")
        # Where SIGINT is ignored, as in what a script runs in the background, it counts once the server answers.
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        with browser.open(address) as page:
            assert b"<html" in page.read()
        assert stopped_well(server)


def test_replies_are_sent_at_once():
    """Not held back until the browser acknowledges what came before, for 40 ms: asyncio sees to it for TCP by name."""
    with closing(listen("127.0.0.1", 0)) as bound, socket.create_connection(bound.getsockname()):
        accepted, _ = bound.accept()
        with closing(accepted):
            assert accepted.proto == socket.IPPROTO_TCP
