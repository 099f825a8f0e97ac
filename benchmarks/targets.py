"""Answers needed, goal by goal: what the default oracle reaches on digits and circles, with the rivals of each goal.

``python -m benchmarks targets --out DIR`` prints every goal with the figure reached, and writes DIR/targets.json
and DIR/targets.md; ``--quick`` takes one seed and few trials, ``--docs PAGE`` puts the table into a page of the
documentation. Curves are kept as those of the efficiency benchmark are, in DIR/runs.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import circles
from benchmarks._averages import average, needed, value_at
from benchmarks._curves import Point, Settings
from benchmarks._rivals import PEERS
from benchmarks._sets import load
from benchmarks._settling import if_all_others_were_known, similarity_order
from benchmarks.efficiency import Task, kept, run_one
from benchmarks.report import Row, fill, machine, markdown_rows, row, versions

_SINGLES = ((0, 0.85), (20, 0.88), (50, 0.93), (100, 0.98), (200, 0.995), (500, 1.0))
_COBRAS = {20: 0.43, 50: 0.51, 100: 0.70, 200: 0.77, 500: 0.84}
_PAGES = ((0.91, 6), (0.985, 18), (0.998, 35))
_ELSEWHERE = "not run here"
_BEST_LABELS = ("peer-margin", "peer-max-herding")


class Runs:
    """Curves of the goals, made or read when first asked for."""

    def __init__(self, out: Path, seeds: int, again: bool) -> None:
        self.out, self.seeds, self.again = out, seeds, again
        self.made: set[Path] = set()

    def curves(self, oracle: str, settings: Settings) -> list[list[Point]]:
        """One curve a seed, on digits."""
        tasks = [Task("digits", oracle, seed, settings, self.out, None) for seed in range(self.seeds)]
        for task in tasks:
            if self.again and task.path not in self.made and oracle not in PEERS:
                run_one(task)
            self.made.add(task.path)
        return [kept(task) for task in tasks]

    def run(self, oracle: str, settings: Settings) -> dict[str, Any]:
        """Their average."""
        return average(self.curves(oracle, settings), settings.page)


def execute(args: list[str], out: Path) -> list[Row]:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks targets", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, few trials, 200 single questions")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--again", action="store_true", help="make the default's curves anew")
    parser.add_argument("--only", nargs="+", choices=list(GOALS), default=list(GOALS))
    parser.add_argument("--docs", type=Path, help="page whose table to fill")
    options = parser.parse_args(args)
    runs = Runs(out, 1 if options.quick else options.seeds, options.again)
    rows: list[Row] = []
    for name in options.only:
        found = GOALS[name](runs, options.quick)
        for line in found:
            print(f"{line.what:58} goal {line.goal:10} reached {line.ours:.4g} {line.unit}", flush=True)
        rows += found
        out.mkdir(parents=True, exist_ok=True)
        document = {
            "rows": [_finite(asdict(r)) for r in rows],
            "seeds": runs.seeds,
            "machine": machine(),
            "versions": versions(),
        }
        table = markdown_rows(rows)
        (out / "targets.md").write_text(table, encoding="utf-8")
        (out / "targets.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if options.docs:
        fill(options.docs, "targets", table)
    return rows


def _finite(fields: dict[str, Any]) -> dict[str, Any]:
    """Numbers that JSON knows: a level never reached is null."""
    return {key: None if isinstance(v, float) and not np.isfinite(v) else v for key, v in fields.items()}


def single_questions(runs: Runs, quick: bool) -> list[Row]:
    """Adjusted Rand index after so many questions, asked one at a time."""
    run = runs.run("default", Settings(answers=200 if quick else 500, page=1, held_out=0.0))
    rows = []
    for at, goal in _SINGLES:
        if at <= run["answers"][-1]:
            rival = f"COBRAS {_COBRAS[at]}, {_ELSEWHERE}" if at in _COBRAS else "-"
            reached = value_at(run, "ari", at)
            rows.append(row(f"digits, single questions, ARI at {at}", reached, rival, "ARI", f">= {goal}"))
    return rows


def pages(runs: Runs, quick: bool) -> list[Row]:  # noqa: ARG001
    """Pages of 15 until levels, and until every item is settled."""
    settings = Settings(answers=2400, page=15, held_out=0.0)
    run, curves = runs.run("default", settings), runs.curves("default", settings)
    rows = [
        row(
            f"digits, pages of 15 to ARI {level}",
            needed(run, "ari", level, per="pages"),
            "-",
            "pages",
            f"<= {goal}",
        )
        for level, goal in _PAGES
    ]
    digits = load("digits", seed=0, n_items=settings.items, cache=runs.out)
    rival = (
        f"similarity order {similarity_order(digits.x, digits.y):,}, "
        f"all others known {if_all_others_were_known(digits.x, digits.y):,}"
    )
    for per, goal, beside in (("pages", 125, "-"), ("answers", 1840, rival)):
        settled = float(np.mean([_first(curve, per) for curve in curves]))
        rows.append(row(f"digits, every item settled without error, {per}", settled, beside, per, f"<= {goal}"))
    return rows


def _first(curve: Sequence[Point], per: str) -> float:
    """Pages or answers until every item is told or deduced."""
    return next((point[per] for point in curve if point["settled"] >= 1.0), float("inf"))


def held_out(runs: Runs, quick: bool) -> list[Row]:  # noqa: ARG001
    """Yes/no answers to .97 on items that nobody labels."""
    run = runs.run("default", Settings(answers=200, page=1))
    peers = [runs.run(peer, Settings(answers=525, page=5)) for peer in _installed()]
    rival = min((needed(peer, "heldout", 0.97) for peer in peers), default=float("inf"))
    words: float | str = rival if np.isfinite(rival) else "not by 525" if peers else "none installed"
    return [row("digits, held-out accuracy .97", needed(run, "heldout", 0.97), words, "answers", "<= 80")]


def seconds(runs: Runs, quick: bool) -> list[Row]:  # noqa: ARG001
    """Seconds of a person who misses rare targets to .96 held out, with and without naming the groups."""
    run = runs.run("default", Settings(answers=300, page=15, labeler="misses"))
    peers = [runs.run(peer, Settings(answers=525, page=5)) for peer in _installed()]
    rival = min((needed(peer, "heldout", 0.96, per="seconds") for peer in peers), default=float("inf"))
    words: float | str = rival if np.isfinite(rival) else f"margin 430, {_ELSEWHERE}"
    asked = needed(run, "heldout", 0.96, per="seconds")
    naming = next(
        (n for at, n in zip(run["seconds"], run["naming"]["mean"], strict=True) if at == asked and n is not None), 0.0
    )
    return [
        row("digits, seconds to held-out .96, misses", asked, words, "seconds", "<= 86"),
        row("digits, the same with naming every group", asked + naming, words, "seconds", "<= 86"),
    ]


def wrong_answers(runs: Runs, quick: bool) -> list[Row]:  # noqa: ARG001
    """One answer in ten wrong."""
    run = runs.run("default", Settings(answers=1005, page=15, held_out=0.0, labeler="wrong:0.1"))
    rows = []
    for at, goal, naive in ((300, 0.90, 0.85), (1000, 0.97, 0.90)):
        rival = f"naive {naive}, {_ELSEWHERE}"
        rows.append(row(f"digits, 10 % wrong, ARI at {at}", value_at(run, "ari", at), rival, "ARI", f">= {goal}"))
        rows.append(row(f"digits, 10 % wrong, classes at {at}", value_at(run, "classes", at), "-", "classes", "10"))
    return rows


def rings(runs: Runs, quick: bool) -> list[Row]:  # noqa: ARG001
    """Fig. 3 with the believed graph."""
    return circles.run(["--trials", "4" if quick else "20"])


def _installed() -> list[str]:
    return [peer for peer in _BEST_LABELS if not PEERS[peer].missing()]


GOALS: dict[str, Callable[[Runs, bool], list[Row]]] = {
    "singles": single_questions,
    "pages": pages,
    "held-out": held_out,
    "seconds": seconds,
    "wrong": wrong_answers,
    "circles": rings,
}
