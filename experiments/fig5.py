"""Fig. 5: the training and the test set of Fig. 3, four classes in four colours.

The curves of the results are the distances of each class to the origin, mean and deviation, over the class's points.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy import ndarray

from experiments.fig3 import N_TEST, NOISE, NUMBER, n_items
from experiments.plotting import CLASS_COLOURS, canvas, finish
from experiments.protocol import N_CLASSES, Options, test_set, training_set, trial_rng
from experiments.results import Curve, Result

FIGURE = "fig5"


def compute(options: Options, /) -> list[Result]:
    """Points of the first trial of Fig. 3."""
    n = n_items(options)
    sets = {
        "train": training_set(options, n, NOISE, trial_rng(options, NUMBER, 0)),
        "test": test_set(options, N_TEST, NOISE, NUMBER),
    }
    curves = {name: _distances(x, y) for name, (x, y) in sets.items()}
    data = {name: {"points": np.round(x, 4).tolist(), "labels": y.tolist()} for name, (x, y) in sets.items()}
    parameters = {"n_items": n, "noise": NOISE, "n_test": N_TEST}
    return [Result(FIGURE, list(range(1, N_CLASSES + 1)), "Class", curves, parameters, data=data)]


def plot(results: Sequence[Result], path: Path, /) -> None:
    """Draw both sets; of the mixture, the first two of its four coordinates."""
    data = results[0].data or {}
    figure, axes = canvas(2, size=(3.0, 3.0))
    for axis, (name, points) in zip(axes[0], data.items(), strict=True):
        x, y = np.array(points["points"]), np.array(points["labels"])
        for c, colour in enumerate(CLASS_COLOURS):
            axis.scatter(*x[y == c, :2].T, s=4, color=colour)
        axis.set_title({"train": "Training data", "test": "Test data"}[name])
        axis.set_aspect("equal")
        axis.set_xticks([])
        axis.set_yticks([])
    finish(figure, path)


def _distances(x: ndarray, y: ndarray) -> Curve:
    """Mean and deviation of each class's distance to the origin."""
    radius = [np.linalg.norm(x[y == c], axis=1) for c in range(N_CLASSES)]
    return {"mean": [float(r.mean()) for r in radius], "std": [float(r.std()) for r in radius]}
