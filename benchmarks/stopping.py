"""Whether the estimate of the remaining error, the suggestion to stop and the pages left are to be believed.

Three tables. *Coverage*: how often an interval misses the true rate, after a number of items fixed before, and at any
of the looks every 15 items. *Stops*: how often it says "below the target" when that isn't so, and after how many items
when it is. *Pages left*: what :func:`pal.audit.outlook` foretells on real curves, as a multiple of what it then took.
"""

import argparse
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from benchmarks._curves import Point, Settings
from benchmarks.efficiency import Task, kept
from benchmarks.report import Row, fill, markdown_rows, row
from pal.audit import Audit, audit, outlook

_LOOK, _LONGEST = 15, 600
# Items of the audits behind the pages foretold.
_AUDITED = 200
_RATES = (0.005, 0.01, 0.02, 0.05, 0.1)
_NAMES = {False: "fixed number", True: "anytime"}
_audit = cache(audit)


def execute(args: list[str], out: Path) -> list[Row]:
    """Simulate and measure; curves are kept in ``out``/runs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks stopping", description=__doc__)
    parser.add_argument("--audits", type=int, default=2000, help="audits simulated for each rate")
    parser.add_argument("--target", type=float, default=0.02, help="error rate wanted")
    parser.add_argument("--data", nargs="*", default=["digits"], help="sets whose pages left are foretold")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--docs", type=Path, help="page whose table to fill")
    options = parser.parse_args(args)
    rng = np.random.default_rng(0)
    rows = coverage(options.audits, rng) + stops(options.audits, options.target, rng)
    for name in options.data:
        curves = [
            kept(Task(name, "default", seed, Settings(answers=2000, held_out=0.0), out, None))
            for seed in range(options.seeds)
        ]
        rows += pages_left(name, curves, rng)
    if options.docs:
        fill(options.docs, "stopping", markdown_rows(rows))
    return rows


def coverage(n_audits: int, rng: np.random.Generator) -> list[Row]:
    """Share of audits whose interval misses the rate: ours is anytime, at the worst of all looks; rival is fixed."""
    rows = []
    for rate in _RATES:
        wrong = _looks(n_audits, rate, rng)
        missed = {}
        for anytime in (False, True):
            outside = np.array([[not _covers(n, k, rate, anytime) for n, k in _pairs(path)] for path in wrong])
            missed[anytime] = outside.any(axis=1).mean()
            print(
                f"true rate {rate:.3f}, {_NAMES[anytime]:12}: missed after 150 items {outside[:, 9].mean():.3f}, "
                f"after 600 {outside[:, -1].mean():.3f}, at any of {outside.shape[1]} looks {missed[anytime]:.3f}"
            )
        rows.append(
            row(f"anytime interval, rate {rate}: missed at any look", missed[True], missed[False], "share", "<= 0.05")
        )
    return rows


def stops(n_audits: int, target: float, rng: np.random.Generator) -> list[Row]:
    """Share of audits that say "below the target" at some look, and the median items until then."""
    rows = []
    for share in (0.25, 0.5, 1.0, 1.5, 2.0):
        wrong = _looks(n_audits, share * target, rng)
        said = {}
        for anytime in (False, True):
            below = np.array(
                [[_audit(n, k, anytime=anytime).high <= target for n, k in _pairs(path)] for path in wrong]
            )
            said[anytime] = float(below.any(axis=1).mean())
            first = _LOOK * (1 + below.argmax(axis=1)[below.any(axis=1)])
            items = f"{np.median(first):.0f} items" if len(first) else "-"
            print(f"true rate {share:g} x target, {_NAMES[anytime]:12}: stops {said[anytime]:.3f}, median {items}")
        goal = "<= 0.05" if share >= 1 else "high"
        rows.append(row(f"stops by 600 items, rate {share:g} x {target}", said[True], said[False], "share", goal))
    return rows


def pages_left(name: str, curves: Sequence[Sequence[Point]], rng: np.random.Generator) -> list[Row]:
    """Foretold over actual pages until half of the present errors are gone, from an audit at every fifth page."""
    ratios, silent = [], 0
    for curve in curves:
        wrong = np.array([point["wrong"] for point in curve])
        doubt = np.array([point["doubt"] for point in curve])
        for page in range(5, len(curve), 5):
            later = np.flatnonzero(wrong[page:] <= wrong[page] / 2)
            if wrong[page] == 0 or not len(later):
                continue
            audited = _audit(_AUDITED, int(rng.binomial(_AUDITED, wrong[page])), anytime=True)
            left = outlook(audited, doubt[: page + 1], np.full(page, 10.0), target=float(wrong[page] / 2))
            if left.pages is None:
                silent += 1
            else:
                ratios.append(max(left.pages, 1) / later[0])
    print(f"{name}: pages left: foretold at {len(ratios)} pages, silent at {silent}")
    if not ratios:
        return []
    within = np.mean([0.5 <= r <= 2.0 for r in ratios])
    print(f"{name}: foretold / actual, quartiles {np.round(np.percentile(ratios, [25, 50, 75]), 2).tolist()}")
    return [row(f"{name}: pages left foretold within a factor of 2", float(within), "-", "share", "high")]


def _looks(n_audits: int, rate: float, rng: np.random.Generator) -> Float[ndarray, "a looks"]:
    """Errors found so far at each look, for audits of items drawn one after the other."""
    return rng.binomial(_LOOK, rate, (n_audits, _LONGEST // _LOOK)).cumsum(axis=1)


def _pairs(path: Float[ndarray, " looks"]) -> list[tuple[int, int]]:
    return [(_LOOK * (i + 1), int(k)) for i, k in enumerate(path)]


def _covers(n: int, k: int, rate: float, anytime: bool) -> bool:
    found: Audit = _audit(n, k, anytime=anytime)
    return found.low <= rate <= found.high
