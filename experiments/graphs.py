"""``python -m experiments graphs``: open questions on graphs, each with a perceptron on scikit-learn's digits.

- hierarchy: classes 0-9 under two parents (0-4, 5-9); graphs of parents, of classes, and of both by a weight. Accuracy
  of a probe for classes and for parents.
- several labels: each item has its class, its parity and whether it is above 4; the multi-label graph against the
  graph of classes, and the probe's accuracy for each of the three.
- fewer components than classes: K = 2 … 16, supervised graph, probe on the embedding (after the head).
- label noise: a share of labels replaced at random; the graph against the mean squared error, probe on true labels.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from experiments.nets import one_thread
from experiments.plotting import canvas, finish
from experiments.results import Result, curves, load, save
from pal import probe
from pal.builders import blend, from_labels, from_multilabel
from pal.graph import SimilarityGraph

if TYPE_CHECKING:
    from torch import Tensor

    from pal.training import Batch
    from pal.training.objectives import Objective

N_TRAIN = 1000
SIZES = (2, 4, 6, 8, 9, 10, 12, 16)
NOISE = (0.0, 0.2, 0.4, 0.6, 0.8)
TASKS: dict[str, Callable[[ndarray], ndarray]] = {
    "class": lambda y: y,
    "parity": lambda y: y % 2,
    "above 4": lambda y: y // 5,
}


def main(arguments: Sequence[str]) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m experiments graphs", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="first seed (0)")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the results (results)")
    wanted = parser.parse_args(arguments)
    one_thread()
    for name, question in QUESTIONS.items():
        start = time.perf_counter()
        seeds = range(wanted.seed, wanted.seed + wanted.seeds)
        runs = [question(Digits(seed, wanted.epochs)) for seed in seeds]
        x, label = ABSCISSA[name]
        found = {curve: np.stack([run[curve] for run in runs]) for curve in runs[0]}
        parameters = {"seeds": wanted.seeds, "seed": wanted.seed, "epochs": wanted.epochs, "n_train": N_TRAIN}
        seconds = round(time.perf_counter() - start, 1)
        path = save(Result(f"graphs-{name}", list(x), label, curves(found), parameters, seconds), wanted.out)
        plot(load(path), path.with_suffix(".png"))
        for curve, values in found.items():
            print(f"{name}, {curve}: " + "  ".join(f"{m:.3f}" for m in values.mean(0)))
        print(path, flush=True)


class Digits:
    """Digits in a random split, and a perceptron to train on them."""

    def __init__(self, seed: int, epochs: int) -> None:
        from sklearn.datasets import load_digits

        self.seed, self.epochs = seed, epochs
        bunch = load_digits()
        self.order = np.random.default_rng(seed).permutation(len(bunch.target))
        self.x = (bunch.data / 16.0).astype(np.float32)[self.order]
        self.y = bunch.target[self.order].astype(np.int64)

    def embed(
        self, graph: SimilarityGraph, *, k: int = 16, loss: "str | Objective" = "vicreg", head: bool = False
    ) -> Float[ndarray, "n d"]:
        """Features of all items after training on the first N_TRAIN; with ``head`` the embeddings."""
        import torch

        from pal.encoders.networks import MLP
        from pal.training import Settings, embed, fit, vector_views

        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            encoder = MLP(64, hidden=(128,), n_features=64)
        settings = Settings(epochs=self.epochs, batch_size=200, seed=self.seed, device="cpu", learning_rate=5e-3)
        trained = fit(
            encoder, self.x[:N_TRAIN], graph, loss=loss, views=vector_views(), settings=settings, n_components=k
        )
        return embed(torch.nn.Sequential(encoder, trained.head) if head else encoder, self.x)

    def accuracy(self, z: Float[ndarray, "n d"], labels: Int64[ndarray, " n"]) -> float:
        """Held-out accuracy of a probe for some labels of all items."""
        first, rest = slice(N_TRAIN), slice(N_TRAIN, None)
        return 1.0 - probe.honest_error(z[first], labels[first], z[rest], labels[rest], intercept=True)

    def accuracies(self, z: Float[ndarray, "n d"]) -> dict[str, float]:
        """For each of the three labellings."""
        return {name: self.accuracy(z, of(self.y)) for name, of in TASKS.items()}


def hierarchy(digits: Digits, /) -> dict[str, ndarray]:
    """Weight of the classes' graph against the parents'."""
    y = digits.y[:N_TRAIN]
    parents, classes = from_labels(y // 5), from_labels(y)
    rows = [digits.accuracies(digits.embed(blend(parents, classes, alpha=float(a)))) for a in ABSCISSA["hierarchy"][0]]
    return {"class": np.array([r["class"] for r in rows]), "parent": np.array([r["above 4"] for r in rows])}


def several_labels(digits: Digits, /) -> dict[str, ndarray]:
    """Accuracy for each labelling, by graph."""
    y = digits.y[:N_TRAIN]
    hot = np.concatenate([np.eye(int(of(digits.y).max()) + 1)[of(y)] for of in TASKS.values()], axis=1)
    graphs = {"multi-label graph": from_multilabel(hot), "graph of classes": from_labels(y)}
    return {name: np.array(list(digits.accuracies(digits.embed(g)).values())) for name, g in graphs.items()}


def fewer_components(digits: Digits, /) -> dict[str, ndarray]:
    """Accuracy of a probe on embeddings of K numbers, and on the features before the head."""
    graph, found = from_labels(digits.y[:N_TRAIN]), {}
    for loss in ("vicreg", "simclr", "vic2"):
        z = [digits.embed(graph, k=k, loss=loss, head=True) for k in SIZES]
        found[f"{loss}, embedding"] = np.array([digits.accuracy(one, digits.y) for one in z])
    return found


def label_noise(digits: Digits, /) -> dict[str, ndarray]:
    """Accuracy on true labels after training on noisy ones; the probe is fitted on the noisy ones too."""
    rng = np.random.default_rng([digits.seed, 1])
    found: dict[str, list[float]] = {"graph": [], "mean squared error": []}
    y, order = digits.y, rng.permutation(N_TRAIN)
    other = rng.integers(10, size=N_TRAIN)
    for share in NOISE:
        noisy = y.copy()
        rows = order[: round(share * N_TRAIN)]
        noisy[rows] = other[rows]
        for name in found:
            loss: str | Objective = "vicreg" if name == "graph" else _mse(noisy)
            z = digits.embed(from_labels(noisy[:N_TRAIN]), k=10, loss=loss)
            found[name].append(digits.accuracy(z, noisy_first(noisy, y)))
    return {name: np.array(values) for name, values in found.items()}


def noisy_first(noisy: Int64[ndarray, " n"], y: Int64[ndarray, " n"], /) -> Int64[ndarray, " n"]:
    """Noisy labels where the probe is fitted, true ones where it is tested."""
    return np.concatenate([noisy[:N_TRAIN], y[N_TRAIN:]])


def _mse(labels: Int64[ndarray, " n"]) -> "Objective":
    import torch

    target = torch.eye(10)

    def mse(z: "Tensor", graph: SimilarityGraph, batch: "Batch") -> "Tensor":  # noqa: ARG001
        return (z - target[labels[np.repeat(batch.items, batch.n_views)]]).square().sum(1).mean()

    return mse


QUESTIONS: dict[str, Callable[[Digits], dict[str, ndarray]]] = {
    "hierarchy": hierarchy,
    "several-labels": several_labels,
    "components": fewer_components,
    "noise": label_noise,
}
ABSCISSA: dict[str, tuple[Sequence[float | str], str]] = {
    "hierarchy": ((0.0, 0.25, 0.5, 0.75, 1.0), "Weight of the graph of classes"),
    "several-labels": (tuple(TASKS), "Labelling"),
    "components": (SIZES, "K (10 classes)"),
    "noise": (NOISE, "Share of random labels"),
}


def plot(result: Result, path: Path, /) -> None:
    """Accuracy of each curve."""
    figure, axes = canvas()
    for name, curve in result.curves.items():
        axes[0, 0].errorbar(result.x, curve["mean"], yerr=curve["std"], fmt="o-", capsize=3, markersize=4, label=name)
    axes[0, 0].set_xlabel(result.x_label)
    axes[0, 0].set_ylabel("Test accuracy")
    axes[0, 0].legend()
    finish(figure, path)
