"""``python -m experiments rounds``: the active loop with a network, by the graph that it trains on.

In each round (:func:`pal.training.rounds`) the oracle asks some pages in the features of the moment, and the network
goes on training from where it was. Every way of a seed has the same items, first weights, known labels and first round
of questions.

- views: answers don't train the network.
- hard: the views' graph and that of what the answers imply. believed: and that of the beliefs.

Reported after every round: test accuracy of logistic regression on the features, fitted on all training labels ("full")
and on 30 of them ("few"), and the adjusted Rand index of the believed classes of the training items ("ari"), in the
features that the round asked by.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.nets import Plan, Task, common_options, few_labels, load_task, one_thread, plan_of, scores
from experiments.plotting import canvas, finish
from experiments.results import Result, curves, load, save

if TYPE_CHECKING:
    from pal.training.active import Known

N_KNOWN = 30
#: Weight of the answers' graph, and what it is.
WAYS: dict[str, "tuple[float, Known]"] = {"views": (0.0, "hard"), "hard": (0.5, "hard"), "believed": (0.5, "believed")}


class Found(NamedTuple):
    """After a round: test accuracies, and the adjusted Rand index of the beliefs it was trained on."""

    full: float
    few: float
    ari: float


def main(arguments: Sequence[str]) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments rounds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common_options(parser, seeds=3)
    parser.set_defaults(epochs=3)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", type=int, default=10, help="pages of 15 a round (10)")
    parser.add_argument("--oracle", default="default")
    wanted = parser.parse_args(arguments)
    one_thread()
    start = time.perf_counter()
    found: dict[str, list[list[Found]]] = {way: [] for way in wanted.ways}
    for seed in range(wanted.seed, wanted.seed + wanted.seeds):
        task = load_task(wanted.data, n_train=wanted.n_train, n_test=wanted.n_test, shrink=2, seed=seed)
        for way in wanted.ways:
            found[way].append(one(way, task, plan_of(wanted, seed), wanted.rounds, wanted.pages, wanted.oracle))
            told = (f"{part} {getattr(found[way][-1][-1], part):.3f}" for part in Found._fields)
            print(f"seed {seed} {way}: {', '.join(told)}", flush=True)
    table = {way: np.array(runs) for way, runs in found.items()}  # (seeds, rounds, parts)
    parts = [(way, k, part) for way in table for k, part in enumerate(Found._fields)]
    keys = ("seeds", "seed", "epochs", "n_train", "n_test", "width", "rounds", "pages", "oracle")
    result = Result(
        "rounds" if wanted.data == "fashion" else "rounds-cifar",
        list(range(1, wanted.rounds + 1)),
        "Round",
        curves({f"{way}, {part}": table[way][:, :, k] for way, k, part in parts}),
        {key: getattr(wanted, key) for key in keys},
        round(time.perf_counter() - start, 1),
        data={way: values.tolist() for way, values in table.items()},
    )
    path = save(result, wanted.out)
    plot(load(path), path.with_suffix(".png"))
    print(path)


def one(way: str, task: Task, plan: Plan, n_rounds: int, n_pages: int, oracle: str, /) -> list[Found]:
    """What each round left."""
    from sklearn.metrics import adjusted_rand_score

    from pal.labelers import SimulatedLabeler
    from pal.oracles import get_oracle
    from pal.training import rounds, simclr_views

    alpha, graph = WAYS[way]
    encoder, known = plan.encoder(task.x.shape[3]), few_labels(task.y, N_KNOWN, seed=plan.seed)
    run = rounds(
        encoder, task.x, get_oracle(oracle), SimulatedLabeler(task.y), n_rounds=n_rounds, n_pages=n_pages, graph=graph,
        alpha=alpha, loss="simclr", views=simclr_views(task.x.shape[1:3], strength=plan.strength),
        settings=plan.settings(),
    )  # fmt: skip
    return [
        Found(*scores(task, encoder, known), float(adjusted_rand_score(task.y, r.model.beliefs.label))) for r in run
    ]


def plot(result: Result, path: Path, /) -> None:
    """Each part over the rounds."""
    assert result.data is not None  # noqa: S101
    figure, axes = canvas(3, size=(3.4, 3.2))
    titles = {"full": "Probe on all labels", "few": f"Probe on {N_KNOWN} labels", "ari": "Believed classes, ARI"}
    for column, (part, title) in enumerate(titles.items()):
        axis = axes[0, column]
        for color, way in enumerate(result.data):
            curve = result.curves[f"{way}, {part}"]
            axis.errorbar(result.x, curve["mean"], yerr=curve["std"], fmt="o-", capsize=3, color=f"C{color}", label=way)
        axis.set_xticks(result.x)
        axis.set_xlabel(result.x_label)
        axis.set_title(title)
    axes[0, 0].set_ylabel("Test accuracy")
    axes[0, 0].legend()
    finish(figure, path)
