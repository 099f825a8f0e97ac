"""The experiments with networks, at sizes of seconds: what they share, what they claim, and each command whole."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("kornia")
pytest.importorskip("matplotlib")

from hypothesis import given
from hypothesis import strategies as st

from experiments import augmentations, cifar, graphs, learning, neighbors
from experiments.__main__ import main
from experiments.nets import Plan, Scores, Task, few_labels, graph_of, learned, load_task, repeated, scores
from experiments.results import Result, load
from pal.builders import from_labels, identity
from pal.errors import InvalidInputError
from pal.training import EachEpoch, embed

TINY = Plan(width=8, n_components=8, epochs=1, batch_size=20, device="cpu")


@pytest.fixture
def cifar_file(tmp_path):
    """80 + 40 pictures in the shape of CIFAR-10's; the ten classes are brightnesses."""
    rng = np.random.default_rng(0)
    parts = {}
    for name, n in (("train", 80), ("test", 40)):
        y = np.arange(n) % 10
        x = 20 * y[:, None, None, None] + rng.integers(0, 50, (n, 32, 32, 3))
        parts |= {f"x_{name}": x.astype(np.uint8), f"y_{name}": y}
    path = tmp_path / "cifar.npz"
    np.savez(path, **parts)
    return path


def task(n=40):
    y = np.arange(n) % 4
    x = 60 * y[:, None, None, None] + np.random.default_rng(0).integers(0, 40, (n, 8, 8, 1))
    return Task(x.astype(np.uint8), y, x.astype(np.uint8), y)


# --- what they share ----------------------------------------------------------------------------------------


def test_the_task_is_that_of_the_seed(cifar_file):
    one, same, other = (load_task(str(cifar_file), n_train=50, n_test=None, shrink=2, seed=s) for s in (0, 0, 1))
    assert one.x.shape == (50, 16, 16, 3)
    assert len(one.y_test) == 40
    np.testing.assert_array_equal(one.x, same.x)
    assert not np.array_equal(one.y, other.y)
    # A shrunk picture is the mean of squares: brightness, and so the class, stays.
    assert np.corrcoef(one.x.mean((1, 2, 3)), one.y)[0, 1] > 0.99
    with pytest.raises(InvalidInputError, match="shrink must divide"):
        load_task(str(cifar_file), n_train=None, n_test=None, shrink=5, seed=0)


@given(st.integers(1, 5), st.integers(2, 6), st.integers(0, 50), st.floats(0.0, 0.9))
def test_known_items_are_repeated_up_to_their_share(n_known, n_classes, n_other, share):
    y = np.arange(n_classes * n_known + n_classes * n_other) % n_classes
    known = few_labels(y, n_classes * n_known, seed=0)
    assert np.bincount(known[known >= 0]).tolist() == [n_known] * n_classes
    assert (known[known >= 0] == y[known >= 0]).all()
    rows = repeated(known, share=share)
    assert np.array_equal(np.unique(rows), np.arange(len(y)))
    counts = np.bincount(rows)
    assert (counts[known < 0] == 1).all()
    assert len(np.unique(counts[known >= 0])) == 1
    got = np.mean(known[rows] >= 0)
    assert got >= share - 1e-12
    if counts.max() > 1:  # once less would be too few
        assert (counts.max() - 1) * len(known[known >= 0]) / (len(rows) - len(known[known >= 0])) < share


def test_the_graphs_by_name():
    known = np.array([0, -1, 0, 1])
    ssl, supervised = np.eye(4), np.outer(known == 0, known == 0) + np.outer(known == 1, known == 1)
    np.testing.assert_array_equal(graph_of("ssl", known).to_dense(), ssl)
    np.testing.assert_array_equal(graph_of("supervised", known).to_dense(), supervised)
    np.testing.assert_array_equal(graph_of("mixed", known).to_dense(), (ssl + supervised) / 2)
    rows = np.array([0, 1, 2, 3, 0])
    np.testing.assert_array_equal(
        graph_of("mixed", known, rows).to_dense(), ((ssl + supervised) / 2)[np.ix_(rows, rows)]
    )
    assert isinstance(graph_of("nn", known), EachEpoch)


def test_methods_of_a_seed_start_from_the_same_weights():
    t = task()
    a, b = learned(t, TINY, None), learned(t, TINY, None)
    np.testing.assert_array_equal(embed(a, t.x), embed(b, t.x))
    other = learned(t, replace(TINY, seed=1), None)
    assert not np.allclose(embed(a, t.x), embed(other, t.x))
    trained = learned(t, TINY, identity(40), loss="simclr")
    assert not np.allclose(embed(a, t.x), embed(trained, t.x))


def test_the_probes_see_all_labels_or_the_few():
    """Brightness tells the classes; labels that are wrong where they are unknown change the few-label probe nothing."""
    t = task()
    known = np.where(np.arange(40) < 20, t.y, -1)
    assert scores(t, None, known) == Scores(1.0, 1.0)
    wrong = t._replace(y=np.where(known >= 0, t.y, 0))
    assert scores(wrong, None, known).few == 1.0
    assert scores(wrong, None, known).full < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("method", learning.METHODS)
def test_every_method_of_the_comparison_runs(method):
    t = task(60)
    found = learning.one(method, t, TINY, few_labels(t.y, 8, seed=0))
    assert all(0 <= value <= 1 for value in found)


