"""Losses: forward + backward in float32 on one thread, against dense forms, lightly and pytorch-metric-learning.

Times are process CPU time, the median of ``--repeats`` runs taken in turns with the rival's. Memory is the peak of
resident memory during one forward and backward over that before it, in a process of its own, after a small run has
loaded the libraries; it holds the gradients and not the embeddings. Graphs are prepared once, as for training.
"""

import argparse
import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks._loss_rivals import Loss, dense_vic2, lightly, listed_pairs, supcon, ten_classes
from benchmarks.report import Row, alternate, missing, row
from pal.builders import from_labels, from_views
from pal.losses import (
    barlow_twins,
    barlow_twins_two_view,
    batch_graph,
    simclr,
    spectral_contrastive,
    vicreg,
    vicreg_two_view,
)

Step = Callable[[], object]


@dataclass(frozen=True)
class Rival:
    """Somebody else's loss: its package, and what builds it for so many rows; None if that needs too much memory."""

    name: str
    package: str = "torch"
    build: Callable[[int], Loss] | None = None
    two_view: bool = False


@dataclass(frozen=True)
class Case:
    """A loss of ours and a rival's on embeddings of one size, rows by components; goals in words."""

    what: str
    size: tuple[int, int]
    ours: Callable[[int], Loss]
    rival: Rival
    goal: str
    memory_goal: str = ""
    two_view: bool = False

    @property
    def name(self) -> str:
        """What is measured, against whom."""
        n, k = self.size
        return f"{self.what}, {n:,} × {k:,} against {self.rival.name}"


def run(args: list[str]) -> list[Row]:
    """Measure; see the module."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks losses", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--no-memory", action="store_true")
    options = parser.parse_args(args)
    torch.set_num_threads(1)
    rows = []
    for case in CASES:
        if options.only in case.name:
            rows.append(_time(case, options.repeats))
            if case.memory_goal and not options.no_memory:
                rows.append(_memory(case))
    return rows


def _time(case: Case, repeats: int) -> Row:
    ours = _step(case, "ours")
    there = _there(case.rival)
    first, second = alternate(ours, _step(case, "rival") if there else None, repeats=repeats)
    rival: float | str = second * 1e3 if there else _absent(case)
    return row(case.name, first * 1e3, rival, "CPU ms", case.goal)


def _memory(case: Case) -> Row:
    rival: float | str = _peak(case, "rival") if _there(case.rival) else _absent(case)
    return row(f"{case.name}, memory", _peak(case, "ours"), rival, "MB", case.memory_goal)


def _there(rival: Rival) -> bool:
    return rival.build is not None and importlib.util.find_spec(rival.package) is not None


def _absent(case: Case) -> str:
    build, package = case.rival.build, case.rival.package
    return "needs more memory than is measured here" if build is None else missing(package)


def _step(case: Case, side: str, n_rows: int = 0) -> Step:
    """One forward and backward."""
    n, k = n_rows or case.size[0], case.size[1]
    build = case.ours if side == "ours" else case.rival.build
    assert build is not None
    loss = build(n)
    split = case.two_view if side == "ours" else case.rival.two_view
    generator = torch.Generator().manual_seed(0)
    shapes = [(n // 2, k)] * 2 if split else [(n, k)]
    embeddings = [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]

    def step() -> None:
        for z in embeddings:
            z.grad = None
        torch.autograd.backward(loss(*embeddings))

    return step


def _peak(case: Case, side: str) -> float:
    """MB, measured by :func:`child` in a fresh process."""
    code = f"from benchmarks.losses import child; child({case.name!r}, {side!r})"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[1]
    )
    return float(done.stdout)


def child(name: str, side: str) -> None:
    """Print the MB one step adds to this process's memory; Linux only."""
    torch.set_num_threads(1)
    case = next(case for case in CASES if case.name == name)
    _step(case, side, n_rows=64)()
    step = _step(case, side)
    # Writing 5 resets the high-water mark of resident memory (man 5 proc).
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    step()
    print((_status("VmHWM") - before) / 1024)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1])


# --- ours -----------------------------------------------------------------------------------------------------


