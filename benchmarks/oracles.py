"""How long each oracle takes to choose the next page, and whether that grows with the answers: CPU milliseconds.

N items in overlapping Gaussian classes; the states have ever more right answers about random items, each against its
likeliest class, as people leave them. "Rival" is the same oracle before the first answer.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int64
from numpy import ndarray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.report import Row, fill, markdown_rows, row
from pal.answers import Answers, Question, concatenate
from pal.knowledge import known
from pal.learner import learn, prepare
from pal.oracles import ORACLES, State

_REPEATS = 3


def run(args: list[str]) -> list[Row]:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks oracles", description=__doc__)
    parser.add_argument("--n", type=int, default=2000, help="items")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--answers", type=int, nargs="+", default=[0, 150, 600, 2400])
    parser.add_argument("--oracles", nargs="+", default=sorted(set(ORACLES) - {"gain"}))
    parser.add_argument("--docs", type=Path, help="page whose table to fill")
    options = parser.parse_args(args)
    with threadpool_limits(1):
        states = list(_states(options))
        found = {name: [milliseconds(name, state) for state in states] for name in options.oracles}
    for name, ms in found.items():
        print(f"{name:16}", " ".join(f"{m:8.1f}" for m in ms), " ms after", options.answers, "answers")
    goal = f"<= 50 ms at N = 2,000; here {options.n:,}"
    rows = [
        row(f"{name}, after {options.answers[-1]} answers", ms[-1], ms[0], "ms", goal) for name, ms in found.items()
    ]
    if options.docs:
        fill(options.docs, "oracles", markdown_rows(rows))
    return rows


def milliseconds(name: str, state: State) -> float:
    """Median CPU time of a page."""
    times = []
    for _ in range(_REPEATS):
        start = time.process_time()
        ORACLES[name](state)
        times.append(1e3 * (time.process_time() - start))
    return float(np.median(times))


def _states(options: argparse.Namespace) -> Iterator[State]:
    rng = np.random.default_rng(0)
    y = rng.integers(options.classes, size=options.n)
    x = 3.0 * rng.standard_normal((options.classes, 16))[y] + rng.standard_normal((options.n, 16)) * 2.0
    prepared = prepare(x)
    pages = _pages(y, max(options.answers), rng)
    for count in options.answers:
        answers = concatenate(pages[: count // 15])
        knowledge = known(options.n, answers)
        start = time.process_time()
        model = learn(prepared, knowledge)
        refit = 1e3 * (time.process_time() - start)
        print(f"{len(answers)} answers: refit {refit:.0f} ms, {len(model.beliefs.anchor)} classes")
        nobody = np.zeros(options.n, dtype=bool)
        # Fresh knowledge: what follows from the answers is worked out once a page, and belongs to its time.
        yield State(known(options.n, answers), answers.silent, model, 15, np.random.default_rng(1), nobody)


def _pages(y: Int64[ndarray, " n"], count: int, rng: np.random.Generator) -> list[Answers]:
    """Pages of 15 random items against one template a class; two thirds of the tiles are of its class."""
    template = np.unique(y, return_index=True)[1]
    free = [rng.permutation(np.setdiff1d(np.flatnonzero(y == c), template)).tolist() for c in range(len(template))]
    pages = []
    for number in range(count // 15):
        c = int(np.argmax([len(items) for items in free]))
        tiles = [free[c].pop() for _ in range(min(10, len(free[c])))]
        others = np.setdiff1d(np.flatnonzero(y != c), template)
        tiles += rng.choice(others, 15 - len(tiles), replace=False).tolist()
        relation = np.where(y[tiles] == c, 1, -1)
        pages.append(Answers.of(Question(int(template[c]), np.array(tiles)), relation, number=number))
    return pages
