"""The default oracle, with real beliefs, from 10,000 to 1,000,000 items: CPU time of one thread, memory, growth with N.

Gaussian blobs, answered without error. Set-up is :func:`pal.learner.prepare`: neighbours, communities, fields, and how
items lie between representatives. Refit is :func:`pal.learner.learn` after a page of 15 answers, page the choice of
the next one by ``default``; what is believed of all N items (read out) is worked out when somebody looks. Every size
runs in a process of its own, so that its peak memory is its own.

The rival of each row is the size before it: linear growth is a ratio of sizes. ``--closed-form`` measures
:class:`pal.GraphEmbedding` beside it: features, basis, and the embedding of all items after a page.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.report import Row, row
from pal.answers import Answers, concatenate
from pal.builders import from_labels
from pal.embedding import GraphEmbedding
from pal.knowledge import known
from pal.learner import learn, prepare
from pal.oracles import State, ask, get_oracle

_ROWS = 50_000
_PAGE = 15
_GOALS = {
    "set-up": ("s", "<= 60 s"),
    "refit": ("s", "<= 2 s"),
    "page, p95": ("ms", "<= 100 ms"),
    "read out": ("s", "-"),
}
_GOALS |= {"peak memory": ("GB", "<= 6 GB"), "right labels": ("share", "-")}
_GOALS |= {"closed form, set-up": ("s", "-"), "closed form, refit": ("s", "-")}


def blobs(n: int, d: int, n_classes: int) -> tuple[Float32[ndarray, "n d"], Int64[ndarray, " n"]]:
    """Items around one centre a class, and their classes."""
    rng = np.random.default_rng(0)
    centre = rng.normal(size=(n_classes, d)).astype(np.float32)
    label = rng.integers(n_classes, size=n)
    x = centre[label]
    for at in range(0, n, _ROWS):
        x[at : at + _ROWS] += rng.normal(size=x[at : at + _ROWS].shape).astype(np.float32)
    return x, label


def measure(n: int, d: int, n_classes: int, n_pages: int) -> dict[str, float]:
    """Set up once; then pages by the default oracle, each answered and learned from."""
    x, y = blobs(n, d, n_classes)
    before, prepared = time.process_time(), prepare(x)
    took = {"set-up": time.process_time() - before}
    knowledge, told, oracle, rng = known(n), [Answers.empty()], get_oracle("default"), np.random.default_rng(1)
    nobody = np.zeros(n, dtype=bool)
    refits, pages = [], []
    model = learn(prepared, knowledge)
    for number in range(n_pages):
        answers, before = concatenate(told), time.process_time()
        page = ask(oracle, State(knowledge, answers.silent, model, _PAGE, rng, nobody))[0]
        pages.append(1e3 * (time.process_time() - before))
        told.append(Answers.of(page, np.where(y[page.items] == y[page.template], 1, -1), number=number))
        before = time.process_time()
        knowledge = knowledge.add(told[-1])
        model = learn(prepared, knowledge)
        refits.append(time.process_time() - before)
    took |= {"refit": float(np.median(refits)), "page, p95": float(np.percentile(pages, 95))}
    before, beliefs = time.process_time(), model.beliefs
    took["read out"] = time.process_time() - before
    took["right labels"] = float((y[beliefs.anchor][beliefs.label] == y).mean())
    return took


def closed_form(n: int, d: int, n_classes: int) -> dict[str, float]:
    """Fit 512 landmarks to everything, then embed all items anew after a page."""
    x, y = blobs(n, d, n_classes)
    told = np.full(n, -1)
    told[: 5 * n_classes] = y[: 5 * n_classes]
    before = time.process_time()
    embedder = GraphEmbedding(n_classes, n_landmarks=512, random_state=0).fit(x, graph=from_labels(told))
    setup = time.process_time() - before
    before = time.process_time()
    embedder.update(from_labels(told))
    return {"closed form, set-up": setup, "closed form, refit": time.process_time() - before}


def run(args: list[str]) -> list[Row]:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks scale", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--closed-form", action="store_true", help="the closed form too")
    options = parser.parse_args(args)
    rows: list[Row] = []
    last: dict[str, float] = {}
    for n in options.sizes:
        found: dict[str, float] = {}
        for what in ("measure", "closed_form") if options.closed_form else ("measure",):
            sizes = [n, options.features, options.classes, *([options.pages] if what == "measure" else [])]
            found |= _apart(what, sizes)
        for name, value in found.items():
            rows.append(row(f"N = {n:,}: {name}", value, last.get(name, "-"), *_GOALS[name]))
        last = found
    return rows


def _apart(what: str, sizes: list[int]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.scale", what, *map(str, sizes)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """What a process of its own does."""
    what, *sizes = sys.argv[1:]
    n, d, n_classes, *pages = map(int, sizes)
    _one_thread()
    with threadpool_limits(1):
        found = measure(n, d, n_classes, *pages) if what == "measure" else closed_form(n, d, n_classes)
    if what == "measure":
        found["peak memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps(found))


def _one_thread() -> None:
    """Tell faiss too, where it is installed: its own threads aren't among those that can be limited from outside."""
    try:
        import faiss
    except ImportError:
        return
    faiss.omp_set_num_threads(1)


if __name__ == "__main__":
    main()
