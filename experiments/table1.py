"""Table 1: SimCLR, VICReg and NNCLR. ImageNet figures as the paper reports them, and the three methods run on digits.

ImageNet isn't run. What runs is a small net on scikit-learn's digits (8 × 8): views are shifts by up to a pixel with
noise; SimCLR and VICReg take the two-view graph, NNCLR (algorithm 4) adds as positives the views of each item's nearest
neighbour in the batch, in the current embedding. The accuracy is that of a linear probe on held-out digits.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.sparse import coo_array

from experiments.plotting import canvas, finish
from experiments.protocol import Options, each_trial, trial_rng
from experiments.results import Curve, Result, curves
from pal import probe
from pal.builders import from_neighbors, from_views
from pal.errors import require_extra
from pal.graph import SimilarityGraph

if TYPE_CHECKING:
    from torch import Tensor, nn

FIGURE, NUMBER = "table1", 1
METHODS = ("SimCLR", "VICReg", "NNCLR")
#: Top-1 and top-5 accuracy on ImageNet, per cent, as the paper reports them; SimCLR has no top-5 there.
REPORTED: dict[str, list[float | None]] = {
    "ImageNet top-1 (reported)": [71.7, 73.2, 75.6],
    "ImageNet top-5 (reported)": [None, 91.1, 92.4],
}
N_TRAIN, BATCH, EPOCHS, WIDTH, N_COMPONENTS, TEMPERATURE = 1000, 250, 20, 256, 64, 0.2
MOST_TRIALS = 5


def compute(options: Options, /) -> list[Result]:
    """Reported figures, and held-out accuracy on digits over at most five seeds."""
    n_trials = min(options.trials, MOST_TRIALS)
    found = each_trial(partial(trial, options), options, title=FIGURE, n_trials=n_trials)
    rows: dict[str, Curve] = {name: {"mean": list(values), "std": [None] * 3} for name, values in REPORTED.items()}
    rows |= curves({name: 100.0 * values for name, values in found.items()})
    parameters = {
        "trials": n_trials, "n_train": N_TRAIN, "batch": BATCH, "epochs": EPOCHS, "width": WIDTH,
        "n_components": N_COMPONENTS, "temperature": TEMPERATURE,
    }  # fmt: skip
    return [Result(FIGURE, list(METHODS), "Method", rows, parameters)]


def plot(results: Sequence[Result], path: Path, /) -> None:
    """Draw the table."""
    result = results[0]
    figure, axes = canvas(size=(7.0, 1.6))
    axes[0, 0].axis("off")
    cells = []
    for curve in result.curves.values():
        pairs = zip(curve["mean"], curve["std"], strict=True)
        cells.append(["–" if m is None else f"{m:.1f}" + ("" if s is None else f" ± {s:.1f}") for m, s in pairs])
    table = axes[0, 0].table(cells, rowLabels=list(result.curves), colLabels=result.x, loc="center", cellLoc="center")
    table.scale(0.7, 1.4)
    finish(figure, path)


def trial(options: Options, number: int, /) -> dict[str, Float[ndarray, " methods"]]:
    """Accuracy of each method on one split, beside an untrained net."""
    try:
        import torch
    except ImportError as cause:
        raise require_extra("torch", "torch") from cause
    from sklearn.datasets import load_digits

    torch.set_num_threads(1)
    rng = trial_rng(options, NUMBER, number)
    digits = load_digits()
    order = rng.permutation(len(digits.target))
    pictures, labels = (digits.images[order] / 16.0).astype(np.float32), digits.target[order]
    seed = int(rng.integers(2**31))
    accuracy = {}
    for method in (*METHODS, "untrained"):
        torch.manual_seed(seed)
        trunk = train(method, pictures[:N_TRAIN], np.random.default_rng(seed))
        with torch.no_grad():
            z = trunk(torch.from_numpy(pictures.reshape(len(pictures), -1))).double().numpy()
        train_z, test_z = z[:N_TRAIN], z[N_TRAIN:]
        wrong = probe.honest_error(train_z, labels[:N_TRAIN], test_z, labels[N_TRAIN:], intercept=True)
        accuracy[method] = 1.0 - wrong
    return {
        "digits, linear probe": np.array([accuracy[method] for method in METHODS]),
        "digits, untrained net": np.full(len(METHODS), accuracy["untrained"]),
    }


def train(method: str, pictures: Float[ndarray, "n 8 8"], rng: np.random.Generator, /) -> "nn.Module":
    """Train a trunk without labels, with a head that is thrown away; "untrained" returns it as it starts."""
    import torch
    from torch import nn

    trunk = nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, N_COMPONENTS), nn.ReLU())
    head = nn.Sequential(nn.Linear(N_COMPONENTS, WIDTH), nn.ReLU(), nn.Linear(WIDTH, N_COMPONENTS))
    if method == "untrained":
        return trunk
    optimizer = torch.optim.Adam([*trunk.parameters(), *head.parameters()], lr=2e-3)
    loss_of = _losses()[method]
    for _ in range(EPOCHS):
        for batch in rng.permutation(len(pictures)).reshape(-1, BATCH):
            optimizer.zero_grad()
            loss_of(head(trunk(torch.from_numpy(views(pictures[batch], rng))))).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return trunk


def views(pictures: Float[ndarray, "b 8 8"], rng: np.random.Generator, /) -> Float[ndarray, "b2 64"]:
    """Two views of each picture, one after the other: shifted by up to a pixel either way, with noise."""
    padded = np.pad(np.repeat(pictures, 2, axis=0), ((0, 0), (1, 1), (1, 1)))
    down, right = rng.integers(3, size=(2, len(padded), 1, 1))
    rows, columns = down + np.arange(8)[:, None], right + np.arange(8)
    moved = padded[np.arange(len(padded))[:, None, None], rows, columns]
    noisy = moved + 0.1 * rng.standard_normal(moved.shape)
    return noisy.reshape(len(moved), -1).astype(np.float32)


def neighbour_graph(embeddings: Float[ndarray, "b2 k"], /) -> SimilarityGraph:
    """Two-view graph with, for each row, the mates of its nearest row of another item as further positives."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True).clip(1e-12)
    cosine = unit @ unit.T
    rows = np.arange(len(unit))
    mates = rows ^ 1
    cosine[rows, rows] = cosine[rows, mates] = -np.inf
    nearest = cosine.argmax(axis=1)
    pairs = (np.r_[rows, rows], np.r_[mates, nearest[mates]])
    return from_neighbors(coo_array((np.ones(2 * len(rows)), pairs), shape=(len(rows),) * 2).tocsr().minimum(1.0))


def _losses() -> dict[str, Callable[["Tensor"], "Tensor"]]:
    from pal.losses import simclr, vicreg

    two_views = from_views(BATCH, 2, self_loops=False)
    return {
        "SimCLR": lambda z: simclr(z, two_views, temperature=TEMPERATURE),
        "VICReg": lambda z: vicreg(z, two_views),
        "NNCLR": lambda z: simclr(z, neighbour_graph(z.detach().double().numpy()), temperature=TEMPERATURE),
    }
