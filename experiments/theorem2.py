"""Theorem 2 and proposition 1: what gradient descent on free embeddings Z ends at, for the supervised graph.

Three classes of 7, 4 and 2 items; K below, at and above the number of classes. The pictures show Z Zᵀ (VIC²) and the
cosines between rows (SimCLR, Barlow Twins) after the descent; the curves the loss above its bound, by K. Proposition 1:
the nonzero eigenvalues of G are the sizes of the classes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray

from experiments.protocol import Options
from experiments.results import Result, curves
from pal.builders import from_labels

if TYPE_CHECKING:
    from torch import Tensor

FIGURE = "theorem2"
SIZES = (7, 4, 2)
COMPONENTS = (2, 3, 5)
MOST_TRIALS = 5


def compute(options: Options, /) -> list[Result]:
    """Loss at the end of the descent, by K, and the pictures of the first trial."""
    y = np.repeat(np.arange(len(SIZES)), SIZES)
    graph = from_labels(y)
    trials = range(min(options.trials, MOST_TRIALS))
    ends = {
        name: [[descend(loss, len(y), k, seed=options.seed + trial) for k in COMPONENTS] for trial in trials]
        for name, loss in _losses(y).items()
    }
    found = {name: np.array([[value for _, value in row] for row in rows]) for name, rows in ends.items()}
    pictures = {
        name: [_gram(z, cosine=name != "vic2").round(4).tolist() for z, _ in rows[0]] for name, rows in ends.items()
    }
    data = {"pictures": pictures, "eigenvalues": np.linalg.eigvalsh(graph.to_dense())[::-1].round(12).tolist()}
    parameters = {"sizes": list(SIZES), "temperature": 0.5, "start": "normal", "optimiser": "L-BFGS"}
    return [Result(FIGURE, list(COMPONENTS), "Number of components K", curves(found), parameters, data=data)]


def plot(results: Sequence[Result], path: Path, /) -> None:
    """A row a loss, a column a K, and the eigenvalues of G beside them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    result = results[0]
    data = result.data or {}
    titles = {"vic2": "VIC²: Z Zᵀ", "simclr": "SimCLR: cosines", "barlow_twins": "Barlow Twins: cosines"}
    figure, axes = plt.subplots(3, len(result.x) + 1, figsize=(10.5, 7.5), layout="constrained")
    for line, (name, pictures) in zip(axes, data["pictures"].items(), strict=True):
        for axis, k, picture in zip(line, result.x, pictures, strict=False):
            shown = axis.imshow(picture, cmap="RdBu_r", vmin=-1, vmax=1)
            axis.set(xticks=[], yticks=[], title=f"{titles[name]}, K = {k}")
    figure.colorbar(shown, ax=axes[:, -2], shrink=0.6)
    for axis in axes[:, -1]:
        axis.axis("off")
    axes[1, -1].axis("on")
    axes[1, -1].bar(range(1, len(data["eigenvalues"]) + 1), data["eigenvalues"], color="0.4")
    axes[1, -1].set(title="Eigenvalues of G", xlabel="rank", yticks=SIZES)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def descend(loss: "Callable[[Tensor], Tensor]", n: int, k: int, /, *, seed: int) -> tuple[ndarray, float]:
    """Minimise a loss over free embeddings (n, k) by L-BFGS: the last embeddings, and their loss."""
    import torch

    z = torch.randn(n, k, dtype=torch.float64, generator=torch.Generator().manual_seed(seed), requires_grad=True)
    optimiser = torch.optim.LBFGS([z], max_iter=500, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        value = loss(z)
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        return z.detach().numpy(), float(loss(z))


def _losses(y: ndarray) -> "dict[str, Callable[[Tensor], Tensor]]":
    from pal import losses

    graph = from_labels(y)
    return {
        "vic2": lambda z: losses.vic2(z, graph),
        "simclr": lambda z: losses.simclr(z, graph, temperature=0.5),
        "barlow_twins": lambda z: losses.barlow_twins(z, graph, redundancy=1.0, center=False),
    }


def _gram(z: ndarray, *, cosine: bool) -> ndarray:
    if cosine:
        z = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    return np.asarray(z @ z.T)
