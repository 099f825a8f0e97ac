"""Plots of benchmarks, and the table of an efficiency run."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._averages import value_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmarks._rivals import Published

_AT = (0, 20, 50, 100, 200, 350, 500)
_PANELS = (("answers", "ari"), ("seconds", "ari"), ("answers", "heldout"), ("seconds", "heldout"))
_WORDS = {"ari": "adjusted Rand index", "heldout": "held-out accuracy", "seconds": "seconds of a person"}


def tables(
    runs: Sequence[dict[str, Any]], peers: Collection[str], published: "Sequence[Published]", /
) -> dict[str, str]:
    """Tables by name: "SET ari", "SET heldout" after so many answers; "sets ari", … at the end of each set."""
    found = {}
    for measure in ("ari", "heldout"):
        measured = [run for run in runs if any(v is not None for v in run[measure]["mean"])]
        for data in dict.fromkeys(run["data"] for run in measured):
            here = [run for run in measured if run["data"] == data]
            old = [p for p in published if measure == "ari" and p.data == data]
            found[f"{Path(data).stem} {measure}"] = _table(here, measure, peers, old)
        if measured:
            found[f"sets {measure}"] = summary(measured, measure)
    return found


def _table(
    runs: Sequence[dict[str, Any]], measure: str, peers: Collection[str], published: "Sequence[Published]"
) -> str:
    """One row a run; what wasn't measured here says so in the last column."""
    marks = [at for at in _AT if at <= max(run["answers"][-1] for run in runs)]
    lines = [f"| {_WORDS[measure]} after | {' | '.join(map(str, marks))} | source |", "|---" * (len(marks) + 2) + "|"]
    for run in runs:
        kind = "peer" if run["oracle"] in peers else "PAL"
        lines.append(
            _line(run["oracle"], [value_at(run, measure, at) for at in marks], f"{kind}, {run['seeds']} seeds")
        )
    for old in published:
        known = dict(zip(old.answers, old.ari, strict=True))
        lines.append(_line(old.name, [known.get(at, float("nan")) for at in marks], f"*{old.note}*"))
    return "\n".join(lines) + "\n"


def summary(runs: Sequence[dict[str, Any]], measure: str, /) -> str:
    """One row an oracle or peer, one column a set: the mean of a measure at the end."""
    sets = list(dict.fromkeys(run["data"] for run in runs))
    lines = [f"| {_WORDS[measure]} | {' | '.join(Path(data).stem for data in sets)} |", "|---" * (len(sets) + 1) + "|"]
    for name in dict.fromkeys(run["oracle"] for run in runs):
        last = {run["data"]: run[measure]["mean"][-1] for run in runs if run["oracle"] == name}
        cells = ["–" if last.get(data) is None else f"{last[data]:.3f}".replace("0.", ".") for data in sets]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _line(name: str, cells: Sequence[float], source: str) -> str:
    words = [f"{cell:.3f}".replace("0.", ".") if np.isfinite(cell) else "–" for cell in cells]
    return f"| {name} | {' | '.join(words)} | {source} |"


def side_by_side(names: Sequence[str], /) -> tuple["Figure", list["Axes"]]:
    """Figure of panels in a row, with these titles and one vertical axis, drawn without a display."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.6 * len(names), 2.9), layout="constrained")
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name, fontsize=9)
    return figure, list(axes)


def save(figure: "Figure", *paths: Path | None) -> None:
    """Write a figure to each path that there is."""
    for path in filter(None, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)


def draw(runs: Sequence[dict[str, Any]], peers: Collection[str], path: Path, /) -> bool:
    """Draw a row of panels a set; False if matplotlib isn't there."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    sets = list(dict.fromkeys(run["data"] for run in runs))
    tried = any(v is not None for run in runs for v in run["heldout"]["mean"])
    panels = _PANELS if tried else _PANELS[:2]
    figure = Figure(figsize=(5 * len(panels), 4.5 * len(sets)), layout="constrained")
    axes = figure.subplots(len(sets), len(panels), squeeze=False)
    for line, data in zip(axes, sets, strict=True):
        for number, run in enumerate(run for run in runs if run["data"] == data):
            _curve(line, panels, run, number, dashed=run["oracle"] in peers)
        for axis, (per, measure) in zip(line, panels, strict=True):
            here = [run for run in runs if run["data"] == data]
            axis.set(xlabel=_WORDS.get(per, per), ylabel=_WORDS[measure], title=Path(data).stem)
            axis.set_ylim(bottom=_floor(here, measure, peers))
            axis.grid(alpha=0.3)
        line[-1].legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    save(figure, path)
    return True


def _floor(runs: Sequence[dict[str, Any]], measure: str, peers: Collection[str]) -> float:
    """Where a panel begins: somewhat below the start of ours, as peers start from nothing."""
    starts = [run[measure]["mean"][0] for run in runs if run["oracle"] not in peers]
    return max(min((s for s in starts if s is not None), default=0.0) - 0.25, 0.0)


def _curve(
    line: Sequence[Any], panels: Sequence[tuple[str, str]], run: dict[str, Any], number: int, *, dashed: bool
) -> None:
    """One run in every panel, with a band of one standard deviation for the default."""
    first = run["oracle"] == "default"
    style: dict[str, Any] = (
        {"color": "black", "linewidth": 2.5} if first else {"color": f"C{number % 10}", "linewidth": 1.0}
    )
    style["alpha"] = 1.0 if first or dashed or run["oracle"] in ("captcha", "random") else 0.5
    style["linestyle"] = "--" if dashed else "-" if number < 10 else "-."
    for axis, (per, measure) in zip(line, panels, strict=True):
        mean, std = (
            np.array([np.nan if v is None else v for v in run[measure][key]], dtype=np.float64)
            for key in ("mean", "std")
        )
        axis.plot(run[per], mean, label=run["oracle"], **style)
        if first:
            axis.fill_between(run[per], mean - std, mean + std, color="black", alpha=0.15, linewidth=0)
