"""Fig. 9: test error and number of connected components as entries of the supervised graph go missing, N = 100.

G has 1 for two items of one class and 0 else; as in the authors' run each entry, self-loops included, is dropped with
the same probability, (i, j) together with (j, i).
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.sparse import csr_array, eye_array

from experiments.closed_form import Follower, honest_errors, test_errors
from experiments.fig3 import N_TEST, problem_of
from experiments.plotting import canvas, draw_curves, finish
from experiments.protocol import Options, each_trial, training_set, trial_rng
from experiments.results import Result, curves
from pal.builders import from_labels
from pal.graph import SimilarityGraph

FIGURE, NUMBER = "fig9", 9
NOISE = 0.0
SHARES = np.linspace(0.5, 1.0, 20)


def compute(options: Options, /) -> list[Result]:
    """Test error and components, and the honest error of a probe fitted on all training labels."""
    found = each_trial(partial(trial, options), options, title=FIGURE)
    parameters = {"n_items": n_items(options), "noise": NOISE, "n_test": N_TEST}
    x_label, x = "Share of missing entries", SHARES.tolist()
    both = {name: found[name] for name in ("error", "components")}
    return [
        Result(FIGURE, x, x_label, curves(both), parameters),
        Result(f"{FIGURE}-honest", x, x_label, curves({"error": found["honest"]}), parameters),
    ]


def plot(results: Sequence[Result], path: Path, /) -> None:
    """Draw the error, and the components on an axis of their own."""
    figure, axes = canvas()
    draw(axes[0, 0], results[0])
    finish(figure, path)


def draw(axis: "object", result: Result, /) -> None:
    """Draw into an axis; the components leave the picture at the right, as in the paper."""
    draw_curves(axis, result, names=["error"])  # type: ignore[arg-type]
    if "components" in result.curves:
        right = axis.twinx()  # type: ignore[attr-defined]
        components = result.curves["components"]["mean"]
        right.plot(result.x[:-1], components[:-1], "--", color="C3", linewidth=2)
        right.set_ylabel("Connected components")
        right.set_ylim(0, 70)
        right.grid(False)
        lines = [*axis.lines, *right.lines]  # type: ignore[attr-defined]
        axis.legend(lines, ["test error", "connected components"], loc="upper left")  # type: ignore[attr-defined]
        axis.set_ylim(0, 0.7)  # type: ignore[attr-defined]


def n_items(options: Options, /) -> int:
    """N."""
    return options.n_items or 100


def trial(options: Options, number: int, /) -> dict[str, ndarray]:
    """One training set, twenty shares."""
    rng = trial_rng(options, NUMBER, number)
    x, y = training_set(options, n_items(options), NOISE, rng)
    problem = problem_of(options, x, NOISE, NUMBER)
    whole = from_labels(y).to_dense()
    follower, components = Follower(problem), []
    for share in SHARES:
        graph = drop_entries(whole, float(share), rng)
        follower.add(graph)
        components.append(SimilarityGraph(eye_array(len(graph)), csr_array(graph)).components()[0])
    vectors = follower.vectors()
    known = np.broadcast_to(y, (len(SHARES), len(y)))
    return {
        "error": test_errors(problem, vectors),
        "components": np.array(components, dtype=float),
        "honest": honest_errors(problem, vectors, known),
    }


def drop_entries(graph: Float[ndarray, "n n"], share: float, rng: np.random.Generator, /) -> Float[ndarray, "n n"]:
    """Set a random share of the entries to 0, keeping the graph symmetric."""
    kept = np.triu(rng.random(graph.shape) >= share)
    return graph * (kept | kept.T)
