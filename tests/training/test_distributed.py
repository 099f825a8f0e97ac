"""Two processes equal one on the same global batch."""

import sys

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from pal.builders import blend, from_labels, identity
from pal.encoders.networks import MLP, SmallConvNet
from pal.errors import InvalidInputError
from pal.training import OBJECTIVES, Settings, fit
from pal.training.distributed import my_share

N = 16
CASES = [(kind, loss) for kind in ("mlp", "small") for loss in OBJECTIVES]


def data(kind):
    rng = np.random.default_rng(0)
    if kind == "mlp":
        return rng.standard_normal((N, 5)).astype(np.float32)
    return rng.integers(0, 255, (N, 6, 6), dtype=np.uint8)


def one_step(kind, loss, fabric=None):
    """Loss, gradient and running statistics of one step on all items."""
    torch.manual_seed(0)
    encoder = MLP(5, hidden=(12,), n_features=6) if kind == "mlp" else SmallConvNet(channels=1, width=8)
    head = torch.nn.Sequential(
        torch.nn.Linear(encoder.n_features, 12), torch.nn.BatchNorm1d(12), torch.nn.Linear(12, 4)
    )
    before = {
        k: v.detach().clone() for part in (encoder, head) for k, v in part.named_parameters(prefix=type(part).__name__)
    }
    trained = fit(
        encoder, data(kind), blend(identity(N), from_labels(np.arange(N) % 3), alpha=0.5), loss=loss, head=head,
        settings=Settings(epochs=1, batch_size=N, device="cpu", precision="32-true"), fabric=fabric,
        optimizer=lambda parameters, _: torch.optim.SGD(parameters, lr=1.0),  # the change is the gradient
        schedule=lambda optimizer, *_: torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0),
    )  # fmt: skip
    after = {k: v.detach() for part in (encoder, head) for k, v in part.named_parameters(prefix=type(part).__name__)}
    gradient = {k: before[k] - after[k] for k in before}
    running = {k: v.clone() for part in (encoder, head) for k, v in part.named_buffers()}
    return trained.history[0]["loss"], gradient, running


def each_rank(fabric, folder):
    torch.set_num_threads(1)
    for kind, loss in CASES:
        torch.save(one_step(kind, loss, fabric), folder / f"{kind}-{loss}-{fabric.global_rank}.pt")
    try:
        fit(MLP(5), data("mlp"), identity(N), settings=Settings(batch_size=5), fabric=fabric)
    except InvalidInputError as error:
        (folder / f"refused-{fabric.global_rank}").write_text(str(error))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs gloo")
def test_two_processes_equal_one(tmp_path):
    """Loss to 1e-5, gradients to 1e-5 of the largest, batch norm's statistics too, on both ranks."""
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn", precision="32-true")
    fabric.launch(each_rank, tmp_path)
    for kind, loss in CASES:
        expected, gradient, running = one_step(kind, loss)
        largest = max(float(g.abs().max()) for g in gradient.values())
        assert largest > 1e-3
        for rank in range(2):
            found, gradients, statistics = torch.load(tmp_path / f"{kind}-{loss}-{rank}.pt")
            assert found == pytest.approx(expected, rel=1e-5)
            for name, g in gradient.items():
                assert float((gradients[name] - g).abs().max()) <= 1e-5 * largest, (kind, loss, name)
            for name, value in running.items():
                torch.testing.assert_close(statistics[name], value, atol=1e-5, rtol=1e-5)
    for rank in range(2):
        assert "multiple of the 2 processes" in (tmp_path / f"refused-{rank}").read_text()


@pytest.mark.slow
def test_shares_are_the_batch():
    items = np.arange(12)
    assert np.array_equal(np.concatenate([my_share(items, r, 3) for r in range(3)]), items)
