import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from pal import probe
from pal.builders import blend, from_labels, identity
from pal.encoders.networks import MLP, SmallConvNet
from pal.errors import InvalidInputError, TrainingError
from pal.graph import SimilarityGraph
from pal.training import OBJECTIVES, Probe, Settings, embed, fit, log, simclr_views, vector_views
from pal.training.checkpoint import NAME

FAST = Settings(epochs=3, batch_size=20, device="cpu", precision="32-true")


def mlp(seed=0):
    torch.manual_seed(seed)
    return MLP(8, hidden=(16,), n_features=6)


def weights(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


@pytest.mark.parametrize("loss", OBJECTIVES)
def test_every_loss_learns_the_graph(blobs, loss):
    """Alike items come nearer each other, relative to the others, than an untrained net has them."""
    x, labels = blobs
    settings = replace(FAST, epochs=40, learning_rate=1e-2)
    encoder = mlp()

    def spread(z):
        within = sum(z[labels == c].var(0).sum() for c in range(3)) / 3
        return within / z.var(0).sum()

    before = spread(embed(encoder, x))
    trained = fit(encoder, x, from_labels(labels), loss=loss, views=vector_views(), settings=settings)
    assert spread(embed(encoder, x)) < 0.7 * before
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]


def test_pictures_and_a_probe(pictures):
    x, labels = pictures
    trained = fit(
        SmallConvNet(channels=1, width=8), x, identity(24), views=simclr_views((8, 8), flip=False), settings=FAST,
        probe=Probe(x[:12], labels[:12], x[12:], labels[12:]),
    )  # fmt: skip
    assert [r["epoch"] for r in trained.history] == [1, 2, 3]
    assert all(0 <= r["probe"] <= 1 and np.isfinite(r["loss"]) for r in trained.history)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_generators_alone(blobs):
    x, labels = blobs
    runs = []
    for _ in range(2):
        encoder = mlp()
        torch.manual_seed(7)
        fit(encoder, x, from_labels(labels), views=vector_views(), settings=FAST)
        runs.append((weights(encoder), torch.rand(1)))
    assert_same(runs[0][0], runs[1][0])
    torch.manual_seed(7)
    assert runs[0][1] == runs[1][1] == torch.rand(1)
    other = mlp()
    fit(other, x, from_labels(labels), views=vector_views(), settings=replace(FAST, seed=1))
    assert any(not torch.equal(a, b) for a, b in zip(weights(other).values(), runs[0][0].values(), strict=True))


def stopping_at(n):
    """Views that stop the run at the n-th batch, as a kill would."""
    calls = [0]
    views = vector_views()

    def stop(x):
        calls[0] += 1
        if calls[0] == n:
            raise KeyboardInterrupt
        return views(x)

    return stop


@pytest.mark.parametrize("stop", [2, 4, 6, 8])
@pytest.mark.parametrize("save_every", [0, 2])
def test_a_run_that_was_stopped_goes_on_exactly(blobs, tmp_path, stop, save_every):
    x, labels = blobs
    graph = blend(identity(60), from_labels(labels), alpha=0.5)
    settings = replace(FAST, save_every=save_every)
    whole = mlp()
    expected = fit(whole, x, graph, views=vector_views(), settings=settings)
    with pytest.raises(KeyboardInterrupt):
        fit(mlp(), x, graph, views=stopping_at(stop), settings=settings, folder=tmp_path)
    again = mlp(seed=3)
    found = fit(again, x, graph, views=vector_views(), settings=settings, folder=tmp_path)
    assert_same(weights(whole), weights(again))
    assert_same(weights(expected.head), weights(found.head))
    assert [r["loss"] for r in found.history] == [r["loss"] for r in expected.history]
    assert [r["loss"] for r in log.read(tmp_path)] == [r["loss"] for r in expected.history]


SCRIPT = """
import sys, time
from pathlib import Path
import numpy as np, torch
from pal.builders import from_labels
from pal.encoders.networks import MLP
from pal.training import Settings, fit, vector_views
torch.set_num_threads(1)
views = vector_views()
def slow(x):
    time.sleep(0.02)
    return views(x)
labels = np.arange(60) % 3
x = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
torch.manual_seed(0)
encoder = MLP(8, hidden=(16,), n_features=6)
settings = Settings(epochs=30, batch_size=20, save_every=1, device="cpu", precision="32-true")
fit(encoder, x, from_labels(labels), views=slow, settings=settings, folder=Path(sys.argv[1]))
torch.save(encoder.state_dict(), Path(sys.argv[1]) / "final.pt")
"""


@pytest.mark.slow
def test_a_kill_and_a_resume_give_the_weights_of_an_uninterrupted_run(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(folder):
        return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], env=environment)

    assert start(tmp_path / "whole").wait(120) == 0
    killed = tmp_path / "killed"
    process = start(killed)
    deadline = time.monotonic() + 120
    while len(log.read(killed) if (killed / log.NAME).exists() else []) < 4:  # some way into the run
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    assert not (killed / "final.pt").exists()
    assert start(killed).wait(120) == 0
    assert_same(torch.load(tmp_path / "whole" / "final.pt"), torch.load(killed / "final.pt"))


