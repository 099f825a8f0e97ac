"""One active step, N = 1,000 and 3,000: ours beside the dense procedure of the paper's code, in CPU time of one thread.

A step takes in a page of ten answers, refits, embeds the items and chooses the next page. Ours: knowledge, its graph,
``GraphEmbedding.update`` on 256 Nyström features, and algorithm 3's choice. The rival: the answers written into G,
``eigh`` of G − λ K⁻¹, a probe on the known items, and its captcha. Both start from the same answers, half of what the
captcha would ask in all, and their test errors stand beside the times. Set-up, done once, has rows of its own.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from jaxtyping import Int64
from numpy import ndarray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks._dense import Dense
from benchmarks.report import Row, row
from experiments.questions import templates
from pal.answers import Answers, Question
from pal.builders import from_knowledge
from pal.datasets.circles import circles, circles_test
from pal.embedding import GraphEmbedding
from pal.knowledge import Knowledge, known
from pal.probe import optimal_error

NOISE, BANDWIDTH, LAMBDA, PAGE = 0.1, 0.2, 1e-3, 10


def run(args: list[str]) -> list[Row]:
    """Measure; ``--sizes`` and ``--repeats`` set how much."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks step", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--landmarks", type=int, default=256)
    options = parser.parse_args(args)
    with threadpool_limits(1):
        return [line for n in options.sizes for line in compare(n, options.landmarks, options.repeats)]


def compare(n: int, n_landmarks: int, repeats: int) -> list[Row]:
    """Rows for one size."""
    rng = np.random.default_rng(0)
    x, y = circles(n, NOISE, rng=rng)
    x_test, y_test = circles_test(1000, NOISE, rng=rng)
    anchors = templates(y)
    before = half_known(y, anchors, rng)
    page = Question(int(anchors[0]), np.flatnonzero(before.relation(int(anchors[0])) == 0)[:PAGE])
    alike = y[page.items] == y[page.template]
    answers = Answers.of(page, np.where(alike, 1, -1))

    start = time.process_time()
    embedder = GraphEmbedding(5, bandwidth=BANDWIDTH, regularization=LAMBDA, n_landmarks=n_landmarks).fit(x)
    our_setup = time.process_time() - start
    start = time.process_time()
    dense = Dense.of(x, x_test, bandwidth=BANDWIDTH, regularization=LAMBDA)
    rival_setup = time.process_time() - start

    graph = from_knowledge(before).to_dense()
    step_rng = np.random.default_rng(1)
    ours, theirs = [], []
    for _ in range(repeats):  # in turns, so that both meet the same machine
        ours.append(_seconds(lambda: our_step(embedder, before, answers, step_rng)))
        theirs.append(_seconds(lambda: dense_step(dense, graph, page, alike, y, before, step_rng)))
    our_error = optimal_error(embedder.transform(x_test), y_test)
    vectors = dense_step(dense, graph, page, alike, y, before, step_rng)
    rival_error = dense.test_error(vectors, y_test)
    goal = ">= 100 x, same error" if n >= 3000 else "-"
    return [
        row(f"active step, N = {n:,}", 1e3 * min(ours), 1e3 * min(theirs), "CPU-ms", goal),
        row(f"set-up, N = {n:,}", our_setup, rival_setup, "CPU-s", "-"),
        row(f"test error, N = {n:,}", our_error, rival_error, "error", "no worse"),
    ]


def half_known(y: Int64[ndarray, " n"], anchors: Int64[ndarray, " c"], rng: np.random.Generator) -> Knowledge:
    """Knowledge when half of all (item, template) questions have been answered."""
    knowledge = known(len(y), classes=anchors.tolist(), complete=True)
    for anchor in anchors.tolist():
        items = np.setdiff1d(np.flatnonzero(rng.random(len(y)) < 0.5), anchors)
        question = Question(anchor, items)
        knowledge = knowledge.add(Answers.of(question, np.where(y[items] == y[anchor], 1, -1)))
    return knowledge


def our_step(embedder: GraphEmbedding, before: Knowledge, answers: Answers, rng: np.random.Generator) -> Question:
    """Knowledge → graph → embedding → next page, by algorithm 3."""
    knowledge = before.add(answers)
    embedder.update(from_knowledge(knowledge))
    relation = np.stack([knowledge.relation(anchor) for anchor in knowledge.classes])
    c = int((relation > 0).sum(axis=1).argmin())
    return Question(knowledge.classes[c], rng.permutation(np.flatnonzero(relation[c] == 0))[:PAGE])


def dense_step(
    dense: Dense,
    graph: ndarray,
    page: Question,
    alike: ndarray,
    y: ndarray,
    before: Knowledge,
    rng: np.random.Generator,
) -> ndarray:
    """Write the page into a copy of G, solve, predict, choose; returns the eigenvectors."""
    graph = graph.copy()
    own = np.flatnonzero(graph[page.template] > 0)
    same, other = page.items[alike], page.items[~alike]
    for rows, columns, value in ((own, same, 1.0), (same, own, 1.0), (own, other, -1.0), (other, own, -1.0)):
        graph[np.ix_(rows, columns)] = value
    vectors = dense.vectors(graph)
    anchors = np.array(before.classes)
    settled = (graph[anchors] > 0).any(axis=0)
    predicted = dense.predict(vectors, np.eye(len(anchors))[y], settled)
    c = int((graph[anchors] != 0).sum(axis=1).argmin())
    candidates = np.flatnonzero(~settled & (graph[anchors[c]] == 0) & (predicted == c))
    if len(candidates):
        rng.choice(candidates, PAGE)
    return vectors


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start
