"""Answers needed: curves of every oracle against answers, pages and human seconds, beside peers in the same run.

``python -m benchmarks efficiency --data digits --oracles all --seeds 5 --out DIR`` writes DIR/efficiency.json (a run is
one oracle or peer on one set, averaged over seeds; what is measured says :mod:`benchmarks._curves`), DIR/efficiency.md
(tables) and DIR/efficiency.png.

Each curve is kept in DIR/runs, one small file a set, oracle, seed and settings; what is there isn't run again, unless
``--again`` names its oracle. Peers ask for class labels and are told the classes, or ask about pairs and are told their
number; a label counts as many yes/no answers as it takes to name it, and in seconds as a choice from a list.
"""

import argparse
import hashlib
import json
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks._averages import average, needed, worse
from benchmarks._curves import Point, Settings, oracle_curve
from benchmarks._drawing import draw, tables
from benchmarks._rivals import PEERS, PUBLISHED
from benchmarks._sets import NAMES, Whole, load, split
from benchmarks.report import Row, fill, machine, missing, row, versions
from pal.labelers import LABELERS
from pal.oracles import ORACLES

# A change of what a curve means makes older files useless: count it here.
_VERSION = 2
# The same function as the default, under its own name.
_ALIASES = {"gain"}
RIVALS_OF_THE_DEFAULT = ("random", "captcha", *PEERS)


class Task(NamedTuple):
    """One curve to make, and where it is kept."""

    data: str
    oracle: str
    seed: int
    settings: Settings
    out: Path
    cifar: Path | None

    @property
    def path(self) -> Path:
        """File of this curve."""
        text = json.dumps([_VERSION, self.data, self.oracle, self.seed, *self.settings])
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        name = "".join(c if c.isalnum() else "-" for c in Path(self.data).stem)
        return self.out / "runs" / f"{name}-{self.oracle}-{self.seed}-{digest}.json"


def execute(args: list[str], out: Path) -> list[Row]:
    """Run what isn't there yet, write the files, and return rows of answers needed beside the best peer's."""
    options = _parse(args)
    settings = Settings(options.answers, options.page, options.items, options.held_out, options.labeler)
    oracles = sorted(set(ORACLES) - _ALIASES) if options.oracles == ["all"] else options.oracles
    wanted = list(dict.fromkeys([*oracles, *options.peers]))
    absent = {name: missing(PEERS[name].package) for name in wanted if name in PEERS and PEERS[name].missing()}
    pairs = [(data, oracle) for data in options.data for oracle in wanted if oracle not in absent]
    runs: list[dict[str, Any]] = []
    texts: dict[str, str] = {}
    with ProcessPoolExecutor(options.jobs) as pool:
        for data, oracle in pairs:
            tasks = [Task(data, oracle, seed, settings, out, options.cifar) for seed in range(options.seeds)]
            runs.append({"data": data, "oracle": oracle, **average(_curves(pool, tasks, options), settings.page)})
            _tell(runs[-1])
            texts = _write(runs, absent, settings, out)
    lines = worse(runs, RIVALS_OF_THE_DEFAULT)
    for line in [*(f"{peer}: {words}" for peer, words in absent.items()), *lines]:
        print(line)
    if options.docs:
        for name, text in texts.items():
            fill(options.docs, f"{out.name} {name}" if name.startswith("sets ") else name, text)
    if not draw(runs, set(PEERS), out / "efficiency.png"):
        print(missing("matplotlib", "experiments"))
    return _rows(runs)


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks efficiency", description=__doc__)
    parser.add_argument("--data", nargs="+", default=["digits"], help=f"{', '.join(NAMES)}, or .npz with x and y")
    parser.add_argument("--oracles", nargs="+", default=["default", "captcha", "random"], help="names, or all")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS), help="rivals")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--answers", type=int, default=525, help="stop after so many")
    parser.add_argument("--page", type=int, default=15, help="tiles a page")
    parser.add_argument("--items", type=int, default=3000, help="sample larger sets to so many items")
    parser.add_argument("--held-out", type=float, default=1 / 3, help="share of the items that nobody labels")
    parser.add_argument("--labeler", default="perfect", help=f"{', '.join(LABELERS)}; some take a number, wrong:0.1")
    parser.add_argument("--cifar", type=Path, help="folder or .npz of CIFAR-10, for --data cifar")
    parser.add_argument("--again", nargs="*", default=[], help="oracles whose curves are made anew, or all of ours")
    parser.add_argument("--docs", type=Path, help='page whose tables to fill, by name ("digits ari", "OUT sets ari")')
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args(args)
    unknown = [name for name in options.oracles if name not in ORACLES and name != "all"]
    if unknown:
        parser.error(f"unknown oracle {unknown[0]!r}; choose of all, {', '.join(sorted(ORACLES))}")
    return options


