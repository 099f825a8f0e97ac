"""Whether beliefs are as sure as they are right: expected calibration error of labels that nobody told.

After some answers to the default oracle, the items nobody was asked about are sorted into bins by the confidence of
their label; the error is the mean gap between confidence and share of right labels, weighed by items (Guo et al. 2017,
https://arxiv.org/abs/1706.04599). A label is right if the anchor of its class is of the item's true class. "Rival" is a
logistic regression on the labels of the items asked about, which is told the classes.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks._drawing import save, side_by_side
from benchmarks._sets import Data, load, split
from benchmarks.report import Row, fill, markdown_rows, row
from pal.labelers import get_labeler
from pal.loop import Loop
from pal.oracles import ORACLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BINS = 10


class Judged(NamedTuple):
    """Confidence of labels, and whether they are right."""

    confidence: Float[ndarray, " m"]
    right: Bool[ndarray, " m"]


def execute(args: list[str], out: Path) -> list[Row]:
    """Measure, and draw DIR/calibration.png."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks calibration", description=__doc__)
    parser.add_argument("--data", nargs="+", default=["digits", "iris", "wine", "breast-cancer", "blobs40"])
    parser.add_argument("--answers", type=int, nargs="+", default=[60, 210, 450])
    parser.add_argument("--items", type=int, default=1500)
    parser.add_argument("--labeler", default="perfect")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cifar", type=Path)
    parser.add_argument("--docs", type=Path, help="page whose table to fill")
    parser.add_argument("--picture", type=Path, help="where to put a copy of the drawing")
    options = parser.parse_args(args)
    found: dict[tuple[str, int], tuple[Judged, Judged]] = {}
    with threadpool_limits(1):
        for name in options.data:
            parts = [_one(name, seed, options, out) for seed in range(options.seeds)]
            for at in options.answers:
                sides = [[part[at][side] for part in parts if at in part] for side in (0, 1)]
                if sides[0]:
                    found[name, at] = (_pool(sides[0]), _pool(sides[1]))
    rows = [
        row(f"{name}, {at} answers: calibration error", error(ours), error(rival), "", "-")
        for (name, at), (ours, rival) in found.items()
    ]
    save(draw(found), out / "calibration.png", options.picture)
    if options.docs:
        fill(options.docs, "calibration", markdown_rows(rows))
    return rows


def error(judged: Judged, /) -> float:
    """Mean gap between confidence and share of right labels, over bins of equal width, weighed by items."""
    count, sure, right = _binned(judged)
    return float(np.abs(sure - right).sum() / max(count.sum(), 1))


def _binned(judged: Judged) -> tuple[Int64[ndarray, " b"], Float[ndarray, " b"], Float[ndarray, " b"]]:
    """Labels in each bin, the sum of their confidence, and how many are right."""
    which = np.minimum((judged.confidence * _BINS).astype(int), _BINS - 1)
    count = np.bincount(which, minlength=_BINS)
    sure, right = (np.bincount(which, weights=w, minlength=_BINS) for w in judged)
    return count, sure, right


def _one(name: str, seed: int, options: argparse.Namespace, out: Path) -> dict[int, tuple[Judged, Judged]]:
    """Both sides after so many answers, for one seed."""
    whole = load(name, seed=seed, n_items=options.items, cache=out / "sets", cifar=options.cifar)
    data = split(whole, n_items=options.items, held_out=0.0, seed=seed)
    labeler = get_labeler(options.labeler, data.y, seed=seed)
    loop = Loop(data.x, ORACLES["default"], page_size=15, seed=seed)
    found: dict[int, tuple[Judged, Judged]] = {}
    left = sorted(options.answers)
    while left:
        question = loop.ask()
        if question is None:
            break
        loop.tell(question, labeler(question))
        if len(loop.answers) >= left[0]:
            asked = np.isin(np.arange(len(data.y)), np.r_[loop.answers.item, loop.answers.template])
            if asked.all() or len(np.unique(data.y[asked])) < 2:
                break
            found[left.pop(0)] = _judge(loop, data, asked)
    return found


def _judge(loop: Loop, data: Data, asked: Bool[ndarray, " n"]) -> tuple[Judged, Judged]:
    from sklearn.linear_model import LogisticRegression

    x, y, beliefs = data.x, data.y, loop.model.beliefs
    ours = Judged(beliefs.confidence[~asked], (y[beliefs.anchor[beliefs.label]] == y)[~asked])
    probability = LogisticRegression(max_iter=2000).fit(x[asked], y[asked])
    share = probability.predict_proba(x[~asked])
    right = probability.classes_[share.argmax(axis=1)] == y[~asked]
    return ours, Judged(share.max(axis=1), right)


def _pool(parts: list[Judged]) -> Judged:
    return Judged(np.concatenate([p.confidence for p in parts]), np.concatenate([p.right for p in parts]))


def draw(found: dict[tuple[str, int], tuple[Judged, Judged]]) -> "Figure":
    """Share of right labels against confidence, a panel a set, a line a number of answers."""
    names = list(dict.fromkeys(name for name, _ in found))
    figure, axes = side_by_side(names)
    for axis, name in zip(axes, names, strict=True):
        axis.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
        for (of, at), (ours, _) in found.items():
            if of != name:
                continue
            count, sure, right = _binned(ours)
            some = count >= 20  # fewer say little
            axis.plot(sure[some] / count[some], right[some] / count[some], "o-", markersize=3, label=at)
        axis.set_xlabel("confidence")
    axes[0].set_ylabel("share of right labels")
    axes[0].legend(title="answers", fontsize=7, title_fontsize=7)
    return figure
