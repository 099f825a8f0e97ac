"""What the experiments with networks share: pictures, a network, and the accuracy of what it learned.

Everything random depends on the seed: items, known labels, first weights, batches and views. Methods that are compared
share them, so their differences are paired.
"""

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8
from numpy import ndarray

from pal.builders import blend, from_labels, identity
from pal.errors import InvalidInputError, require_extra

if TYPE_CHECKING:
    from torch import nn

    from pal.training import Settings, Source
    from pal.training.objectives import Objective

#: Share of the supervised graph in the mixed one.
ALPHA = 0.5


class Task(NamedTuple):
    """Pictures of bytes (n, h, w, c) and classes."""

    x: UInt8[ndarray, "n h w c"]
    y: Int64[ndarray, " n"]
    x_test: UInt8[ndarray, "q h w c"]
    y_test: Int64[ndarray, " q"]


@dataclass(frozen=True)
class Plan:
    """How a network is trained.

    ``network`` is "small" or "resnet18" with ``width``; ``strength`` that of the views; the rest as in
    :class:`pal.training.Settings`.
    """

    network: str = "small"
    width: int = 64
    n_components: int = 64
    epochs: int = 10
    batch_size: int = 100
    learning_rate: float = 2e-3
    strength: float = 1.0
    device: str = "auto"
    seed: int = 0

    def settings(self) -> "Settings":
        """Settings of the run."""
        from pal.training import Settings

        return Settings(
            epochs=self.epochs, batch_size=self.batch_size, learning_rate=self.learning_rate, device=self.device,
            seed=self.seed,
        )  # fmt: skip

    def encoder(self, channels: int) -> "nn.Module":
        """Network with the seed's first weights."""
        try:
            import torch

            from pal.encoders.networks import build
        except ImportError:
            raise require_extra("torch", "train") from None
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return build({"network": self.network, "channels": channels, "width": self.width})


class Scores(NamedTuple):
    """Test accuracy of a linear probe fitted on all training labels, and on the few that are known."""

    full: float
    few: float


def load_task(data: str, /, *, n_train: int | None, n_test: int | None, shrink: int, seed: int) -> Task:
    """Pictures of "fashion", or CIFAR-10 of a path; ``shrink`` averages squares of that side.

    Raises
    ------
    InvalidInputError
        If the data aren't there, or the picture's side isn't a multiple of ``shrink``.
    """
    x, y, x_test, y_test = _fashion() if data == "fashion" else _cifar(Path(data))
    if x.shape[1] % shrink:
        raise InvalidInputError(f"shrink must divide the picture's side, got {shrink} for {x.shape[1]}")
    rng = np.random.default_rng(seed)
    rows, test = (rng.permutation(len(a))[:count] for a, count in ((y, n_train), (y_test, n_test)))
    return Task(_shrunk(x[rows], shrink), y[rows], _shrunk(x_test[test], shrink), y_test[test])