def test_a_checkpoint_of_another_run_is_refused(blobs, tmp_path):
    x, labels = blobs
    fit(mlp(), x, from_labels(labels), settings=FAST, folder=tmp_path)
    with pytest.raises(InvalidInputError, match=r"holds a run with learning_rate = 0\.002, got 0\.1"):
        fit(mlp(), x, from_labels(labels), settings=replace(FAST, learning_rate=0.1), folder=tmp_path)
    (tmp_path / NAME).write_bytes(b"not a checkpoint")
    with pytest.raises(InvalidInputError, match="isn't a checkpoint"):
        fit(mlp(), x, from_labels(labels), settings=FAST, folder=tmp_path)


def test_a_checkpoint_that_would_run_code_is_refused(blobs, tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "broken in"),)

    torch.save({"version": 1, "step": Attack()}, tmp_path / NAME)
    x, labels = blobs
    with pytest.raises(InvalidInputError, match="isn't a checkpoint"):
        fit(mlp(), x, from_labels(labels), settings=FAST, folder=tmp_path)
    assert not (tmp_path / "broken in").exists()


def test_a_loss_that_is_no_number_is_one_sentence_and_keeps_the_checkpoint(blobs, tmp_path):
    x, labels = blobs
    steps = [0]

    def breaks(z, graph, batch):
        steps[0] += 1
        return OBJECTIVES["vicreg"](z, graph, batch) * (float("nan") if steps[0] > 4 else 1.0)

    encoder = mlp()
    with pytest.raises(TrainingError, match=r"loss is nan at step 5 \(epoch 2\).*last checkpoint is .*checkpoint.pt"):
        fit(encoder, x, from_labels(labels), loss=breaks, settings=FAST, folder=tmp_path)
    assert all(torch.isfinite(value).all() for value in weights(encoder).values())
    assert torch.load(tmp_path / NAME)["step"] == 3


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_a_full_memory_is_one_sentence(blobs, error):
    x, labels = blobs

    def full(_):
        raise error

    with pytest.raises(TrainingError, match="out of memory with 20 items of 2 views"):
        fit(mlp(), x, from_labels(labels), views=full, settings=FAST)


def test_graphs_without_pairs(blobs):
    x, _ = blobs
    with pytest.raises(InvalidInputError, match="no positive pair"):
        fit(mlp(), x, from_labels(np.full(60, -1)), settings=FAST)
    with pytest.raises(InvalidInputError, match="no positive pair"):
        fit(mlp(), x, identity(60), settings=replace(FAST, n_views=1))
    with pytest.raises(InvalidInputError, match="one row for each of the 60 items, got 59"):
        fit(mlp(), x, identity(59), settings=FAST)
    labels = np.full(60, -1)
    labels[:2] = 0  # one pair, which random batches of 20 miss
    with pytest.raises(TrainingError, match=r"batch of step \d+ holds no pair"):
        fit(mlp(), x, from_labels(labels), settings=replace(FAST, n_views=1, mates=0))


def test_early_stop(blobs):
    x, labels = blobs
    settings = replace(FAST, epochs=50, patience=2, learning_rate=1e-12)
    trained = fit(mlp(), x, from_labels(labels), settings=settings, probe=Probe(x, labels, x, labels))
    assert 3 <= len(trained.history) < 50


def test_going_on_takes_head_and_optimiser_over(blobs):
    x, labels = blobs
    encoder = mlp()
    first = fit(encoder, x, identity(60), views=vector_views(), settings=FAST)
    second = fit(encoder, x, from_labels(labels), views=vector_views(), settings=FAST, after=first)
    assert second.head is first.head
    steps = [float(state["step"]) for state in second.optimizer["state"].values()]
    assert set(steps) == {18.0}


def test_a_source_sees_every_row_and_gives_the_graph(blobs):
    x, labels = blobs
    seen = []

    def source(batch):
        seen.append(batch)
        rows = np.repeat(labels[batch.items], batch.n_views)
        return from_labels(rows)

    encoder, twin = mlp(), mlp()
    fit(encoder, x, source, settings=replace(FAST, mates=0))
    fit(twin, x, from_labels(labels), settings=replace(FAST, mates=0))
    assert_same(weights(encoder), weights(twin))
    assert all(b.features.shape == (40, 6) and b.embeddings.shape == (40, 16) for b in seen)


def test_probe_leaves_out_unknown_labels(blobs):
    x, labels = blobs
    encoder = mlp()
    half = np.where(np.arange(60) < 30, labels, -1)
    z = embed(encoder, x)
    z = (z - z[:30].mean(0)) / z[:30].std(0)
    expected = 1 - probe.honest_error(z[:30], labels[:30], z, labels, intercept=True)
    assert Probe(x, half, x, labels)(encoder) == pytest.approx(expected)


def test_any_graph_is_taken(blobs):
    """Soft beliefs, negative relations: whatever has a positive pair."""
    x, labels = blobs
    soft = 0.8 * np.eye(3)[labels] + 0.2 / 3
    graph = SimilarityGraph(np.column_stack([soft, np.ones(60)]), np.diag([2.0, 2.0, 2.0, -1.0]))
    for one in (graph, from_labels(labels, contrastive=True)):
        assert np.isfinite(fit(mlp(), x, one, loss="vic2", settings=FAST).history[-1]["loss"])
