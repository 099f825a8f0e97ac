"""Shapes in signatures are checked while tests run, in the modules that hold the science."""

import os
import random
import signal
import sys
from types import ModuleType
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import jaxtyping
import numpy as np
import pytest
from beartype import BeartypeConf, FrozenDict, beartype
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture.providers import Constants, HypothesisProvider

# Not pal.embedding: scikit-learn's checks hand it lists and expect its own errors; nor what pydantic or typer read.
CHECKED = [
    "pal.agreement",
    "pal.answers",
    "pal.beliefs",
    "pal.builders",
    "pal.communities",
    "pal.conflicts",
    "pal.experts",
    "pal.graph",
    "pal.kernels",
    "pal.knowledge",
    "pal.labelers",
    "pal.neighbors",
    "pal.oracles",
    "pal.posterior",
    "pal.probe",
    "pal.propagation",
    "pal.spectral",
    "pal.votes",
]
HANG = 1200
"""Seconds until a test is taken for a hang."""

# numpy's numbers are as good as Python's.
_CONF = BeartypeConf(hint_overrides=FrozenDict({int: int | np.integer, float: float | int | np.floating | np.integer}))


def _check(function: Any) -> Any:
    """Beartype, but for constructors: dataclasses here turn what they are given into what they declare."""
    return function if function.__name__ == "__init__" else beartype(function, conf=_CONF)


# The import hook wants the checker's name, not the checker.
_module = ModuleType("pal_shape_check")
_module.check = _check  # type: ignore[attr-defined]
sys.modules[_module.__name__] = _module
jaxtyping.install_import_hook(CHECKED, "pal_shape_check.check")

# The same examples every time, and no time limit on a busy machine. Hypothesis also draws constants that it reads from
# the modules imported so far: those depend on which files ran before in the same process, so there are none.
HypothesisProvider._local_constants = Constants()  # type: ignore[assignment]
settings.register_profile(
    "pal", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
# Other examples every time, and more of them: `make hunt`.
settings.register_profile("random", settings.get_profile("pal"), derandomize=False, max_examples=1000, print_blob=True)
# A few of the same ones: `make check`.
settings.register_profile("quick", settings.get_profile("pal"), max_examples=10)
settings.load_profile("pal")


def pytest_collection_modifyitems(items):
    """A browser on a busy machine may fail a test once: it is run again, and the summary names it (RERUN)."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_runtest_setup():
    """Seed what is drawn without a seed, the same before each test: torch's new networks, and which item of a list
    beartype looks at.
    """
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fail a test that hangs, with its traceback; the limit is for hangs, not for speed."""

    def give_up(*_):
        raise TimeoutError(f"{item.nodeid} hangs: not done after {HANG} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(HANG)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def unchecked():
    """Without the check of shapes, as users call it: for tests of the error messages."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
