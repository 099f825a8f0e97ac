"""Fig. 3 with the believed graph: questions until the test error falls below a level, beside captcha and random pairs.

One question at a time, a perfect labeler; the graph of the beliefs (:func:`pal.builders.from_beliefs`) goes into the
closed form with the paper's settings. ``--start classes`` knows one item a class, as the paper does, ``nothing`` starts
without. The rivals are figures of the same trials under the clean protocol of :mod:`experiments.questions`.
"""

import argparse

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.report import Row, row
from experiments import fig3
from experiments.closed_form import Problem, Vectors, test_errors, top_vectors
from experiments.protocol import Options, training_set, trial_rng
from experiments.questions import templates
from pal.builders import from_beliefs, from_labels
from pal.graph import SimilarityGraph
from pal.labelers import SimulatedLabeler
from pal.learner import learn, prepare
from pal.loop import Loop
from pal.oracles import ORACLES

_EVERY = 5


def run(args: list[str]) -> list[Row]:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks circles", description=__doc__)
    parser.add_argument("--n", type=int, nargs="+", default=[100, 150])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--questions", type=int, default=120)
    parser.add_argument("--oracle", default="default")
    parser.add_argument("--start", choices=["classes", "nothing"], default="classes")
    options = parser.parse_args(args)
    rows = []
    with threadpool_limits(1):
        for n in options.n:
            found = [trial(n, t, options) for t in range(options.trials)]
            ours = np.mean([errors for errors, _, _ in found], axis=0)
            rival = np.mean([active for _, active, _ in found], axis=0)
            full = float(np.mean([error for _, _, error in found]))
            print(f"N = {n}: full graph {full:.4f}; every {_EVERY} questions: {np.round(ours, 3).tolist()}")
            goals = {100: ("35", "-", "50"), 150: ("40", "50", "65")}.get(n, ("-", "-", "-"))
            for words, level, goal in zip(("0.10", "0.05", "1.1 x full"), (0.1, 0.05, 1.1 * full), goals, strict=True):
                at, active = first_below(ours, level, _EVERY), first_below(rival, level, fig3.PAGE)
                shown: float | str = (
                    active if np.isfinite(active) else f"captcha: not by {fig3.PAGE * (len(rival) - 1)}"
                )
                rows.append(row(f"N = {n}, {options.start}, test error < {words}", at, shown, "questions", goal))
    return rows


def trial(n: int, number: int, options: argparse.Namespace) -> tuple[ndarray, ndarray, float]:
    """Errors of ours every few questions, of captcha before each page, and with the full graph."""
    settings = Options(n_items=n)
    rng = trial_rng(settings, fig3.NUMBER, number)
    x, y = training_set(settings, n, fig3.NOISE, rng)
    problem = fig3.problem_of(settings, x, fig3.NOISE, fig3.NUMBER)
    known = options.start == "classes"
    prepared = prepare(x)
    loop = Loop(
        x,
        ORACLES[options.oracle],
        page_size=1,
        seed=number,
        classes=templates(y).tolist() if known else (),
        complete=known,
        learner=lambda knowledge: learn(prepared, knowledge),
    )
    labeler = SimulatedLabeler(y)
    errors = []
    for q in range(options.questions + 1):
        if q % _EVERY == 0:
            errors.append(_error(problem, from_beliefs(loop.model.beliefs.probability, unit_diagonal=True)))
        question = loop.ask()
        if question is not None:
            loop.tell(question, labeler(question))
    vectors, _ = fig3.follow_run(problem, y, fig3.runs(settings, y, rng)["active"])
    return np.array(errors), test_errors(problem, vectors), _error(problem, from_labels(y, contrastive=True))


def first_below(errors: Float[ndarray, " steps"], level: float, every: int) -> float:
    """Questions at which the error is below a level for the first time; infinite if it never is."""
    below = np.flatnonzero(errors < level)
    return float(below[0] * every) if len(below) else float("inf")


def _error(problem: Problem, graph: SimilarityGraph) -> float:
    vectors = top_vectors(problem, graph.to_dense())
    return float(test_errors(problem, Vectors(vectors[None], np.array([0])))[0])
