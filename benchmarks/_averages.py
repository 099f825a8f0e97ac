"""Averages of curves over seeds, and what is read off them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from benchmarks._curves import Point
from pal.beliefs import SOURCES

_COUNTED = ("pages", "seconds")
_SCORED = ("ari", "heldout", "classes", "naming", "settled", "error", "wrong", "doubt", "learn", "choose", *SOURCES)


def average(curves: Sequence[Sequence[Point]], page: int, /) -> dict[str, Any]:
    """Average curves of several seeds on one grid of answers, a page apart, or their own where they skip pages.

    At a grid point each curve has the value of its last point with no more answers; one that has ended, as nothing was
    left to ask, keeps its last value. Curves that differ in nothing but their end are averaged entry by entry so.
    """
    last = max(curve[-1]["answers"] for curve in curves)
    grid = np.arange(min(curve[0]["answers"] for curve in curves), last + 0.5, page)
    if grid[-1] < last:
        grid = np.append(grid, last)
    steps = np.unique([point["answers"] for curve in curves for point in curve])
    if len(steps) < len(grid):
        grid = steps
    found: dict[str, Any] = {"seeds": len(curves), "answers": grid.tolist()}
    rows = {key: np.stack([_held(curve, key, grid) for curve in curves]) for key in (*_COUNTED, *_SCORED)}
    for key in _COUNTED:
        found[key] = rows[key].mean(axis=0).round(2).tolist()
    for key in _SCORED:
        if np.isfinite(rows[key]).any():
            found[key] = _moments(rows[key])
    if any(word in found for word in SOURCES):  # peers don't tell sources apart
        nothing = _moments(np.full((1, len(grid)), np.nan))
        found["accuracy"] = {word: found.pop(word, nothing) for word in reversed(SOURCES)}
    return found


def _held(curve: Sequence[Point], key: str, grid: Float[ndarray, " g"]) -> Float[ndarray, " g"]:
    at = np.searchsorted([point["answers"] for point in curve], grid, side="right") - 1
    values = np.array([point.get(key, np.nan) for point in curve], dtype=np.float64)
    return np.where(at >= 0, values[at], np.nan)


def _moments(values: Float[ndarray, "s g"]) -> dict[str, list[float | None]]:
    """Mean and deviation over the seeds that have a value; None where none has."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(known, values - mean, 0.0) ** 2
    deviation = np.sqrt(squares.sum(axis=0) / np.maximum(count, 1))
    return {
        "mean": [round(float(m), 5) if c else None for m, c in zip(mean, count, strict=True)],
        "std": [round(float(d), 5) if c else None for d, c in zip(deviation, count, strict=True)],
    }


def needed(run: dict[str, Any], measure: str, level: float, *, per: str = "answers") -> float:
    """Answers (pages, seconds) until the mean of a measure first reaches a level; infinite if it doesn't."""
    if measure not in run:
        return float("inf")
    for at, value in zip(run[per], run[measure]["mean"], strict=True):
        if value is not None and value >= level:
            return float(at)
    return float("inf")


def value_at(run: dict[str, Any], measure: str, answers: float) -> float:
    """Mean of a measure after so many answers; NaN before the first and beyond the last by more than a page."""
    grid = np.array(run["answers"])
    at = int(np.searchsorted(grid, answers, side="right")) - 1
    if at < 0 or measure not in run or (at == len(grid) - 1 and answers - grid[-1] > 15):
        return float("nan")
    value = run[measure]["mean"][at]
    return float("nan") if value is None else float(value)


def worse(runs: Sequence[dict[str, Any]], rivals: Sequence[str], *, by: float = 0.01) -> list[str]:
    """Where the default is below a rival on the same set, by more than ``by`` and the difference's standard error."""
    lines = []
    for run in runs:
        for rival in runs:
            if run["oracle"] != "default" or rival["data"] != run["data"] or rival["oracle"] not in rivals:
                continue
            below = []
            for g, answers in enumerate(run["answers"]):
                theirs = value_at(rival, "ari", answers)
                if theirs - run["ari"]["mean"][g] > by + _standard_error(run, rival, answers):
                    below.append((answers, run["ari"]["mean"][g], theirs))
            if below:
                answers, ours, theirs = max(below, key=lambda found: found[2] - found[1])
                lines.append(
                    f"{run['data']}: default below {rival['oracle']} at {len(below)} of {len(run['answers'])} points, "
                    f"most after {answers:.0f} answers, {ours:.3f} against {theirs:.3f}"
                )
    return lines


def _standard_error(run: dict[str, Any], rival: dict[str, Any], answers: float) -> float:
    variance = 0.0
    for one in (run, rival):
        at = int(np.searchsorted(one["answers"], answers, side="right")) - 1
        variance += (one["ari"]["std"][at] or 0.0) ** 2 / one["seeds"]
    return float(np.sqrt(variance))