def few_labels(y: Int64[ndarray, " n"], count: int, /, *, seed: int) -> Int64[ndarray, " n"]:
    """Labels of which only ``count``, as many a class as can be, are known; −1 elsewhere."""
    rng = np.random.default_rng([seed, 1])
    known = np.full(len(y), -1)
    classes = np.unique(y)
    for c in classes:
        rows = rng.permutation(np.flatnonzero(y == c))[: count // len(classes)]
        known[rows] = c
    return known


def repeated(known: Int64[ndarray, " n"], /, *, share: float) -> Int64[ndarray, " m"]:
    """All rows once, and those with a label as often more as makes them at least a ``share`` of an epoch.

    Few labels are lost in batches of unlabelled items. In a graph over repeated rows the views of an item that comes
    twice are alike, which they are.
    """
    rows = np.flatnonzero(known >= 0)
    others = len(known) - len(rows)
    times = max(math.ceil(share * others / ((1 - share) * len(rows))), 1)
    return np.concatenate([np.arange(len(known)), np.tile(rows, times - 1)])


def graph_of(kind: str, y: Int64[ndarray, " n"], rows: Int64[ndarray, " m"] | None = None, /) -> "Source":
    """Graph of a kind, "ssl", "supervised", "mixed" or "nn", over items with labels ``y`` (−1 unknown).

    With ``rows`` over those, of which some may be repeated.
    """
    from pal.training import neighbors_of_all

    ssl = identity(len(y))
    if kind == "nn":
        return neighbors_of_all(ssl)
    supervised = from_labels(y)
    graph = {"ssl": ssl, "supervised": supervised, "mixed": blend(ssl, supervised, alpha=ALPHA)}[kind]
    return graph if rows is None else graph.take(rows)


def learned(
    task: Task, plan: Plan, source: "Source | None", /, *, loss: "str | Objective" = "vicreg", flip: bool = True
) -> "nn.Module":
    """Encoder trained on the task's pictures; untrained where ``source`` is None."""
    from pal.training import fit, simclr_views

    encoder = plan.encoder(task.x.shape[3])
    if source is not None:
        views = simclr_views(task.x.shape[1:3], strength=plan.strength, flip=flip)
        fit(encoder, task.x, source, loss=loss, views=views, settings=plan.settings(), n_components=plan.n_components)
    return encoder


def classifier(task: Task, plan: Plan, known: Int64[ndarray, " n"], /) -> "nn.Module":
    """Encoder of a classifier trained with the mean squared error to one-hot labels, same net, views and steps."""
    import torch

    target = torch.from_numpy(np.eye(int(task.y.max()) + 1, dtype=np.float32))

    def mse(z: "torch.Tensor", graph: object, batch: "object") -> "torch.Tensor":  # noqa: ARG001
        label = known[np.repeat(batch.items, batch.n_views)]  # type: ignore[attr-defined]
        rows = np.flatnonzero(label >= 0)
        return (z[rows] - target.to(z.device)[label[rows]]).square().sum(1).mean()

    return learned(task, replace(plan, n_components=len(target)), from_labels(known), loss=mse)


def scores(task: Task, encoder: "nn.Module | None", known: Int64[ndarray, " n"], /) -> Scores:
    """Accuracy of logistic regression on standardised features; on the pixels themselves where there is no encoder."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from pal.training import embed

    z, z_test = (
        x.reshape(len(x), -1) / np.float32(255.0) if encoder is None else embed(encoder, x)
        for x in (task.x, task.x_test)
    )
    rows = np.flatnonzero(known >= 0)
    found = []
    for part in (np.arange(len(z)), rows):
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        found.append(float(probe.fit(z[part], task.y[part]).score(z_test, task.y_test)))
    return Scores(*found)


def common_options(parser: argparse.ArgumentParser, /, *, seeds: int) -> None:
    """Options of every experiment with networks."""
    parser.add_argument("--data", default="fashion", help='"fashion", or the path of CIFAR-10 (fashion)')
    parser.add_argument("--seeds", type=int, default=seeds, help=f"runs of each method ({seeds})")
    parser.add_argument("--seed", type=int, default=0, help="first seed (0)")
    parser.add_argument("--epochs", type=int, default=Plan.epochs)
    parser.add_argument("--n-train", type=int, default=2000)
    parser.add_argument("--n-test", type=int, default=5000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the results (results)")


def plan_of(wanted: argparse.Namespace, seed: int, /) -> Plan:
    """Plan that the options name."""
    return Plan(width=wanted.width, epochs=wanted.epochs, device=wanted.device, seed=seed)


def one_thread() -> None:
    """One thread for torch, if it is there: small batches gain nothing from more."""
    try:
        import torch
    except ImportError:
        raise require_extra("torch", "train") from None
    torch.set_num_threads(1)


def _fashion() -> tuple[ndarray, ndarray, ndarray, ndarray]:
    from pal.datasets.fashion import HOME, read_idx

    x, x_test = (read_idx(HOME / f"{part}-images-idx3-ubyte.gz")[..., None] for part in ("train", "t10k"))
    y, y_test = (read_idx(HOME / f"{part}-labels-idx1-ubyte.gz").astype(np.int64) for part in ("train", "t10k"))
    return x, y, x_test, y_test


def _cifar(path: Path) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    from pal.datasets.cifar10 import cifar10

    return cifar10(path)


def _shrunk(x: UInt8[ndarray, "n h w c"], side: int) -> UInt8[ndarray, "n h2 w2 c"]:
    n, h, w, c = x.shape
    if side == 1:
        return np.ascontiguousarray(x)
    return x.reshape(n, h // side, side, w // side, side, c).mean((2, 4)).astype(np.uint8)
