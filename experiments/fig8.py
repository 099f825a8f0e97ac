"""Fig. 8: label noise. All labels are known, and more and more of them are drawn anew, N = 300.

As in the authors' run a corrupted label is uniform over the four classes, so a quarter of them stay as they were, and
the error at abscissa q comes after q + 10 corruptions: they corrupt a page of ten before they look.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy import ndarray

from experiments.closed_form import follow, honest_errors, test_errors
from experiments.fig3 import N_TEST, PAGE, problem_of
from experiments.plotting import plot_curves
from experiments.protocol import N_CLASSES, Options, each_trial, training_set, trial_rng
from experiments.results import Result, curves
from pal.builders import from_labels

FIGURE, NUMBER = "fig8", 8
NOISE = 0.0


def compute(options: Options, /) -> list[Result]:
    """Test error, and the honest error beside it: a probe fitted on the noisy training labels."""
    n = n_items(options)
    found = each_trial(partial(trial, options), options, title=FIGURE)
    x = list(range(0, n - n % PAGE, PAGE))
    parameters = {"n_items": n, "noise": NOISE, "step": PAGE, "n_test": N_TEST}
    return [
        Result(name, x, "Number of corrupted labels", curves({"error": found[key]}), parameters)
        for name, key in ((FIGURE, "error"), (f"{FIGURE}-honest", "honest"))
    ]


def plot(results: Sequence[Result], path: Path, /) -> None:
    """Draw the error."""
    plot_curves(results[0], path)


def n_items(options: Options, /) -> int:
    """N."""
    return options.n_items or 300


def trial(options: Options, number: int, /) -> dict[str, ndarray]:
    """One training set, one order of corruption."""
    rng = trial_rng(options, NUMBER, number)
    x, y = training_set(options, n_items(options), NOISE, rng)
    problem = problem_of(options, x, NOISE, NUMBER)
    order, redrawn = rng.permutation(len(y)), rng.integers(N_CLASSES, size=len(y))
    n_steps = len(y) // PAGE
    noisy = np.stack([_corrupt(y, redrawn, order[: (step + 1) * PAGE]) for step in range(n_steps)])
    vectors = follow(problem, (from_labels(labels, contrastive=True).to_dense() for labels in noisy))
    return {"error": test_errors(problem, vectors), "honest": honest_errors(problem, vectors, noisy)}


def _corrupt(y: ndarray, redrawn: ndarray, items: ndarray) -> ndarray:
    labels = y.copy()
    labels[items] = redrawn[items]
    return labels
