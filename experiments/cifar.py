"""``python -m experiments cifar --data PATH --graph ssl --loss vicreg``: appendix C.3 on CIFAR-10.

The paper: ResNet-18, a head of two layers with batch norm and hidden width 4K, K = 16, VICReg; a linear probe on the
features after 2 and after 100 epochs gives 28 % and 62 % for the views' graph, 63 % and 66 % for the supervised one,
and a classifier trained with the mean squared error 63 %. ``--small`` takes a small net on 3,000 pictures shrunk to
16 × 16: a few minutes on two cores, and figures of their own.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.nets import (
    Plan,
    Scores,
    Task,
    classifier,
    few_labels,
    graph_of,
    learned,
    load_task,
    one_thread,
    scores,
)
from experiments.plotting import canvas, finish
from experiments.results import Result, load, save

if TYPE_CHECKING:
    from torch import nn

GRAPHS = ("ssl", "supervised", "mixed", "nn", "mse", "untrained")
LOSSES = ("vicreg", "simclr", "barlow", "vic2")
#: Labels that the mixed graph and the second probe know.
N_KNOWN = 500
FULL = Plan(network="resnet18", n_components=16, batch_size=512, epochs=100, learning_rate=2e-3, strength=1.0)
SMALL = Plan(network="small", width=64, batch_size=250, epochs=15, strength=1.0)


def main(arguments: Sequence[str]) -> None:
    """Run the command line."""
    wanted = _parser().parse_args(arguments)
    plan = replace(SMALL if wanted.small else FULL, device=wanted.device)
    plan = plan if wanted.epochs is None else replace(plan, epochs=wanted.epochs)
    if wanted.small:
        one_thread()
    start = time.perf_counter()
    graphs = GRAPHS if wanted.graph == "all" else (wanted.graph,)
    found: dict[str, list[Scores]] = {graph: [] for graph in graphs}
    for seed in range(wanted.seed, wanted.seed + wanted.seeds):
        n_train, shrink = (3000, 2) if wanted.small else (None, 1)
        task = load_task(str(wanted.data), n_train=n_train, n_test=None, shrink=shrink, seed=seed)
        for graph in graphs:
            found[graph].append(one(graph, task, replace(plan, seed=seed), wanted.loss))
            print(f"seed {seed} {graph}, {wanted.loss}: {100 * found[graph][-1].full:.1f} %", flush=True)
    name = "-".join(["cifar", wanted.graph, wanted.loss, *(["small"] if wanted.small else [])])
    result = Result(
        name, list(graphs), "Graph",
        {
            part: {
                "mean": [float(np.mean([getattr(s, part) for s in found[g]])) for g in graphs],
                "std": [float(np.std([getattr(s, part) for s in found[g]])) for g in graphs],
            }
            for part in Scores._fields
        },
        {
            "loss": wanted.loss, "epochs": plan.epochs, "network": plan.network, "seed": wanted.seed,
            "seeds": wanted.seeds, "n_train": len(task.y), "side": task.x.shape[1], "known": N_KNOWN,
        },
        round(time.perf_counter() - start, 1),
        data={graph: [list(s) for s in runs] for graph, runs in found.items()},
    )  # fmt: skip
    path = save(result, wanted.out)
    plot(load(path), wanted.out / f"{name}.png")
    print(path)


def one(graph: str, task: Task, plan: Plan, loss: str, /) -> Scores:
    """Probe accuracies of one graph's encoder; "mse" is the classifier, "untrained" the first weights."""
    known = few_labels(task.y, N_KNOWN, seed=plan.seed)
    encoder: nn.Module
    if graph == "mse":
        encoder = classifier(task, plan, task.y)
    elif graph == "untrained":
        encoder = learned(task, plan, None)
    else:
        encoder = learned(task, plan, graph_of(graph, known if graph == "mixed" else task.y), loss=loss)
    return scores(task, encoder, known)


def plot(result: Result, path: Path, /) -> None:
    """Accuracy of each graph."""
    figure, axes = canvas()
    for part in Scores._fields:
        curve = result.curves[part]
        label = "probe on all labels" if part == "full" else f"probe on {result.parameters['known']} labels"
        axes[0, 0].errorbar(result.x, curve["mean"], yerr=curve["std"], fmt="o", capsize=3, label=label)
    axes[0, 0].set_ylabel("Test accuracy")
    axes[0, 0].legend()
    finish(figure, path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments cifar", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the official files, or an .npz with x_train, y_train, …"
    )
    parser.add_argument("--graph", choices=[*GRAPHS, "all"], default="all")
    parser.add_argument("--loss", choices=LOSSES, default="vicreg")
    parser.add_argument("--epochs", type=int, default=None, help="100; 15 with --small")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0, help="first seed (0)")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each graph (1)")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the results (results)")
    parser.add_argument("--small", action="store_true", help="a small net on 3,000 pictures of 16 × 16")
    return parser