def _curves(pool: ProcessPoolExecutor, tasks: list[Task], options: argparse.Namespace) -> list[list[Point]]:
    anew = set(ORACLES if options.again == ["all"] else options.again)
    again = [task for task in tasks if task.oracle in anew or not task.path.exists()]
    if options.jobs > 1:
        list(pool.map(run_one, again))
    else:
        for task in again:
            run_one(task)
    return [kept(task) for task in tasks]


def kept(task: Task) -> list[Point]:
    """Points of a curve, which is made if it isn't there."""
    if not task.path.exists():
        run_one(task)
    points: list[Point] = json.loads(task.path.read_text(encoding="utf-8"))["points"]
    return points


def run_one(task: Task) -> None:
    """Make one curve and write its file, whole or not at all."""
    # Drawn sets differ by seed; the split into labelled and held-out items always does.
    whole = load_for(task)
    data = split(whole, n_items=task.settings.items, held_out=task.settings.held_out, seed=task.seed)
    points: Iterator[Point]
    if task.oracle in PEERS:
        points = PEERS[task.oracle].curve(data, task.oracle, task.settings, task.seed)
    else:
        points = oracle_curve(data, task.oracle, task.settings, task.seed)
    with warnings.catch_warnings():
        if task.oracle in PEERS:  # what a rival says of its own fits
            warnings.simplefilter("ignore")
        rounded = [{k: round(v, 6) for k, v in point.items() if np.isfinite(v)} for point in points]
    document = {"data": task.data, "oracle": task.oracle, "seed": task.seed, "settings": task.settings._asdict()}
    task.path.parent.mkdir(parents=True, exist_ok=True)
    part = task.path.with_suffix(".part")
    part.write_text(json.dumps({**document, "points": rounded}) + "\n", encoding="utf-8")
    part.replace(task.path)


def load_for(task: Task) -> Whole:
    """The set of a task."""
    cache = task.out / "features"
    return load(task.data, seed=task.seed, n_items=task.settings.items, cache=cache, cifar=task.cifar)


def _tell(run: dict[str, Any]) -> None:
    held = run.get("heldout", {"mean": [None]})["mean"][-1]
    words = "" if held is None else f", held-out {held:.3f}"
    ari = run["ari"]["mean"][-1]
    print(f"{run['data']}  {run['oracle']:26} {run['answers'][-1]:4.0f} answers: ari {ari:.3f}{words}", flush=True)


def _write(runs: list[dict[str, Any]], absent: dict[str, str], settings: Settings, out: Path) -> dict[str, str]:
    """Write the results so far; returns the tables."""
    out.mkdir(parents=True, exist_ok=True)
    for run in runs:
        run.setdefault("heldout", {"mean": [None] * len(run["answers"]), "std": [None] * len(run["answers"])})
    sets = {run["data"] for run in runs}
    document = {
        "runs": runs,
        "published": [p._asdict() for p in PUBLISHED if p.data in sets],
        "missing": absent,
        "settings": settings._asdict(),
        "machine": machine(),
        "versions": versions(),
    }
    (out / "efficiency.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    texts = tables(runs, set(PEERS), PUBLISHED)
    (out / "efficiency.md").write_text("\n".join(f"## {k}\n\n{v}" for k, v in texts.items()), encoding="utf-8")
    return texts


def _rows(runs: list[dict[str, Any]]) -> list[Row]:
    """Answers and seconds to levels, each oracle beside the best peer on that set."""
    rows = []
    for data in dict.fromkeys(run["data"] for run in runs):
        here = [run for run in runs if run["data"] == data]
        peers = [run for run in here if run["oracle"] in PEERS]
        for measure, level in (("ari", 0.9), ("ari", 0.98), ("heldout", 0.9), ("heldout", 0.96)):
            for per in ("answers", "seconds"):
                rival = min((needed(run, measure, level, per=per) for run in peers), default=float("inf"))
                words: float | str = rival if np.isfinite(rival) else "not reached" if peers else "none run"
                for run in here:
                    ours = needed(run, measure, level, per=per)
                    if run["oracle"] not in PEERS and np.isfinite(ours):
                        what = f"{data}: {run['oracle']}, {measure} {level}"
                        rows.append(row(what, ours, words, per, "fewer than the best peer"))
    return rows
