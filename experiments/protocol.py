"""What every figure shares: options, data, and many trials on several processes.

Settings follow the authors' published notebooks where the paper's text leaves them open (appendix C): Laplacian
kernel, λ = 1e-3, K = C + 1 = 5, test points on regular angles of the circles with the noise of the training points, one
test set for all trials. A trial's random numbers depend on the seed, the figure and the trial's number alone, so
results are the same for any number of processes.
"""

import importlib
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pal.datasets.circles import circles, circles_test
from pal.datasets.mixture import mixture
from pal.errors import InvalidInputError

Data = Literal["circles", "mixture"]
Protocol = Literal["clean", "authors"]
Sample = tuple[Float[ndarray, "n d"], Int64[ndarray, " n"]]
T = TypeVar("T")

N_CLASSES = 4
MIXTURE_NOISE = 0.3


@dataclass(frozen=True)
class Options:
    """What the command line sets; ``n_items`` None takes the figure's own N.

    Raises
    ------
    InvalidInputError
        If an option is out of range.
    """

    trials: int = 100
    seed: int = 0
    n_items: int | None = None
    data: Data = "circles"
    protocol: Protocol = "clean"
    jobs: int = 1
    quiet: bool = False

    def __post_init__(self) -> None:
        least = {"trials": 1, "seed": 0, "jobs": 1}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise InvalidInputError(f"{name} must be at least {low}, got {getattr(self, name)}")
        if self.n_items is not None and self.n_items < 20:
            raise InvalidInputError(f"n must be at least 20 items for four classes, got {self.n_items}")
        for name, known in (("data", get_args(Data)), ("protocol", get_args(Protocol))):
            if getattr(self, name) not in known:
                raise InvalidInputError(f"unknown {name} {getattr(self, name)!r}; choose one of {', '.join(known)}")


def training_set(options: Options, n_items: int, noise: float, rng: np.random.Generator, /) -> Sample:
    """Items of random class; the mixture has a noise of its own, 0.3, whatever the figure's."""
    if options.data == "mixture":
        return mixture(n_items, MIXTURE_NOISE, rng=rng)
    return circles(n_items, noise, rng=rng)


def test_set(options: Options, n_items: int, noise: float, figure: int, /) -> Sample:
    """As many items of each class; the same for all trials of a figure."""
    rng = np.random.default_rng([options.seed, figure])
    if options.data == "circles":
        return circles_test(n_items, noise, rng=rng)
    label = np.arange(n_items) * N_CLASSES // n_items
    return np.eye(N_CLASSES)[label] + MIXTURE_NOISE * rng.standard_normal((n_items, N_CLASSES)), label


test_set.__test__ = False  # type: ignore[attr-defined]  # not a test for pytest


def trial_rng(options: Options, figure: int, trial: int, /) -> np.random.Generator:
    """Random numbers of one trial."""
    return np.random.default_rng([options.seed, figure, trial + 1])


def each_trial(
    trial: Callable[[int], dict[str, ndarray]], options: Options, /, *, title: str, n_trials: int | None = None
) -> dict[str, Float[ndarray, "trials ..."]]:
    """Run ``trial(0)``, ``trial(1)``, … and stack what they return, by name.

    With ``options.jobs`` above 1 they run in that many processes, each with one BLAS thread; ``trial`` must then be a
    partial of a function of a module.
    """
    numbers = range(options.trials if n_trials is None else n_trials)
    with _bar(options) as bar, threadpool_limits(1):
        task = bar.add_task(title, total=len(numbers))

        def advanced(outcome: T) -> T:
            bar.advance(task)
            return outcome

        if options.jobs == 1 or len(numbers) == 1:
            outcomes = [advanced(trial(number)) for number in numbers]
        else:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(options.jobs, mp_context=context, initializer=_one_thread) as pool:
                chunk = max(1, len(numbers) // (4 * options.jobs))
                outcomes = [advanced(outcome) for outcome in pool.map(trial, numbers, chunksize=chunk)]
    return stack(outcomes)


def stack(outcomes: Sequence[dict[str, ndarray]], /) -> dict[str, Float[ndarray, "trials ..."]]:
    """Stack the arrays of all trials, by name."""
    return {name: np.stack([outcome[name] for outcome in outcomes]) for name in outcomes[0]}


def _bar(options: Options) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        disable=options.quiet,
        transient=True,
    )


def _one_thread() -> None:
    # scipy has a BLAS of its own, and a limit reaches only what is loaded.
    importlib.import_module("scipy.linalg")
    threadpool_limits(1)
