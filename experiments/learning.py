"""``python -m experiments learning``: what a graph teaches a network, as paired comparisons over seeds.

Every method of a seed has the same items, known labels, first weights, batches and views. Reported is the test accuracy
of logistic regression on the features, fitted on all training labels ("full") and on the few known ones ("few").

- pixels, untrained: no learning.
- vicreg, simclr: the views' graph, by loss. nn: SimCLR, with nearest neighbours among all items as positives too.
- supervised, supervised-vicreg: the graph of all labels, with SimCLR and VICReg. mse: a classifier by mean squared
  error.
- few: SimCLR on the graph of the few labels; mixed: blended with the views' graph. In both the known items are repeated
  until they are a quarter of an epoch.
- chosen, chance: SimCLR on beliefs after a tenth of the answers that settle every item, which the guided captcha chose
  or which were drawn at random.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from experiments.nets import (
    Plan,
    Scores,
    Task,
    classifier,
    common_options,
    few_labels,
    graph_of,
    learned,
    load_task,
    one_thread,
    plan_of,
    repeated,
    scores,
)
from experiments.plotting import canvas, finish
from experiments.results import Result, load, save
from pal.builders import blend, from_beliefs, identity
from pal.graph import SimilarityGraph

if TYPE_CHECKING:
    from torch import nn

    from pal.training import Source

N_KNOWN, SHARE = 30, 0.1
SHOWN = 0.25
METHODS = (
    "pixels", "untrained", "vicreg", "simclr", "nn", "supervised", "supervised-vicreg", "mse", "few", "mixed", "chosen",
    "chance",
)  # fmt: skip
#: Claim: better method, the others, which probe.
CLAIMS = {
    "supervised graph ≥ MSE classifier": ("supervised", ("mse",), ("full",)),
    "SSL graph > random features": ("simclr", ("untrained",), ("full",)),
    "few labels mixed in ≥ either alone": ("mixed", ("simclr", "few"), ("full", "few")),
    "neighbours as positives ≥ SimCLR": ("nn", ("simclr",), ("full", "few")),
    "10 % of relations, chosen ≥ 95 % of all": ("chosen", ("supervised", "chance", "untrained"), ("full",)),
}


def main(arguments: Sequence[str]) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m experiments learning", description=__doc__)
    common_options(parser, seeds=3)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--jobs", type=int, default=1, help="processes, a seed each (1)")
    wanted = parser.parse_args(arguments)
    start = time.perf_counter()
    seeds = range(wanted.seed, wanted.seed + wanted.seeds)
    with ProcessPoolExecutor(wanted.jobs, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(partial(of_seed, wanted), seeds))
    found = {method: [run[method] for run in runs] for method in wanted.methods}
    name = "learning" if wanted.data == "fashion" else "learning-cifar"
    parameters = {key: getattr(wanted, key) for key in ("seeds", "seed", "epochs", "n_train", "n_test", "width")}
    result = Result(
        name, list(found), "Method",
        {part: _mean_and_std([[getattr(s, part) for s in found[m]] for m in found]) for part in Scores._fields},
        {**parameters, "data": "fashion" if wanted.data == "fashion" else "cifar10", "known": N_KNOWN, "share": SHARE},
        round(time.perf_counter() - start, 1),
        data={method: [list(s) for s in runs] for method, runs in found.items()},
    )  # fmt: skip
    path = save(result, wanted.out)
    plot(load(path), wanted.out / f"{name}.png")
    for line in claims(result):
        print(line)
    print(path)


def of_seed(wanted: argparse.Namespace, seed: int, /) -> dict[str, Scores]:
    """Scores of all methods for one seed."""
    one_thread()
    task = load_task(wanted.data, n_train=wanted.n_train, n_test=wanted.n_test, shrink=2, seed=seed)
    known = few_labels(task.y, N_KNOWN, seed=seed)
    found = {}
    for method in wanted.methods:
        found[method] = one(method, task, plan_of(wanted, seed), known)
        print(f"seed {seed} {method}: full {found[method].full:.3f}, few {found[method].few:.3f}", flush=True)
    return found


def one(method: str, task: Task, plan: Plan, known: Int64[ndarray, " n"], /) -> Scores:
    """Scores of one method."""
    if method == "pixels":
        return scores(task, None, known)
    rows = repeated(known, share=SHOWN)
    more = task._replace(x=task.x[rows], y=task.y[rows])

    def simclr(graph: "Source", of: Task = task) -> "nn.Module":
        return learned(of, plan, graph, loss="simclr")

    train: dict[str, Callable[[], nn.Module]] = {
        "untrained": lambda: learned(task, plan, None),
        "vicreg": lambda: learned(task, plan, graph_of("ssl", known)),
        "simclr": lambda: simclr(graph_of("ssl", known)),
        "nn": lambda: simclr(graph_of("nn", known)),
        "supervised": lambda: simclr(graph_of("supervised", task.y)),
        "supervised-vicreg": lambda: learned(task, plan, graph_of("supervised", task.y)),
        "mse": lambda: classifier(task, plan, task.y),
        "few": lambda: simclr(graph_of("supervised", known, rows), more),
        "mixed": lambda: simclr(graph_of("mixed", known, rows), more),
        "chosen": lambda: simclr(believed(task, "guided-captcha", plan.seed)),
        "chance": lambda: simclr(believed(task, "random", plan.seed)),
    }
    return scores(task, train[method](), known)


def believed(task: Task, oracle: str, seed: int, /) -> SimilarityGraph:
    """Views' graph and the believed one, after a tenth of the answers that settle every item."""
    from sklearn.decomposition import PCA

    from pal.labelers import SimulatedLabeler
    from pal.loop import Loop, run
    from pal.oracles import get_oracle

    x = PCA(32, random_state=seed).fit_transform(task.x.reshape(len(task.x), -1) / 255.0)
    loop = Loop(x, get_oracle(oracle), seed=seed)
    budget = round(SHARE * answers_that_settle(task.y))
    for _ in run(loop, SimulatedLabeler(task.y), n_pages=budget // loop.page_size):
        pass
    return blend(identity(len(x)), from_beliefs(loop.model.beliefs.probability), alpha=0.5)


def answers_that_settle(y: Int64[ndarray, " n"], /) -> float:
    """Answers that settle every item when it is held against one class after the other, in random order.

    The class is found after (C + 1)/2 questions on average, less the last, which needs none: (C + 1)/2 − 1/C.
    """
    c = len(np.unique(y))
    return len(y) * ((c + 1) / 2 - 1 / c)


def claims(result: Result, /) -> list[str]:
    """Each claim with its paired differences, as rows of a table."""
    assert result.data is not None  # noqa: S101
    lines = ["| claim | probe | better | other | paired difference, mean (each seed) |", "|---|---|---|---|---|"]
    for claim, (better, others, parts) in CLAIMS.items():
        if not {better, *others} <= set(result.data):
            continue
        for part, other in product(parts, others):
            column = Scores._fields.index(part)
            ours, theirs = (np.array(result.data[method])[:, column] for method in (better, other))
            each = ", ".join(f"{g:+.3f}" for g in ours - theirs)
            sides = f"{better} {ours.mean():.3f} | {other} {theirs.mean():.3f}"
            lines.append(f"| {claim} | {part} | {sides} | {(ours - theirs).mean():+.3f} ({each}) |")
    return lines


def plot(result: Result, path: Path, /) -> None:
    """Accuracies of the methods, with every seed as a dot."""
    assert result.data is not None  # noqa: S101
    figure, axes = canvas(2, size=(4.2, 3.2))
    for column, part in enumerate(Scores._fields):
        axis = axes[0, column]
        for place, method in enumerate(result.x):
            values = np.array(result.data[method])[:, column]
            axis.plot(np.full(len(values), place), values, "o", color=f"C{column}", alpha=0.6, markersize=4)
            axis.plot([place - 0.3, place + 0.3], [values.mean()] * 2, color="black")
        axis.set_xticks(range(len(result.x)), result.x, rotation=60, ha="right")
        axis.set_ylabel("Test accuracy")
        axis.set_title("probe on all labels" if part == "full" else f"probe on {result.parameters['known']} labels")
    finish(figure, path)


def _mean_and_std(values: Sequence[Sequence[float]]) -> dict[str, list[float | None]]:
    table: Float[ndarray, "methods seeds"] = np.array(values)
    return {"mean": table.mean(1).tolist(), "std": table.std(1).tolist()}