def _on_views(loss: Loss, self_loops: bool = False) -> Callable[[int], Loss]:
    def build(n: int) -> Loss:
        graph = batch_graph(from_views(n // 2, 2, self_loops=self_loops))
        return lambda z: loss(z, graph)

    return build


def _on_labels(loss: Loss) -> Callable[[int], Loss]:
    def build(n: int) -> Loss:
        graph = batch_graph(from_labels(ten_classes(n)))
        return lambda z: loss(z, graph)

    return build


def _per_view(loss: Loss) -> Callable[[int], Loss]:
    def build(n: int) -> Loss:
        graph = batch_graph(from_views(n // 2, 2, self_loops=False))
        return lambda z: loss(z, graph, n_views=2)

    return build


def _vicreg_per_view(z1: Tensor, z2: Tensor) -> Tensor:
    return vicreg_two_view(z1, z2, per_view=True)


# --- the cases ------------------------------------------------------------------------------------------------


def _lightly(loss: str) -> Rival:
    return Rival("lightly", "lightly", lightly(loss), two_view=True)


DENSE, LISTED, NONE = Rival("dense", "torch", dense_vic2), Rival("pairs listed", "torch", listed_pairs), Rival("none")
PML = Rival("pytorch-metric-learning", "pytorch_metric_learning", supcon)
NTXENT, VICREG, BARLOW = _lightly("NTXentLoss"), _lightly("VICRegLoss"), _lightly("BarlowTwinsLoss")

LONG, WIDE, LARGE = (8192, 128), (512, 2048), (32768, 128)
FAST, WIDE_VICREG, WIDE_BARLOW = "≥ 3 × faster", "402 → ≤ 10 ms (40 ×)", "90 → ≤ 12 ms (7.5 ×)"
CASES = (
    Case("VIC², two-view graph", LONG, _on_views(spectral_contrastive, True), DENSE, "≥ 100 × faster", "≤ 20 MB"),
    Case("VIC², 10 classes", LONG, _on_labels(spectral_contrastive), DENSE, "≥ 100 × faster", "≤ 20 MB"),
    Case("SimCLR, two-view graph", LONG, _on_views(simclr), NTXENT, "≥ 8 × faster", "≤ 40 MB"),
    Case("SimCLR, two-view graph", LONG, _on_views(simclr), PML, "≥ 8 × faster than lightly", "≤ 40 MB"),
    Case("VICReg, two-view graph", LONG, _on_views(vicreg), VICREG, FAST, "-"),
    Case("VICReg, two views", LONG, lambda _: vicreg_two_view, VICREG, FAST, two_view=True),
    Case("VICReg, two-view graph", WIDE, _per_view(vicreg), VICREG, WIDE_VICREG),
    Case("VICReg, two views", WIDE, lambda _: _vicreg_per_view, VICREG, WIDE_VICREG, two_view=True),
    Case("Barlow Twins, two-view graph", LONG, _per_view(barlow_twins), BARLOW, "no slower", "-"),
    Case("Barlow Twins, two views", LONG, lambda _: barlow_twins_two_view, BARLOW, "no slower", two_view=True),
    Case("Barlow Twins, two-view graph", WIDE, _per_view(barlow_twins), BARLOW, WIDE_BARLOW),
    Case("Barlow Twins, two views", WIDE, lambda _: barlow_twins_two_view, BARLOW, WIDE_BARLOW, two_view=True),
    Case("VICReg, 10 classes", (2048, 128), _on_labels(vicreg), LISTED, "≥ 200 × faster", "-"),
    Case("VIC², 10 classes", LARGE, _on_labels(spectral_contrastive), NONE, "runs", "≤ 100 MB"),
    Case("VICReg, 10 classes", LARGE, _on_labels(vicreg), NONE, "runs", "≤ 100 MB"),
    Case("Barlow Twins, 10 classes", LARGE, _on_labels(barlow_twins), NONE, "runs", "≤ 100 MB"),
    Case("SimCLR, 10 classes", LARGE, _on_labels(simclr), NONE, "runs", "≤ 100 MB"),
)
