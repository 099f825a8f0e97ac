"""The closed form at N = 1,000,000: set-up, refit after a page, growth with N, peak memory.

Measured are :class:`pal.GraphEmbedding` with Nyström features in float32 (set-up: features, their factor, the basis;
refit: the eigenproblem and the embedding of all items) and the choice of tiles by the margin between class templates in
that embedding, among a random pool. Beliefs by propagation over neighbour graphs (:mod:`pal.posterior`) are not in it:
exact neighbours of a million items take far longer than a minute, so the default oracle doesn't serve a project of that
size within these figures.

The rival of the times is the same on a quarter of the items: a ratio of 1/4 is linear growth.
"""

import argparse
import resource
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.report import Row, row
from pal.builders import from_labels
from pal.embedding import GraphEmbedding

_POOL = 50_000


@dataclass
class Took:
    """CPU seconds of each part."""

    setup: float
    refit: float
    page: list[float]


def measure(n: int, d: int, m: int, n_classes: int, n_pages: int, *, rng: np.random.Generator) -> Took:
    """Fit once; then pages, each a refit and a choice of tiles."""
    centre = rng.normal(size=(n_classes, d)).astype(np.float32)
    label = rng.integers(n_classes, size=n)
    x = centre[label]
    for at in range(0, n, _POOL):
        x[at : at + _POOL] += rng.normal(size=x[at : at + _POOL].shape).astype(np.float32)
    told = np.full(n, -1)
    for c in range(n_classes):
        told[np.flatnonzero(label == c)[:5]] = c
    start = time.process_time()
    embedder = GraphEmbedding(n_classes, n_landmarks=m, random_state=0).fit(x, graph=from_labels(told))
    setup = time.process_time() - start
    refits, pages = [], []
    for _ in range(n_pages):
        start = time.process_time()
        embedding = embedder.update(from_labels(told)).embedding_
        refits.append(time.process_time() - start)
        start = time.process_time()
        template = [int(np.flatnonzero(told == c)[0]) for c in range(n_classes)]
        pool = rng.choice(n, min(n, _POOL), replace=False)
        two = np.partition(embedding[pool] @ embedding[template].T, -2, axis=1)[:, -2:]
        tiles = pool[np.argsort(two[:, 1] - two[:, 0])[:15]]
        pages.append(time.process_time() - start)
        told[tiles] = label[tiles]
    return Took(setup, float(np.median(refits)), pages)


def run(args: list[str]) -> list[Row]:
    """A quarter of the items first, then all."""
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--kernel-features", type=int, default=512)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--pages", type=int, default=5)
    options = parser.parse_args(args)
    sizes = (options.features, options.kernel_features, options.classes, options.pages)
    quarter = measure(options.items // 4, *sizes, rng=np.random.default_rng(0))
    whole = measure(options.items, *sizes, rng=np.random.default_rng(0))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    what = f"N = {options.items:,}"
    page, quarter_page = (float(np.percentile(took.page, 95)) * 1e3 for took in (whole, quarter))
    return [
        row(f"{what}: set-up, CPU", whole.setup, quarter.setup, "s", "≤ 60 s"),
        row(f"{what}: refit and embed all after a page, CPU", whole.refit, quarter.refit, "s", "≤ 2 s"),
        row(f"{what}: tiles of a page, p95, CPU", page, quarter_page, "ms", "≤ 100 ms"),
        row(f"{what}: peak memory", peak, "no rival", "GB", "≤ 6 GB"),
    ]
