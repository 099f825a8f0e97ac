import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from pal import probe
from pal.builders import blend, from_labels, identity
from pal.encoders.networks import MLP, SmallConvNet
from pal.errors import InvalidInputError, TrainingError
from pal.graph import SimilarityGraph
from pal.training import (
    OBJECTIVES,
    EachEpoch,
    Probe,
    Settings,
    embed,
    fit,
    log,
    neighbors_of_all,
    simclr_views,
    vector_views,
)
from pal.training.checkpoint import NAME
from tests.waiting import PATIENCE, wait_until

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


@pytest.mark.slow
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


SOURCES = {
    "graph": lambda labels: blend(identity(60), from_labels(labels), alpha=0.5),
    "each epoch": lambda _: neighbors_of_all(identity(60), n_neighbors=2, mutual=False, warm_up=0.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("stop", [2, 4, 6, 8])
@pytest.mark.parametrize("save_every", [0, 2])
@pytest.mark.parametrize("source", SOURCES)
def test_a_run_that_was_stopped_goes_on_exactly(blobs, tmp_path, stop, save_every, source):
    x, labels = blobs
    graph = SOURCES[source](labels)
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
views, seen = vector_views(), [0]
def stopping(x):
    seen[0] += 1
    if sys.argv[2:] and seen[0] > int(sys.argv[2]):
        time.sleep(3600)  # until it is killed
    return views(x)
labels = np.arange(60) % 3
x = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
torch.manual_seed(0)
encoder = MLP(8, hidden=(16,), n_features=6)
settings = Settings(epochs=30, batch_size=20, save_every=1, device="cpu", precision="32-true")
fit(encoder, x, from_labels(labels), views=stopping, settings=settings, folder=Path(sys.argv[1]))
torch.save(encoder.state_dict(), Path(sys.argv[1]) / "final.pt")
"""


@pytest.mark.slow
def test_a_kill_and_a_resume_give_the_weights_of_an_uninterrupted_run(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(folder, *stop):
        return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), *stop], env=environment)

    assert start(tmp_path / "whole").wait(PATIENCE) == 0
    killed = tmp_path / "killed"
    process = start(killed, "40")  # in its seventh epoch or its fourteenth, as it sees a batch twice or once
    wait_until(lambda: (killed / log.NAME).exists() and (killed / log.NAME).read_text().count("\n") >= 4)
    process.send_signal(signal.SIGKILL)
    assert process.wait(PATIENCE) == -signal.SIGKILL
    assert not (killed / "final.pt").exists()
    assert start(killed).wait(PATIENCE) == 0
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


def test_weights_that_are_no_numbers_never_replace_a_checkpoint(blobs, tmp_path):
    """A finite loss can have an infinite gradient: the last step of an epoch leaves NaN behind."""
    x, labels = blobs

    class Root(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            return z.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad * float("inf") if steps[0] == 6 else grad

    steps = [0]

    def breaks(z, graph, batch):
        steps[0] += 1
        return OBJECTIVES["vicreg"](Root.apply(z), graph, batch)

    with pytest.raises(TrainingError, match=r"weights are NaN or infinite after step 6; lower .*checkpoint\.pt"):
        fit(mlp(), x, from_labels(labels), loss=breaks, settings=FAST, folder=tmp_path)
    state = torch.load(tmp_path / NAME)
    assert state["step"] == 3
    assert all(torch.isfinite(value).all() for value in state["encoder"].values())
    fit(encoder := mlp(1), x, from_labels(labels), settings=FAST, folder=tmp_path)  # and the run can go on
    fit(whole := mlp(), x, from_labels(labels), settings=FAST)
    assert_same(weights(encoder), weights(whole))


def fill(_):
    raise MemoryError


def fill_card(_):
    raise torch.OutOfMemoryError("CUDA out of memory")


def fill_processor(_):
    return torch.empty(1 << 60)  # the allocator itself refuses


@pytest.mark.parametrize("full", [fill, fill_card, fill_processor])
def test_a_full_memory_is_one_sentence_and_keeps_the_checkpoint(blobs, tmp_path, full):
    x, labels = blobs
    steps = [0]

    def views(batch):
        steps[0] += 1
        return full(batch) if steps[0] == 5 else batch

    with pytest.raises(TrainingError, match=r"out of memory with 20 items of 2 views.*last checkpoint is .*pt$"):
        fit(mlp(), x, from_labels(labels), views=views, settings=FAST, folder=tmp_path)
    assert torch.load(tmp_path / NAME)["step"] == 3


def test_a_full_memory_is_noticed_before_the_first_step(blobs):
    class Large(torch.nn.Module):
        def forward(self, x):
            return torch.empty(1 << 60)

    with pytest.raises(TrainingError, match="out of memory"):
        fit(Large(), blobs[0], identity(60), settings=FAST)


def test_other_errors_are_left_as_they_are(blobs):
    x, labels = blobs

    def broken(_):
        raise RuntimeError("unsupported memory format option")

    with pytest.raises(RuntimeError, match="unsupported memory format"):
        fit(mlp(), x, from_labels(labels), views=broken, settings=FAST)


def sgd(parameters, settings):
    return torch.optim.SGD(parameters, lr=settings.learning_rate)


def constant(optimizer, n_steps, settings):
    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


@pytest.mark.parametrize("share", [0.1, 10.0])
def test_gradients_are_clipped_to_their_norm(blobs, share):
    """With plain descent the change of the weights is the gradient: scaled to ``clip`` where it is longer."""
    x, labels = blobs
    one = Settings(epochs=1, batch_size=60, device="cpu", precision="32-true", learning_rate=1e-3)

    def change(clip):
        encoder, head = mlp(), torch.nn.Linear(6, 4)
        with torch.no_grad():
            head.weight.copy_(torch.eye(4, 6))
            head.bias.zero_()
        before = torch.nn.utils.parameters_to_vector([*encoder.parameters(), *head.parameters()])
        fit(
            encoder, x, from_labels(labels), head=head, settings=replace(one, clip=clip), optimizer=sgd,
            schedule=constant,
        )  # fmt: skip
        after = torch.nn.utils.parameters_to_vector([*encoder.parameters(), *head.parameters()])
        return (before - after) / one.learning_rate

    gradient = change(None)
    norm = float(gradient.detach().norm())
    expected = gradient * min(share, 1.0)
    torch.testing.assert_close(change(share * norm).detach(), expected.detach(), atol=2e-3 * norm, rtol=0)


def test_batches_are_drawn_by_the_graph_that_is_given(blobs):
    """A function of the batch says nothing of mates: ``drawn_by`` brings them together, random batches don't."""
    x, _ = blobs
    couples = np.arange(60) // 2

    def together(drawn_by):
        batches = []

        def source(batch):
            batches.append(batch.items)
            return identity(len(np.repeat(batch.items, 2))) + from_labels(np.repeat(batch.items, 2))

        fit(mlp(), x, source, settings=replace(FAST, epochs=1), drawn_by=drawn_by)
        return np.mean([len(items) - len(np.unique(couples[items])) for items in batches])

    assert together(from_labels(couples)) == 10  # all couples of 20 items
    assert together(None) < 7
    with pytest.raises(InvalidInputError, match="one row for each of the 60 items, got 59"):
        fit(mlp(), x, lambda batch: identity(1), settings=FAST, drawn_by=identity(59))


def test_a_graph_made_anew_each_epoch(blobs):
    """It sees the features of the moment, and the epoch's batches are drawn by it and its alone."""
    x, labels = blobs
    seen = []

    def renew(features, done):
        seen.append((features, done))
        return from_labels(labels)

    encoder, twin = mlp(), mlp()
    before = embed(encoder, x)
    fit(encoder, x, EachEpoch(identity(60), renew), settings=FAST)
    fit(twin, x, from_labels(labels), settings=FAST)
    assert_same(weights(encoder), weights(twin))
    np.testing.assert_array_equal(seen[0][0], before)
    assert [done for _, done in seen] == [0, 1 / 3, 2 / 3]
    assert not np.allclose(seen[0][0], seen[1][0])
    with pytest.raises(InvalidInputError, match="no positive pair"):
        fit(mlp(), x, EachEpoch(identity(60), renew), settings=replace(FAST, n_views=1))


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
