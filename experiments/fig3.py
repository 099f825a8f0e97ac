"""Fig. 3: test error against the number of queries, captcha (active) beside random pairs (passive).

Graphs hold ±1 for what is known and 0 elsewhere (eq. 15). Protocols, see :mod:`experiments.questions`: ``clean`` asks
distinct questions and deduces all that follows; ``authors`` is the published run, N = 150.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray

from experiments.closed_form import Follower, Problem, Vectors, honest_errors, prepare, test_errors
from experiments.plotting import plot_curves
from experiments.protocol import Options, each_trial, test_set, training_set, trial_rng
from experiments.questions import (
    Predict,
    Snapshot,
    captcha_authors,
    captcha_clean,
    pairs_authors,
    pairs_clean,
)
from experiments.results import Result, curves

FIGURE, NUMBER = "fig3", 3
NOISE, BANDWIDTH, N_TEST = 0.1, 0.2, 1000
N_PAGES, PAGE = 80, 10

Run = Callable[[Predict], Iterator[Snapshot]]


def compute(options: Options, /) -> list[Result]:
    """Test errors, and the honest errors beside them."""
    n = n_items(options)
    found = each_trial(partial(trial, options), options, title=FIGURE)
    x = (PAGE * np.arange(N_PAGES)).tolist()
    parameters = {"n_items": n, "noise": NOISE, "bandwidth": BANDWIDTH, "page": PAGE, "n_test": N_TEST}
    optimal = {name: found[name] for name in ("active", "passive")}
    honest = {name: found[f"{name} honest"] for name in ("active", "passive")}
    return [
        Result(FIGURE, x, "Number of queries", curves(optimal), parameters),
        Result(f"{FIGURE}-honest", x, "Number of queries", curves(honest), parameters),
    ]


def plot(results: Sequence[Result], path: Path, /) -> None:
    """Draw mean and deviation of both curves."""
    plot_curves(results[0], path)


def n_items(options: Options, /) -> int:
    """N: 100 in the text, 150 in the authors' run."""
    return options.n_items or {"clean": 100, "authors": 150}[options.protocol]


def problem_of(options: Options, x: Float[ndarray, "n d"], noise: float, number: int, /) -> Problem:
    """Problem of one trial with the settings that figures 3 and 7 to 9 share."""
    x_test, y_test = test_set(options, N_TEST, noise, number)
    return prepare(x, x_test, y_test, bandwidth=BANDWIDTH, tolerance=1e-5 / len(x))


def trial(options: Options, number: int, /) -> dict[str, ndarray]:
    """One training set, both oracles."""
    rng = trial_rng(options, NUMBER, number)
    x, y = training_set(options, n_items(options), NOISE, rng)
    problem = problem_of(options, x, NOISE, NUMBER)
    out = {}
    for name, run in runs(options, y, rng).items():
        vectors, known = follow_run(problem, y, run)
        out[name] = test_errors(problem, vectors)
        out[f"{name} honest"] = honest_errors(problem, vectors, np.where(known, y, -1))
    return out


def runs(options: Options, y: Int64[ndarray, " n"], rng: np.random.Generator, /) -> dict[str, Run]:
    """Both oracles under the protocol asked for."""
    if options.protocol == "clean":
        return {
            "active": lambda _: captcha_clean(y, rng, n_pages=N_PAGES, page=PAGE),
            "passive": lambda _: pairs_clean(y, rng, n_pages=N_PAGES, page=PAGE),
        }
    return {
        "active": lambda predict: captcha_authors(y, rng, n_pages=N_PAGES, page=PAGE, predict=predict),
        "passive": lambda _: pairs_authors(y, rng, n_pages=N_PAGES, page=PAGE),
    }


def follow_run(
    problem: Problem, y: Int64[ndarray, " n"], run: Run, /, *, seen: list[Snapshot] | None = None
) -> tuple[Vectors, Bool[ndarray, "steps n"]]:
    """Embeddings before each page, and which items are known then; snapshots are appended to ``seen``."""
    follower = Follower(problem)
    targets = np.eye(y.max() + 1)[y]
    snapshots: list[Snapshot] = [] if seen is None else seen
    for snapshot in run(lambda known: _predict(follower.last, targets, known)):
        follower.add(snapshot.relation)
        snapshots.append(snapshot)
    return follower.vectors(), np.stack([snapshot.known for snapshot in snapshots])


def _predict(
    vectors: Float[ndarray, "n k"], targets: Float[ndarray, "n c"], known: Bool[ndarray, " n"]
) -> Int64[ndarray, " n"]:
    """Class of every item by a probe on the known ones, as the authors solve it: with fewer known items than components
    the normal equations are singular, and what comes out is one of many fits.
    """  # noqa: D205
    v = vectors[known]
    try:
        probe = np.linalg.solve(v.T @ v, v.T @ targets[known])
    except np.linalg.LinAlgError:
        probe = np.linalg.pinv(v) @ targets[known]
    return (vectors @ probe).argmax(axis=1)
