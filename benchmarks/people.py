"""Who errs how: what beliefs gain by knowing who gave each answer, and how well they find each person's rates.

Simulated people answer the default oracle on digits, once with answers told as theirs, and once ("rival") all told as
one person's, as if nobody knew. The figure is the adjusted Rand index of what stands after so many answers. The drawing
sets the sensitivity and specificity that the beliefs give each person beside the true shares of their answers. Of
people who cannot tell some items, the share of tiles that they refused is given too.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks._drawing import save, side_by_side
from benchmarks.report import Row, fill, markdown_rows, row
from pal.answers import Question
from pal.labelers import get_labeler
from pal.loop import Loop
from pal.oracles import ORACLES
from pal.project.standing import standing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Found(NamedTuple):
    """ARI and number of groups at each mark; (people, 2) rates as estimated, and as they are; share refused."""

    ari: Float[ndarray, " m"]
    n_groups: Int64[ndarray, " m"]
    estimated: Float[ndarray, "p 2"]
    true: Float[ndarray, "p 2"]
    refused: float


def execute(args: list[str], out: Path) -> list[Row]:
    """Measure, and draw DIR/people.png."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks people", description=__doc__)
    parser.add_argument(
        "--labelers", nargs="+", default=["uneven:0.4", "crowd:5", "wrong:0.1", "biased:0.1", "misses", "refusing:0.1"]
    )
    parser.add_argument("--answers", type=int, nargs="+", default=[60, 300, 1000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--docs", type=Path, help="page whose table to fill")
    parser.add_argument("--picture", type=Path, help="where to put a copy of the drawing")
    options = parser.parse_args(args)
    rows, points = [], {}
    with threadpool_limits(1):
        for name in options.labelers:
            knowing, blind = (
                [_one(name, seed, options.answers, known=known) for seed in range(options.seeds)]
                for known in (True, False)
            )
            points[name] = knowing
            for j, at in enumerate(options.answers):
                ours, rival = (float(np.mean([found.ari[j] for found in side])) for side in (knowing, blind))
                rows.append(row(f"{name}, {at} answers: ARI", ours, rival, "", "-", higher_is_better=True))
            groups, without = (float(np.mean([found.n_groups[-1] for found in side])) for side in (knowing, blind))
            rows.append(row(f"{name}, {options.answers[-1]} answers: classes (10)", groups, without, "", "10"))
            refused, too = (float(np.mean([found.refused for found in side])) for side in (knowing, blind))
            if refused or too:
                rows.append(row(f"{name}, {options.answers[-1]} answers: share refused", refused, too, "", "-"))
    save(draw(points), out / "people.png", options.picture)
    if options.docs:
        fill(options.docs, "people", markdown_rows(rows))
    return rows


def _one(name: str, seed: int, answers: list[int], *, known: bool) -> Found:
    """One run; people are told apart only if ``known``."""
    data = load_digits()
    x, y = data.data / 16.0, data.target
    labeler = get_labeler(name, y, seed=seed)
    who: Callable[[Question], int] = getattr(labeler, "who", lambda _: 0)
    loop = Loop(x, ORACLES["default"], page_size=15, seed=seed)
    ari, n_groups = np.zeros(len(answers)), np.zeros(len(answers), dtype=np.int64)
    by: list[ndarray] = []
    for j, at in enumerate(answers):
        while len(loop.answers) < at and (question := loop.ask()) is not None:
            loop.tell(question, labeler(question), labeler=who(question) if known else 0)
            by.append(np.full(len(question.items), who(question)))
        now = standing(loop.knowledge, loop.model.beliefs)
        ari[j], n_groups[j] = adjusted_rand_score(y, now.label), len(now.anchor)
    said, beliefs = loop.answers, loop.model.beliefs
    same, people = y[said.template] == y[said.item], np.concatenate(by)
    told = said.relation != 0
    right = (said.relation > 0) == same
    true = [[right[told & (people == p) & (same == one)].mean() for one in (True, False)] for p in np.unique(people)]
    estimated = np.stack([beliefs.sensitivity, beliefs.specificity], axis=1)
    return Found(ari, n_groups, estimated, np.array(true), 1.0 - float(told.mean()))


def draw(points: dict[str, list[Found]]) -> "Figure":
    """True share against estimate, a panel a labeler; sensitivity and specificity of each person in each run."""
    figure, axes = side_by_side(list(points))
    for axis, runs in zip(axes, points.values(), strict=True):
        axis.plot([0.4, 1], [0.4, 1], color="0.7", linewidth=0.8)
        for side, (word, mark) in enumerate((("sensitivity", "o"), ("specificity", "^"))):
            true, estimated = (
                np.concatenate([getattr(run, of)[:, side] for run in runs]) for of in ("true", "estimated")
            )
            axis.plot(true, estimated, mark, markersize=4, alpha=0.7, label=word)
        axis.set_xlabel("share of right answers")
    axes[0].set_ylabel("as estimated")
    axes[0].legend(fontsize=7)
    return figure
