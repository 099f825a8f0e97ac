"""The whole of Fig. 3 (N = 100), ours beside the dense procedure of the paper's code, in CPU seconds of one thread.

Two rows: the clean protocol, which is what ``python -m experiments fig3`` does, and the authors' own protocol, in which
both sides solve the very same graphs; that their errors agree is checked.
"""

import argparse
import time

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks._dense import Dense, active_errors, passive_errors
from benchmarks.report import Row, row
from experiments import fig3
from experiments.protocol import Options, Protocol, test_set, training_set, trial_rng

PROTOCOLS: tuple[Protocol, ...] = ("clean", "authors")


def run(args: list[str]) -> list[Row]:
    """Measure; ``--trials`` and ``--n`` set the size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks figure3", description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--n", type=int, default=100)
    options = parser.parse_args(args)
    with threadpool_limits(1):
        fig3.trial(Options(n_items=options.n), 0)  # warm up
        seconds = {"clean": 0.0, "authors": 0.0, "dense": 0.0}
        errors: dict[str, list[ndarray]] = {"authors": [], "dense": []}
        for number in range(options.trials):  # in turns, so that all meet the same machine
            for protocol in PROTOCOLS:
                start = time.process_time()
                found = fig3.trial(Options(n_items=options.n, protocol=protocol), number)
                seconds[protocol] += time.process_time() - start
            errors["authors"].append(np.stack([found["active"], found["passive"]]))
            start = time.process_time()
            errors["dense"].append(dense_trial(Options(n_items=options.n, protocol="authors"), number))
            seconds["dense"] += time.process_time() - start
    gap = np.abs(np.mean(errors["authors"], axis=0) - np.mean(errors["dense"], axis=0)).max()
    what = f"Fig. 3, N = {options.n}, {options.trials} trials"
    return [
        row(f"{what}, clean protocol", seconds["clean"], seconds["dense"], "CPU-s", ">= 3 x"),
        row(f"{what}, authors' graphs", seconds["authors"], seconds["dense"], "CPU-s", ">= 3 x"),
        row("largest gap between the mean error curves", float(gap), "0 wanted", "error", "< 0.01"),
    ]


def dense_trial(options: Options, number: int) -> Float[ndarray, "2 steps"]:
    """Test errors of the active and the passive run, each step solved anew."""
    rng = trial_rng(options, fig3.NUMBER, number)
    x, y = training_set(options, fig3.n_items(options), fig3.NOISE, rng)
    x_test, y_test = test_set(options, fig3.N_TEST, fig3.NOISE, fig3.NUMBER)
    dense = Dense.of(x, x_test, bandwidth=fig3.BANDWIDTH, regularization=1e-3)
    pages = {"n_pages": fig3.N_PAGES, "page": fig3.PAGE}
    active = active_errors(dense, y, y_test, rng, **pages)
    return np.array([active, passive_errors(dense, y, y_test, rng, **pages)])
