"""Fig. 7: the contrastive graph (+1, −1, 0) beside the non-contrastive one (+1, 0), along one captcha run, N = 300."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy import ndarray

from experiments.closed_form import follow, honest_errors, test_errors
from experiments.fig3 import N_PAGES, N_TEST, PAGE, problem_of
from experiments.plotting import plot_curves
from experiments.protocol import Options, each_trial, training_set, trial_rng
from experiments.questions import captcha_authors, captcha_clean
from experiments.results import Result, curves

FIGURE, NUMBER = "fig7", 7
NOISE = 0.0
NAMES = ("contrastive", "non-contrastive")


def compute(options: Options, /) -> list[Result]:
    """Test errors, and the honest errors beside them."""
    found = each_trial(partial(trial, options), options, title=FIGURE)
    x = (PAGE * np.arange(N_PAGES)).tolist()
    parameters = {"n_items": n_items(options), "noise": NOISE, "page": PAGE, "n_test": N_TEST}
    optimal = {name: found[name] for name in NAMES}
    honest = {name: found[f"{name} honest"] for name in NAMES}
    return [
        Result(FIGURE, x, "Number of queries", curves(optimal), parameters),
        Result(f"{FIGURE}-honest", x, "Number of queries", curves(honest), parameters),
    ]


def plot(results: Sequence[Result], path: Path, /) -> None:
    """Draw both curves."""
    plot_curves(results[0], path)


def n_items(options: Options, /) -> int:
    """N."""
    return options.n_items or 300


def trial(options: Options, number: int, /) -> dict[str, ndarray]:
    """One training set, one run, both graphs."""
    rng = trial_rng(options, NUMBER, number)
    x, y = training_set(options, n_items(options), NOISE, rng)
    problem = problem_of(options, x, NOISE, NUMBER)
    captcha = captcha_clean if options.protocol == "clean" else captcha_authors
    snapshots = list(captcha(y, rng, n_pages=N_PAGES, page=PAGE))
    known = np.where(np.stack([s.known for s in snapshots]), y, -1)
    out = {}
    for name, floor in zip(NAMES, (-1.0, 0.0), strict=True):
        graphs = (None if s.relation is None else np.maximum(s.relation, floor) for s in snapshots)
        vectors = follow(problem, graphs)
        out[name] = test_errors(problem, vectors)
        out[f"{name} honest"] = honest_errors(problem, vectors, known)
    return out
