"""The efficiency benchmark: its files, what is kept, and how peers' answers are counted."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks import _curves, efficiency
from benchmarks._averages import needed
from benchmarks._curves import Settings, label_peer_curve, list_seconds, oracle_curve
from benchmarks._rivals import PEERS
from benchmarks._sets import Data
from pal.errors import InvalidInputError

WORDS = ["--data", "iris", "--oracles", "captcha", "random", "--seeds", "2", "--answers", "45", "--peers"]


def blobs(n=60, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    x = 8.0 * np.eye(n_classes)[y] + rng.standard_normal((n, n_classes))
    return Data(x[: n // 2], y[: n // 2], x[n // 2 :], y[n // 2 :])


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("efficiency")
    efficiency.execute(WORDS, folder)
    return folder


def test_the_file_has_what_it_promises(out):
    document = json.loads((out / "efficiency.json").read_text())
    assert [(run["data"], run["oracle"]) for run in document["runs"]] == [("iris", "captcha"), ("iris", "random")]
    for run in document["runs"]:
        n = len(run["answers"])
        assert run["answers"] == [0, 15, 30, 45]
        assert run["pages"] == sorted(run["pages"])
        assert run["seconds"] == sorted(run["seconds"])
        for measure in (run["ari"], run["heldout"], *run["accuracy"].values()):
            assert {key: len(values) for key, values in measure.items()} == {"mean": n, "std": n}
        assert all(0.0 <= value <= 1.0 for value in run["heldout"]["mean"])
        assert list(run["accuracy"]) == ["told", "deduced", "predicted"]


def test_told_labels_are_right_with_a_perfect_labeler(out):
    for run in json.loads((out / "efficiency.json").read_text())["runs"]:
        assert {v for v in run["accuracy"]["told"]["mean"] if v is not None} == {1.0}


def test_tables_and_plot(out):
    text = (out / "efficiency.md").read_text()
    assert "## iris ari" in text
    assert "| captcha |" in text
    assert "PAL, 2 seeds" in text
    assert (out / "efficiency.png").stat().st_size > 1000


@pytest.mark.slow
def test_what_is_there_is_not_run_again(out, monkeypatch):
    ran = []
    monkeypatch.setattr(efficiency, "run_one", lambda task: ran.append((task.oracle, task.seed)))
    before = (out / "efficiency.json").read_text()
    efficiency.execute(WORDS, out)
    assert ran == []
    assert json.loads((out / "efficiency.json").read_text())["runs"] == json.loads(before)["runs"]
    efficiency.execute([*WORDS, "--again", "random"], out)
    assert ran == [("random", 0), ("random", 1)]
    assert len(list((out / "runs").glob("*.json"))) == 4


def test_other_settings_are_other_curves(tmp_path):
    tasks = {
        efficiency.Task(data, oracle, seed, settings, tmp_path, None).path
        for data in ("iris", "wine")
        for oracle in ("captcha", "random")
        for seed in (0, 1)
        for settings in (Settings(), Settings(labeler="misses"), Settings(page=1))
    }
    assert len(tasks) == 24


@pytest.mark.slow
def test_absent_rivals_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("benchmarks._rivals.find_spec", lambda name: None)
    efficiency.execute(["--data", "iris", "--oracles", "captcha", "--seeds", "1", "--answers", "15"], tmp_path)
    absent = json.loads((tmp_path / "efficiency.json").read_text())["missing"]
    assert set(absent) == set(PEERS)
    assert "pip install" in absent["peer-margin"]
    assert "peer-margin: scikit-activeml is missing" in capsys.readouterr().out


def test_unknown_names_are_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        efficiency.execute(["--oracles", "best"], tmp_path)
    assert "unknown oracle 'best'" in capsys.readouterr().err
    with pytest.raises(InvalidInputError, match="unknown set 'nothing'"):
        efficiency.execute(["--data", "nothing", "--oracles", "captcha", "--seeds", "1", "--peers"], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("labeler", ["perfect", "wrong:0.2", "crowd:3", "refusing:0.3"])
def test_answers_are_distinct_pairs(labeler):
    data = blobs()
    points = list(oracle_curve(data, "random", Settings(answers=60, labeler=labeler), seed=0))
    assert [point["answers"] for point in points] == [15.0 * i for i in range(len(points))]
    assert points[-1]["answers"] >= 60
    assert np.diff([point["seconds"] for point in points]).min() >= 15 * 1.9 - 1e-9  # pairs, each on its own


def test_everything_known_ends_a_curve():
    points = list(oracle_curve(blobs(24), "captcha", Settings(answers=1000, page=4), seed=0))
    assert points[-1]["settled"] == 1.0
    assert points[-1]["ari"] == 1.0
    assert points[-1]["wrong"] == 0.0
    assert points[-1]["answers"] < 12 * 11 / 2


def in_order(peer, x, said, known, *, n_classes, seed):
    yield from range(len(x))


def test_a_label_counts_the_answers_that_name_it(monkeypatch):
    """Without a guess classes are tried in order: class c of 3 takes c + 1 answers, the last follows from two "no"."""
    monkeypatch.setattr(_curves, "label_order", in_order)
    monkeypatch.setattr(_curves, "_guess", lambda data, said, known: np.zeros((len(said), 3)))
    points = list(label_peer_curve(blobs(), "peer-random", Settings(answers=15, page=1), seed=0))
    assert [point["answers"] for point in points][:5] == [0, 1, 3, 5, 6]  # items of class 0, 1, 2, 0
    assert [point["seconds"] for point in points][:3] == [0, list_seconds(3), 2 * list_seconds(3)]


def test_wrong_answers_spoil_a_peers_labels(monkeypatch):
    monkeypatch.setattr(_curves, "label_order", in_order)
    settings = {error: Settings(answers=55, page=5, labeler=f"wrong:{error}") for error in (0.0, 0.4)}
    last = {
        error: list(label_peer_curve(blobs(), "peer-random", s, seed=0))[-1]["ari"] for error, s in settings.items()
    }
    assert last[0.0] == 1.0
    assert last[0.4] < 0.9


def test_a_label_takes_longer_from_a_longer_list():
    assert list_seconds(10) == pytest.approx(4.3)
    assert list_seconds(100) == pytest.approx(17.6, abs=0.05)
    assert 2.5 < list_seconds(2) < 4.3


def test_the_classifier_on_held_out_items():
    data = blobs()
    test = _curves.tester(data)
    nothing = np.zeros(len(data.y))
    assert np.isnan(test(data.y, nothing))
    assert test(data.y, np.ones(len(data.y))) == 1.0
    assert test(np.zeros_like(data.y), np.ones(len(data.y))) == pytest.approx((data.y_test == 0).mean())
    light = np.where(np.arange(len(data.y)) < 15, 1.0, 1e-3)
    spoiled = np.where(light == 1.0, data.y, (data.y + 1) % 3)
    assert test(spoiled, light) == 1.0


@pytest.mark.skipif(find_spec("metric_learn") is None, reason="needs active-semi-supervised-clustering")
@pytest.mark.parametrize("peer", ["peer-pckmeans-minmax", "peer-pckmeans-consolidate"])
def test_pairwise_peers(peer):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    run = [PEERS[peer].curve(blobs(), peer, Settings(answers=40), 0) for _ in range(2)]
    errors = np.geterr()
    first, second = (list(points) for points in run)
    assert np.geterr() == errors
    assert first == second
    assert [point["answers"] for point in first] == [20, 40]
    assert first[-1]["ari"] > 0.9
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


@pytest.mark.slow
@pytest.mark.skipif(find_spec("skactiveml") is None, reason="needs scikit-activeml")
@pytest.mark.parametrize("peer", ["peer-margin", "peer-typiclust", "peer-badge", "peer-max-herding"])
@pytest.mark.filterwarnings("ignore")
def test_label_peers(peer):
    points = list(PEERS[peer].curve(blobs(), peer, Settings(answers=30, page=5), 0))
    assert points[-1]["ari"] > 0.8
    assert points[-1]["answers"] >= 30
    assert (
        needed({"answers": [p["answers"] for p in points], "ari": {"mean": [p["ari"] for p in points]}}, "ari", 0.5)
        < 31
    )
