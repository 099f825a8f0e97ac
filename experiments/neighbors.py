"""``python -m experiments neighbors``: nearest neighbours as positives (algorithm 4), against SimCLR on views alone.

Each way of finding neighbours has the same items, first weights, batches and views as SimCLR of its seed. Beside the
accuracies stands the purity: the share of neighbours, at the end, that are of the item's class. Labels are only used to
measure.

- support: NNCLR, a set of past embeddings (:class:`pal.training.SupportSet`), half as many as items, all the weight on
  neighbours after three tenths of the passes.
- support-small, support-large: an eighth as many, and as many. support-late: after six tenths of the passes.
- support-half, support-fifth: that share of the weight on neighbours, the rest on views; support-agree: half, and only
  where both views agree; support-together: half, and found by the mean of both views.
- all: five mutual neighbours among all items, by features, anew every epoch.
- pixels: mutual neighbours in pixels, found once; shared: mutual neighbours in pixels and in features.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from experiments.nets import Task, common_options, few_labels, learned, load_task, one_thread, plan_of, scores
from experiments.plotting import canvas, finish
from experiments.results import Result, load, save
from pal.builders import from_neighbors, identity
from pal.graph import SimilarityGraph

if TYPE_CHECKING:
    from torch import Tensor, nn

    from experiments.nets import Plan
    from pal.training import Batch, EachEpoch, SupportSet

N_KNOWN, WARM_UP, WEIGHT, N_NEIGHBORS = 30, 0.3, 0.5, 5


class Set(NamedTuple):
    """A support set: its size as a share of the items, the share of passes before it counts, and its weight."""

    size: float = 0.5
    wait: float = WARM_UP
    weight: float = 1.0
    agree: bool = False
    together: bool = False


SETS = {
    "support": Set(),
    "support-small": Set(size=0.125),
    "support-large": Set(size=1.0),
    "support-late": Set(wait=0.6),
    "support-half": Set(weight=0.5),
    "support-fifth": Set(weight=0.2),
    "support-agree": Set(weight=0.5, agree=True),
    "support-together": Set(weight=0.5, together=True),
}
WAYS = ("simclr", *SETS, "all", "pixels", "shared")


class Found(NamedTuple):
    """Test accuracies, and the share of neighbours of the item's class (NaN without neighbours)."""

    full: float
    few: float
    purity: float


def main(arguments: Sequence[str]) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments neighbors",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common_options(parser, seeds=3)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    wanted = parser.parse_args(arguments)
    one_thread()
    start = time.perf_counter()
    found: dict[str, list[Found]] = {way: [] for way in wanted.ways}
    for seed in range(wanted.seed, wanted.seed + wanted.seeds):
        task = load_task(wanted.data, n_train=wanted.n_train, n_test=wanted.n_test, shrink=2, seed=seed)
        for way in wanted.ways:
            found[way].append(one(way, task, plan_of(wanted, seed)))
            print(f"seed {seed} {way}: " + ", ".join(f"{k} {v:.3f}" for k, v in found[way][-1]._asdict().items()))
    name = "neighbors" if wanted.data == "fashion" else "neighbors-cifar"
    result = Result(
        name, list(found), "Neighbours",
        {
            part: {
                "mean": [float(np.mean([getattr(s, part) for s in runs])) for runs in found.values()],
                "std": [float(np.std([getattr(s, part) for s in runs])) for runs in found.values()],
            }
            for part in ("full", "few")
        },
        {key: getattr(wanted, key) for key in ("seeds", "seed", "epochs", "n_train", "n_test", "width")},
        round(time.perf_counter() - start, 1),
        data={way: [list(s) for s in runs] for way, runs in found.items()},
    )  # fmt: skip
    path = save(result, wanted.out)
    plot(load(path), wanted.out / f"{name}.png")
    print(path)


