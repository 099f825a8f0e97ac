"""``python -m experiments augmentations``: which augmentations agree with known relations.

Each single change of :data:`pal.training.CHANGES` at three strengths, ranked by how often a view's nearest neighbours
among 1,000 labelled items are mostly of its item's class, in pixels; over seeds (samples of items). "unchanged" is the
agreement of the items themselves.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.nets import common_options, load_task, one_thread
from experiments.plotting import canvas, finish
from experiments.results import Result, curves, load, save

STRENGTHS = (0.5, 1.0, 1.5)


def main(arguments: Sequence[str]) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m experiments augmentations", description=__doc__)
    common_options(parser, seeds=3)
    parser.set_defaults(n_train=1000)
    wanted = parser.parse_args(arguments)
    one_thread()
    from pal.training import CHANGES, agreement, one_change, unchanged

    start = time.perf_counter()
    names = ["unchanged", *CHANGES]
    found = np.zeros((len(STRENGTHS), wanted.seeds, len(names)))
    for run, seed in enumerate(range(wanted.seed, wanted.seed + wanted.seeds)):
        task = load_task(wanted.data, n_train=wanted.n_train, n_test=1, shrink=1, seed=seed)
        size = (task.x.shape[1], task.x.shape[2])
        for row, strength in enumerate(STRENGTHS):
            for column, name in enumerate(names):
                views = unchanged if name == "unchanged" else one_change(name, size, strength=strength)
                found[row, run, column] = agreement(None, task.x, task.y, views, seed=seed)
    order = np.argsort(-found.mean((0, 1)))
    result = Result(
        "augmentations" if wanted.data == "fashion" else "augmentations-cifar",
        [names[i] for i in order],
        "Change",
        curves({f"strength {s}": found[row][:, order] for row, s in enumerate(STRENGTHS)}),
        {"seeds": wanted.seeds, "seed": wanted.seed, "n_train": wanted.n_train},
        round(time.perf_counter() - start, 1),
    )
    path = save(result, wanted.out)
    plot(load(path), path.with_suffix(".png"))
    for i in order:
        print(f"{names[i]:12s} " + "  ".join(f"{value:.3f}" for value in found[:, :, i].mean(1)))
    print(path)


def plot(result: Result, path: Path, /) -> None:
    """Agreement of each change at each strength."""
    figure, axes = canvas(size=(6.0, 3.2))
    for name, curve in result.curves.items():
        axes[0, 0].errorbar(range(len(result.x)), curve["mean"], yerr=curve["std"], fmt="o", markersize=4, label=name)
    axes[0, 0].set_xticks(range(len(result.x)), result.x, rotation=60, ha="right")
    axes[0, 0].set_ylabel("Views that stay near their class")
    axes[0, 0].legend()
    finish(figure, path)