def test_beliefs_use_a_tenth_of_the_answers(monkeypatch):
    """Items held against one class after the other: 2.25 answers an item for four classes."""
    assert learning.answers_that_settle(np.arange(40) % 4) == 40 * (2.5 - 0.25)
    rng, y = np.random.default_rng(0), np.arange(4000) % 4
    settled = [next(k for k, c in enumerate(rng.permutation(4), 1) if c == label or k == 3) for label in y]
    assert np.mean(settled) == pytest.approx(2.25, abs=0.05)
    asked = []
    from pal.labelers import SimulatedLabeler

    original = SimulatedLabeler.__call__
    monkeypatch.setattr(SimulatedLabeler, "__call__", lambda s, q: asked.append(len(q.items)) or original(s, q))
    t = task(200)
    graph = learning.believed(t, "random", 0)
    assert graph.n_items == 200
    assert 0 < sum(asked) <= 0.1 * 200 * 2.25


def test_claims_are_paired_differences():
    data = {"nn": [[0.5, 0.25], [0.75, 0.5]], "simclr": [[0.25, 0.5], [0.75, 0.5]], "mse": [[0.1, 0.1], [0.1, 0.1]]}
    result = Result("learning", list(data), "Method", {}, {}, data=data)
    lines = learning.claims(result)[2:]
    assert lines == [
        "| neighbours as positives ≥ SimCLR | full | nn 0.625 | simclr 0.500 | +0.125 (+0.250, +0.000) |",
        "| neighbours as positives ≥ SimCLR | few | nn 0.375 | simclr 0.500 | -0.125 (-0.250, +0.000) |",
    ]


# --- the commands -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_learning(cifar_file, tmp_path, capsys):
    arguments = ["--data", str(cifar_file), "--seeds", "2", "--epochs", "1", "--n-train", "60", "--width", "8"]
    assert main(["learning", *arguments, "--methods", "pixels", "simclr", "nn", "--out", str(tmp_path)]) == 0
    assert "| neighbours as positives ≥ SimCLR | full |" in capsys.readouterr().out
    result = load(tmp_path / "learning-cifar.json")
    assert result.x == ["pixels", "simclr", "nn"]
    assert {len(runs) for runs in result.data.values()} == {2}
    assert (tmp_path / "learning-cifar.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("loss", cifar.LOSSES)
def test_the_command_cifar(cifar_file, tmp_path, monkeypatch, loss):
    monkeypatch.setattr(cifar, "SMALL", replace(cifar.SMALL, width=8, batch_size=20))
    arguments = ["--data", str(cifar_file), "--small", "--epochs", "1", "--loss", loss, "--device", "cpu"]
    assert main(["cifar", *arguments, "--out", str(tmp_path)]) == 0
    content = json.loads((tmp_path / f"cifar-all-{loss}-small.json").read_text())
    assert content["x"] == list(cifar.GRAPHS)
    assert all(0 <= a <= 1 for part in content["curves"].values() for a in part["mean"])
    assert (tmp_path / f"cifar-all-{loss}-small.png").exists()


@pytest.mark.slow
def test_the_command_neighbors(cifar_file, tmp_path):
    arguments = ["--data", str(cifar_file), "--seeds", "1", "--epochs", "2", "--n-train", "200", "--width", "8"]
    assert main(["neighbors", *arguments, "--out", str(tmp_path)]) == 0
    result = load(tmp_path / "neighbors-cifar.json")
    assert result.x == list(neighbors.WAYS)
    assert (tmp_path / "neighbors-cifar.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_command_rounds(cifar_file, tmp_path):
    sizes = ["--seeds", "1", "--epochs", "1", "--n-train", "60", "--width", "8", "--rounds", "2", "--pages", "2"]
    assert main(["rounds", "--data", str(cifar_file), *sizes, "--oracle", "captcha", "--out", str(tmp_path)]) == 0
    result = load(tmp_path / "rounds-cifar.json")
    assert result.x == [1, 2]
    assert {np.shape(runs) for runs in result.data.values()} == {(1, 2, 3)}
    table = {way: np.array(runs) for way, runs in result.data.items()}
    # The first round asks before anything was trained, and so the same in every way.
    assert table["views"][0, 0, 2] == table["hard"][0, 0, 2] == table["believed"][0, 0, 2]
    assert (tmp_path / "rounds-cifar.png").read_bytes().startswith(b"\x89PNG")


def test_purity_is_the_share_of_neighbours_of_one_class():
    graph = identity(4) + from_labels(np.array([0, 0, 1, 1]))
    assert neighbors.purity(graph, np.array([5, 5, 5, 6])) == 0.5
    assert np.isnan(neighbors.purity(identity(4), np.arange(4)))


def test_the_command_augmentations(cifar_file, tmp_path, capsys):
    arguments = ["--data", str(cifar_file), "--seeds", "1", "--n-train", "40", "--out", str(tmp_path)]
    assert main(["augmentations", *arguments]) == 0
    out = capsys.readouterr().out
    assert {line.split("  ")[0].strip() for line in out.splitlines()} >= {"unchanged", "flip"}
    result = load(tmp_path / "augmentations-cifar.json")
    assert len(result.curves) == len(augmentations.STRENGTHS)


@pytest.mark.slow
def test_the_command_graphs(tmp_path):
    assert main(["graphs", "--seeds", "1", "--epochs", "1", "--out", str(tmp_path)]) == 0
    for name in graphs.QUESTIONS:
        result = load(tmp_path / f"graphs-{name}.json")
        assert all(len(curve["mean"]) == len(result.x) for curve in result.curves.values())


@pytest.mark.slow
@pytest.mark.parametrize("command", ["cifar", "learning", "neighbors", "rounds", "augmentations"])
def test_a_missing_folder_of_data_is_one_sentence(tmp_path, capsys, command):
    assert main([command, "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "expected data_batch_1.bin or data_batch_1 and the others of CIFAR-10 in" in error
    assert len(error.splitlines()) == 1
