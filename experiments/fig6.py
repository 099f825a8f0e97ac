"""Fig. 6: the graphs of Fig. 3 at some numbers of queries; grey is 0 (unknown), white −1 (unlike), black +1 (alike).

The curves of the results are the shares of entries known at those snapshots, over trials. The first trial's graphs are
kept as rows of "+", "-" and "0", items sorted by class.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from experiments.fig3 import NOISE, NUMBER, follow_run, n_items, problem_of, runs
from experiments.plotting import canvas, finish
from experiments.protocol import Options, each_trial, training_set, trial_rng
from experiments.questions import Snapshot
from experiments.results import Result, curves

FIGURE = "fig6"
SNAPSHOTS = (0, 50, 100, 200, 300, 700)
PAGE = 10


def compute(options: Options, /) -> list[Result]:
    """Shares of known entries over trials, and the graphs of the first."""
    found = each_trial(partial(trial, options), options, title=FIGURE)
    graphs = {name: values[0] for name, values in found.items()}
    shares = {name: np.stack([_share(trial) for trial in values]) for name, values in found.items()}
    data = {name: [_rows(graph) for graph in stack] for name, stack in graphs.items()}
    parameters = {"n_items": n_items(options), "noise": NOISE, "page": PAGE}
    return [Result(FIGURE, list(SNAPSHOTS), "Number of queries", curves(shares), parameters, data=data)]


def plot(results: Sequence[Result], path: Path, /) -> None:
    """Draw the graphs, one row an oracle."""
    result = results[0]
    data = result.data or {}
    figure, axes = canvas(len(result.x), len(data), size=(1.5, 1.6))
    for line, (name, graphs) in zip(axes, data.items(), strict=True):
        for axis, queries, rows in zip(line, result.x, graphs, strict=True):
            values = np.array([["-0+".index(mark) - 1 for mark in row] for row in rows])
            axis.imshow(values, vmin=-1, vmax=1, cmap="gray_r", interpolation="nearest")
            axis.set_title(f"{name}, {queries}")
            axis.set_xticks([])
            axis.set_yticks([])
    finish(figure, path)


def trial(options: Options, number: int, /) -> dict[str, Float[ndarray, "snapshots n n"]]:
    """Graphs of one trial of Fig. 3 at the snapshots, items sorted by class."""
    rng = trial_rng(options, NUMBER, number)
    x, y = training_set(options, n_items(options), NOISE, rng)
    order = np.argsort(y, kind="stable")
    out = {}
    for name, run in runs(options, y, rng).items():
        snapshots: list[Snapshot] = []
        if options.protocol == "authors" and name == "active":  # its questions depend on the embedding
            follow_run(problem_of(options, x, NOISE, NUMBER), y, run, seen=snapshots)
        else:
            snapshots.extend(run(lambda known: known.astype(np.int64)))
        out[name] = np.stack([_latest(snapshots, queries // PAGE)[np.ix_(order, order)] for queries in SNAPSHOTS])
    return out


def _latest(snapshots: Sequence[Snapshot], page: int) -> Float[ndarray, "n n"]:
    """Relation matrix before a page: that of the last page that changed it."""
    return next(s.relation for s in reversed(snapshots[: page + 1]) if s.relation is not None)


def _share(graphs: Float[ndarray, "snapshots n n"]) -> Float[ndarray, " snapshots"]:
    n = graphs.shape[1]
    return ((graphs != 0).sum(axis=(1, 2)) - n) / (n * (n - 1))


def _rows(graph: Float[ndarray, "n n"]) -> list[str]:
    return ["".join("-0+"[int(value) + 1] for value in row) for row in graph]
