"""Fig. 4: a few known labels mixed into the self-supervised graph, G = (1 − α) G_ssl + α Ŷ Ŷᵀ, for three α.

Two augmentations of each item; one label more is given at each step, and, as in the authors' run, only the first view
of a labelled item enters Ŷ. Up to five trials share a training set and differ in the order of the labels.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from experiments import low_rank
from experiments.closed_form import Problem, Vectors, honest_errors, prepare, test_errors
from experiments.plotting import plot_curves
from experiments.protocol import N_CLASSES, Options, each_trial, test_set, training_set, trial_rng
from experiments.results import Result, curves
from pal.builders import from_views

FIGURE, NUMBER = "fig4", 4
NOISE, BANDWIDTH, N_TEST = 0.0, 1.0, 500
N_VIEWS, VIEW_NOISE = 2, 0.1
ALPHAS = (0.5, 1e-3, 1e-6)
ORDERS = 5
LABELS = {"alpha=0.5": r"$\alpha=0.5$", "alpha=0.001": r"$\alpha=10^{-3}$", "alpha=1e-06": r"$\alpha=10^{-6}$"}


def compute(options: Options, /) -> list[Result]:
    """Test errors, and the honest errors beside them."""
    n = options.n_items or 200
    n_sets, n_orders = sets_and_orders(options.trials)
    found = each_trial(partial(trial, options), options, title=FIGURE, n_trials=n_sets)
    found = {name: values.reshape(-1, n)[: options.trials] for name, values in found.items()}
    parameters = {
        "n_items": n, "noise": NOISE, "bandwidth": BANDWIDTH, "n_test": N_TEST, "n_views": N_VIEWS,
        "view_noise": VIEW_NOISE, "training_sets": n_sets, "orders_of_labels": n_orders,
    }  # fmt: skip
    x = list(range(n))
    optimal = {name: found[name] for name in LABELS}
    honest = {name: found[f"{name} honest"] for name in LABELS}
    return [
        Result(FIGURE, x, "Number of labels", curves(optimal), parameters),
        Result(f"{FIGURE}-honest", x, "Number of labels", curves(honest), parameters),
    ]


def plot(results: Sequence[Result], path: Path, /) -> None:
    """Draw the three curves."""
    plot_curves(results[0], path, labels=LABELS)


def sets_and_orders(n_trials: int, /) -> tuple[int, int]:
    """Training sets, and orders of labels on each: 10 × 5 as published, and ten sets before a second order."""
    n_sets = max(-(-n_trials // ORDERS), min(n_trials, 2 * ORDERS))
    return n_sets, -(-n_trials // n_sets)


def trial(options: Options, number: int, /) -> dict[str, Float[ndarray, "orders steps"]]:
    """One training set, some orders of labels, three α."""
    n = options.n_items or 200
    rng = trial_rng(options, NUMBER, number)
    originals, label = training_set(options, n, NOISE, rng)
    x = np.repeat(originals, N_VIEWS, axis=0)
    x = x + VIEW_NOISE * rng.standard_normal(x.shape)
    problem = prepare(x, *test_set(options, N_TEST, NOISE, NUMBER), bandwidth=BANDWIDTH)
    known = [known_labels(label, rng.permutation(n)) for _ in range(sets_and_orders(options.trials)[1])]
    views = from_views(n, N_VIEWS)
    out = {}
    for alpha, name in zip(ALPHAS, LABELS, strict=True):
        base = low_rank.factorise(((1.0 - alpha) * views).to_dense() - problem.penalty)
        found = [_errors(problem, base, labels, alpha) for labels in known]
        out[name], out[f"{name} honest"] = (np.stack(part) for part in zip(*found, strict=True))
    return out


def known_labels(label: Int64[ndarray, " n"], order: Int64[ndarray, " n"], /) -> Int64[ndarray, "n m"]:
    """Labels of all views with 0, 1, … items labelled, −1 where unknown: first views only."""
    known = np.full((len(order), N_VIEWS * len(label)), -1)
    for step in range(1, len(order)):
        known[step:, N_VIEWS * order[step - 1]] = label[order[step - 1]]
    return known


def _errors(
    problem: Problem, base: low_rank.Base, known: Int64[ndarray, "n m"], alpha: float
) -> tuple[ndarray, ndarray]:
    """Both errors along one order: the graph is B plus α Ŷ Ŷᵀ, of rank C."""
    stack, guess = [], None
    for labels in known:
        one_hot = (labels[:, None] == np.arange(N_CLASSES)).astype(float)
        guess, vectors = low_rank.top_eigenpairs(
            base, np.sqrt(alpha) * one_hot, n_components=problem.n_components, guess=guess
        )
        stack.append(vectors)
    along = Vectors(np.stack(stack), np.arange(len(known)))
    return test_errors(problem, along), honest_errors(problem, along, known)