def one(way: str, task: Task, plan: "Plan", /) -> Found:
    """Accuracies and purity of one way."""
    from pal.training import EachEpoch, SupportSet, embed, neighbors_of_all

    n = len(task.x)
    known = few_labels(task.y, N_KNOWN, seed=plan.seed)
    if way in SETS:
        of, steps = SETS[way], plan.epochs * (n // plan.batch_size)
        support = SupportSet(
            max(round(of.size * n), 1), wait=round(of.wait * steps), weight=of.weight, agree=of.agree,
            together=of.together,
        )  # fmt: skip
        encoder, pairs = _watched(support, task, plan)
        last = np.concatenate(pairs[-(n // plan.batch_size) :], axis=1)
        return Found(*scores(task, encoder, known), float((task.y[last[0]] == task.y[last[1]]).mean()))
    ways: dict[str, Callable[[], SimilarityGraph | EachEpoch]] = {
        "simclr": lambda: identity(n),
        "all": lambda: neighbors_of_all(identity(n), warm_up=WARM_UP),
        "pixels": lambda: identity(n) + WEIGHT * from_neighbors(_in_pixels(task, mutual=True)),
        "shared": lambda: _shared(task),
    }
    source = ways[way]()
    encoder = learned(task, plan, source, loss="simclr")
    graph = source.renew(embed(encoder, task.x), 1.0) if isinstance(source, EachEpoch) else source
    return Found(*scores(task, encoder, known), purity(graph, task.y))


def purity(graph: SimilarityGraph, y: Int64[ndarray, " n"], /) -> float:
    """Share of pairs of different items that are of one class, over those with G_ij > 0; NaN if there are none."""
    dense = graph.to_dense()
    np.fill_diagonal(dense, 0.0)
    i, j = np.nonzero(dense > 0)
    return float((y[i] == y[j]).mean()) if len(i) else float("nan")


def plot(result: Result, path: Path, /) -> None:
    """Differences to SimCLR of the same seed, and purities."""
    assert result.data is not None  # noqa: S101
    figure, axes = canvas(3, size=(3.4, 3.2))
    table = {way: np.array(runs) for way, runs in result.data.items()}
    base = table["simclr"]
    for column, part in enumerate(Found._fields):
        axis, ways = axes[0, column], [way for way in table if way != "simclr"]
        for place, way in enumerate(ways):
            values = table[way][:, column] - (0.0 if part == "purity" else base[:, column])
            axis.plot(np.full(len(values), place), values, "o", color=f"C{column}", alpha=0.6, markersize=4)
            axis.plot([place - 0.3, place + 0.3], [values.mean()] * 2, color="black")
        axis.set_xticks(range(len(ways)), ways, rotation=60, ha="right")
        if part == "purity":
            axis.set_ylabel("Neighbours of the item's class")
        else:
            axis.axhline(0.0, color="grey", linewidth=0.8)
            axis.set_ylabel("Accuracy above SimCLR's")
            axis.set_title("probe on all labels" if part == "full" else f"probe on {N_KNOWN} labels")
    finish(figure, path)


def _watched(support: "SupportSet", task: Task, plan: "Plan") -> "tuple[nn.Module, list[Int64[ndarray, '2 p']]]":
    """Encoder trained with a support set, and the neighbours of each step."""
    pairs = []

    def watched(z: "Tensor", graph: SimilarityGraph, batch: "Batch") -> "Tensor":
        loss = support(z, graph, batch)
        pairs.append(support.found)
        return loss

    return learned(task, plan, identity(len(task.x)), loss=watched), pairs


def _in_pixels(task: Task, *, mutual: bool) -> csr_array:
    from pal.training.blends import nearest

    return nearest(task.x.reshape(len(task.x), -1) / 255.0, N_NEIGHBORS, mutual=mutual)


def _shared(task: Task) -> "EachEpoch":
    """Graph of the views, and of neighbours both in pixels and in features."""
    from pal.training import EachEpoch
    from pal.training.blends import nearest

    first, pixels = identity(len(task.x)), _in_pixels(task, mutual=False)

    def renew(features: Float32[ndarray, "n d"], done: float) -> SimilarityGraph:
        if done < WARM_UP:
            return first
        return first + WEIGHT * from_neighbors(csr_array(pixels.multiply(nearest(features, N_NEIGHBORS))))

    return EachEpoch(first, renew)
