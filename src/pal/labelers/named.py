"""Labelers by name, for simulations: ``perfect``, ``wrong:0.1``, ``misses``, ``biased:0.2``, ``crowd:5``, ``refusing``.

A name may carry one number after a colon; every labeler knows the true labels.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Int8, Integer
from numpy import ndarray

from pal.answers import Question
from pal.errors import InvalidInputError
from pal.labelers.crowd import Crowd
from pal.labelers.people import Person
from pal.labelers.simulated import SimulatedLabeler

# The worst person of a crowd errs this often, the best never.
_WORST = 0.2
# Share of wrong answers of careful people.
_CAREFUL = 0.02

Answering = Callable[[Question], Int8[ndarray, " q"]]
Make = Callable[[Integer[ndarray, " n"], float, int], Answering]


class _Kind(NamedTuple):
    make: Make
    default: float
    lowest: float
    highest: float
    number: str


def _perfect(labels: ndarray, number: float, seed: int) -> Answering:  # noqa: ARG001
    return SimulatedLabeler(labels, seed=seed)


def _wrong(labels: ndarray, number: float, seed: int) -> Answering:
    return SimulatedLabeler(labels, error=number, seed=seed)


def _misses(labels: ndarray, number: float, seed: int) -> Answering:
    return Person(labels, rare_misses=number, seed=seed)


def _biased(labels: ndarray, number: float, seed: int) -> Answering:
    return Person(labels, misses=number, rare_misses=0.0, seed=seed)


def _crowd(labels: ndarray, number: float, seed: int) -> Answering:
    errors = np.linspace(0.0, _WORST, int(number))
    return Crowd([SimulatedLabeler(labels, error=e, seed=seed + 1000 * k) for k, e in enumerate(errors)], seed=seed)


def _uneven(labels: ndarray, number: float, seed: int) -> Answering:
    errors = [_CAREFUL, _CAREFUL, _CAREFUL, number]
    return Crowd([SimulatedLabeler(labels, error=e, seed=seed + 1000 * k) for k, e in enumerate(errors)], seed=seed)


def _refusing(labels: ndarray, number: float, seed: int) -> Answering:
    return Person(labels, rare_misses=0.0, refusal=number, seed=seed)


LABELERS: dict[str, _Kind] = {
    "perfect": _Kind(_perfect, 0.0, 0.0, 0.0, "it is never wrong"),
    "wrong": _Kind(_wrong, 0.1, 0.0, 1.0, "share of wrong answers"),
    "misses": _Kind(_misses, 0.4, 0.0, 1.0, "share of targets missed when there are next to none"),
    "biased": _Kind(_biased, 0.2, 0.0, 1.0, "share of targets never clicked"),
    "crowd": _Kind(_crowd, 5, 1, 1000, "number of people, who err in 0 to 20 % of their answers"),
    "uneven": _Kind(_uneven, 0.4, 0.0, 1.0, "share of wrong answers of one in four people; the others err in 2 %"),
    "refusing": _Kind(_refusing, 0.1, 0.0, 1.0, "share of items that nobody can tell"),
}
"""Labelers by name: a new one is a function above and a line here."""


def get_labeler(name: str, labels: Integer[ndarray, " n"], /, *, seed: int = 0) -> Answering:
    """Make a simulated labeler by name.

    Parameters
    ----------
    name
        A name of :data:`LABELERS`, with a number after a colon if wanted: ``wrong:0.1``.
    labels
        True class of each item, (n,).
    seed
        Seed of its mistakes.

    Raises
    ------
    InvalidInputError
        If there is none of that name, or the number is out of range.
    """
    kind, _, given = name.partition(":")
    if kind not in LABELERS:
        raise InvalidInputError(f"unknown labeler {name!r}; choose one of {', '.join(sorted(LABELERS))}")
    entry = LABELERS[kind]
    try:
        number = float(given) if given else entry.default
    except ValueError:
        number = float("nan")
    if not entry.lowest <= number <= entry.highest:
        limits = f"{entry.lowest:g} to {entry.highest:g}"
        limits = f"a number from {entry.lowest:g} to {entry.highest:g}" if entry.highest else "no number"
        usual = f"{kind}:{entry.default:g}" if entry.highest else kind
        raise InvalidInputError(f"{kind} takes {limits} ({entry.number}), got {given!r}; {usual} is usual")
    return entry.make(labels, number, seed)
