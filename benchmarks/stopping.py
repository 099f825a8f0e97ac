"""Whether the estimate of the remaining error, the suggestion to stop and the pages left are to be believed.

Three tables. *Coverage*: how often an interval misses the true rate, after a number of items fixed before, and at any
of the looks every 15 items. *Stops*: how often it says "below the target" when that isn't so, and after how many items
when it is. *Pages left* until half of the errors are gone: what :func:`pal.audit.n_to_ask` foretells from an audit, as
a multiple of what it then took ("rival": the wrong ones met evenly, in any order).
"""

import argparse
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from benchmarks._sets import Data, load, split
from benchmarks.report import Row, fill, markdown_rows, row
from pal.audit import Audit, audit, n_to_ask
from pal.labelers import SimulatedLabeler
from pal.loop import Loop
from pal.oracles import get_oracle
from pal.project.standing import standing

_LOOK, _LONGEST = 15, 600
# Items of the audits behind the pages foretold, tiles a page, items of a set, and answers.
_AUDITED, _PAGE, _ITEMS, _ANSWERS = 200, 15, 3000, 1200
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
    parser.add_argument("--cifar", type=Path, help="folder of CIFAR-10 pictures, for the set of that name")
    parser.add_argument("--docs", type=Path, help="page whose table to fill")
    options = parser.parse_args(args)
    rng = np.random.default_rng(0)
    rows = coverage(options.audits, rng) + stops(options.audits, options.target, rng)
    for name in options.data:
        ratios = []
        for seed in range(options.seeds):
            whole = load(name, seed=seed, n_items=_ITEMS, cache=out / "features", cifar=options.cifar)
            data = split(whole, n_items=_ITEMS, held_out=0.0, seed=seed)
            ratios += foretold(list(played(data, seed)), rng)
        rows += pages_left(name, ratios)
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


class Page(NamedTuple):
    """Before a page: doubt of each predicted label, and the share of wrong ones among them and among all."""

    doubt: Float[ndarray, " m"]
    wrong: float
    wrong_of_all: float


def played(data: Data, seed: int) -> Iterator[Page]:
    """Let a perfect person answer the default oracle's pages."""
    loop = Loop(data.x, get_oracle("default"), page_size=_PAGE, seed=seed)
    labeler, n_answers = SimulatedLabeler(data.y), 0
    while n_answers < _ANSWERS:
        stands = standing(loop.knowledge, loop.model.beliefs)
        wrong = np.append(data.y[stands.anchor], -1)[stands.label] != data.y
        guessed = stands.source == 0
        if not guessed.any():
            return
        yield Page(1.0 - stands.confidence[guessed], float(wrong[guessed].mean()), float(wrong.mean()))
        question = loop.ask()
        if question is None:
            return
        loop.tell(question, labeler(question))
        n_answers += len(question.items)


def foretold(pages: list[Page], rng: np.random.Generator) -> list[tuple[float, float]]:
    """Foretold over actual pages until half of the present errors are gone, and the same if met evenly."""
    ratios = []
    for at, page in enumerate(pages[:-1]):
        later = [k for k, then in enumerate(pages[at:]) if then.wrong_of_all <= page.wrong_of_all / 2]
        n = min(_AUDITED, len(page.doubt))
        if at < 3 or not page.wrong_of_all or not later:
            continue
        rate = (rng.binomial(n, page.wrong) + 1) / (n + 2)
        asked = n_to_ask(page.doubt, rate, page.wrong / 2)
        evenly = len(page.doubt) * max(1.0 - page.wrong / 2 / rate, 0.0)
        ratios.append((max(asked / _PAGE, 1.0) / later[0], max(evenly / _PAGE, 1.0) / later[0]))
    return ratios


def pages_left(name: str, ratios: list[tuple[float, float]]) -> list[Row]:
    """Median of foretold over actual, and how often it is within a factor of two."""
    if not ratios:
        print(f"{name}: the errors never fell to half, so nothing is said of the pages left")
        return []
    ours, evenly = np.array(ratios).T
    for words, ratio in (("foretold", ours), ("met evenly", evenly)):
        print(f"{name}, {len(ratio)} pages: {words} / actual, quartiles {np.percentile(ratio, [25, 50, 75]).round(2)}")
    share = [float(np.mean((ratio >= 0.5) & (ratio <= 2.0))) for ratio in (ours, evenly)]
    return [
        row(
            f"{name}: pages left, foretold over actual, median",
            float(np.median(ours)),
            float(np.median(evenly)),
            "",
            "1",
        ),
        row(f"{name}: the same within a factor of 2", share[0], share[1], "share", "high"),
    ]


def _looks(n_audits: int, rate: float, rng: np.random.Generator) -> Float[ndarray, "a looks"]:
    """Errors found so far at each look, for audits of items drawn one after the other."""
    return rng.binomial(_LOOK, rate, (n_audits, _LONGEST // _LOOK)).cumsum(axis=1)


def _pairs(path: Float[ndarray, " looks"]) -> list[tuple[int, int]]:
    return [(_LOOK * (i + 1), int(k)) for i, k in enumerate(path)]


def _covers(n: int, k: int, rate: float, anytime: bool) -> bool:
    found: Audit = _audit(n, k, anytime=anytime)
    return found.low <= rate <= found.high
