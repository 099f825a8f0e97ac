"""Results of a figure, as a JSON file that a plot, a page of the docs or another program can read.

Layout: {"figure", "x", "x_label", "curves": {name: {"mean", "std"}}, "parameters", "seconds", "versions"}, and "data"
for figures that are pictures or tables.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from pal.errors import InvalidInputError

#: Mean and standard deviation over trials; None where a table has no figure.
Curve = dict[str, list[float | None]]


@dataclass(frozen=True)
class Result:
    """One figure's numbers.

    Parameters
    ----------
    figure
        Name of the figure, and of its file.
    x, x_label
        Abscissa of all curves, and what it is.
    curves
        Mean and standard deviation over trials, by name of the curve.
    parameters
        Settings that produced it.
    seconds
        Wall-clock time of the computation.
    data
        Arrays of figures that aren't curves.
    """

    figure: str
    x: list[Any]
    x_label: str
    curves: dict[str, Curve]
    parameters: dict[str, Any]
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=lambda: versions())
    data: dict[str, Any] | None = None


def curves(trials: Mapping[str, Float[ndarray, "trials steps"]], /) -> dict[str, Curve]:
    """Mean and standard deviation over trials."""
    return {
        name: {"mean": values.mean(axis=0).tolist(), "std": values.std(axis=0).tolist()}
        for name, values in trials.items()
    }


def save(result: Result, folder: Path, /) -> Path:
    """Write ``folder/FIGURE.json``; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    content = asdict(result)
    if result.data is None:
        del content["data"]
    path = folder / f"{result.figure}.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def load(path: Path, /) -> Result:
    """Read a file of :func:`save`.

    Raises
    ------
    InvalidInputError
        If it isn't one.
    """
    names = {f.name for f in fields(Result)}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Result(**{name: value for name, value in content.items() if name in names})
    except (OSError, ValueError, TypeError, AttributeError) as cause:
        raise InvalidInputError(f"{path} isn't a figure's results ({cause}); compute the figure first") from cause


def versions(packages: Sequence[str] = ("pal-learn", "numpy", "scipy", "matplotlib")) -> dict[str, str]:
    """Version of Python and of some packages."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def first_below(x: Sequence[float], mean: Sequence[float], level: float, /) -> float | None:
    """First abscissa at which a curve is below a level, None if it never is."""
    below = np.flatnonzero(np.asarray(mean) < level)
    return x[int(below[0])] if len(below) else None
