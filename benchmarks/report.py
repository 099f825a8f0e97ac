"""What a benchmark reports: rows of our figure beside a rival's, a table, and a JSON file."""

import importlib.metadata
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PACKAGES = (
    "numpy", "scipy", "scikit-learn", "torch", "lightly", "pytorch-metric-learning", "scikit-activeml",
    "active-semi-supervised-clustering",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One comparison, both sides measured in the same run.

    ``rival`` is a figure, or a sentence on why there is none ("lightly is missing"); ``ratio`` is how many times better
    ours is, None without a rival's figure; ``goal`` is in words.
    """

    what: str
    ours: float
    rival: float | str
    unit: str
    ratio: float | None
    goal: str


def row(what: str, ours: float, rival: float | str, unit: str, goal: str, *, higher_is_better: bool = False) -> Row:
    """Row with its ratio: above 1, ours is better."""
    if isinstance(rival, str):
        return Row(what, ours, rival, unit, None, goal)
    better, worse = (ours, rival) if higher_is_better else (rival, ours)
    return Row(what, ours, rival, unit, better / worse if worse else float("inf"), goal)


def missing(package: str, extra: str = "rivals") -> str:
    """What a row says of a rival that isn't installed."""
    return f"{package} is missing: pip install 'pal-learn[{extra}]'"


def alternate(ours: Callable[[], object], rival: Callable[[], object] | None, *, repeats: int) -> tuple[float, float]:
    """Median process CPU seconds of each, measured in turns so that both meet the same machine; NaN without a rival."""
    sides: list[tuple[Callable[[], object], list[float]]] = [(ours, [])]
    if rival is not None:
        sides.append((rival, []))
    for call, _ in sides:
        call()
    for _ in range(repeats):
        for call, seconds in sides:
            start = time.process_time()
            call()
            seconds.append(time.process_time() - start)
    medians = [statistics.median(seconds) for _, seconds in sides]
    return medians[0], medians[1] if rival is not None else float("nan")


def write(name: str, rows: Sequence[Row], out: Path) -> Path:
    """Write ``out``/``name``.json."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.json"
    document = {"rows": [asdict(r) for r in rows], "machine": machine(), "versions": versions()}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def table(rows: Sequence[Row]) -> str:
    """Rows as aligned text."""
    cells = [("what", "ours", "rival", "unit", "ratio", "goal")]
    cells += [
        (r.what, _figure(r.ours), _figure(r.rival), r.unit, "-" if r.ratio is None else f"{r.ratio:.3g} ×", r.goal)
        for r in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def markdown_rows(rows: Sequence[Row]) -> str:
    """Rows as a table of the documentation."""
    lines = ["| what | reached | goal | rival |", "|---|---|---|---|"]
    for r in rows:
        goal = r.goal.replace("<=", "≤").replace(">=", "≥")
        reached = f"{r.ours:.4g} {r.unit}" if math.isfinite(r.ours) else "not reached"
        rival = f"{r.rival:.4g}" if isinstance(r.rival, float | int) else r.rival
        lines.append(f"| {r.what} | {reached} | {goal} | {rival} |")
    return "\n".join(lines) + "\n"


def fill(page: Path, name: str, text: str) -> bool:
    """Put ``text`` between ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` of a page; False if it has none."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    if not found or end not in rest:
        return False
    page.write_text(before + begin + "\n" + text.strip("\n") + "\n\n" + end + rest.partition(end)[2], encoding="utf-8")
    return True


def machine() -> dict[str, str | int | None]:
    """Processor, cores, system."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Installed versions of what is measured; absent packages say so."""
    found = {}
    for package in ("pal-learn", *PACKAGES):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _figure(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.4g}"
