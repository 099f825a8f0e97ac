"""Plots like the paper's: a mean line and a shaded standard deviation. Nothing is computed here."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colour of the classes 0..3 (the paper's orange, green, red, blue) and of other things, in matplotlib's cycle.
CLASS_COLOURS = ("C1", "C2", "C3", "C0")


def canvas(n_columns: int = 1, n_rows: int = 1, *, size: tuple[float, float] = (4.5, 2.6)) -> tuple["Figure", Any]:
    """Figure and array of axes, drawn without a display."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 9, "legend.fontsize": 8, "axes.grid": True, "grid.alpha": 0.5})
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(size[0] * n_columns, size[1] * n_rows), squeeze=False, layout="constrained"
    )
    return figure, axes


def finish(figure: "Figure", path: Path) -> None:
    """Write the picture and free it."""
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def draw_curves(
    axis: "Axes",
    result: Result,
    *,
    names: Sequence[str] | None = None,
    labels: dict[str, str] | None = None,
    y_label: str = "Test error",
) -> None:
    """Draw curves of a result, with a legend if there are several."""
    names = list(result.curves) if names is None else names
    for name in names:
        mean, std = (np.array(result.curves[name][part]) for part in ("mean", "std"))
        axis.plot(result.x, mean, label=(labels or {}).get(name, name))
        axis.fill_between(result.x, mean - std, mean + std, alpha=0.25, linewidth=0)
    axis.set_xlabel(result.x_label)
    axis.set_ylabel(y_label)
    axis.set_ylim(bottom=0)
    if len(names) > 1:
        axis.legend(loc="upper right")


def plot_curves(result: Result, path: Path, **keywords: Any) -> None:
    """One panel with the curves of a result."""
    figure, axes = canvas()
    draw_curves(axes[0, 0], result, **keywords)
    finish(figure, path)
