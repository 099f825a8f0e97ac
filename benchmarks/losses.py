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
class Case:
    """A loss of ours and a rival's on embeddings of one size; goals in words."""

    what: str
    n_rows: int
    n_components: int
    ours: Callable[[int], Loss]
    rival: Callable[[int], Loss] | None
    rival_name: str
    package: str
    two_view: bool
    goal: str
    memory_goal: str = ""
    rival_two_view: bool = False


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
        if options.only in case.what:
            rows.append(_time(case, options.repeats))
            if case.memory_goal and not options.no_memory:
                rows.append(_memory(case))
    return rows


def _time(case: Case, repeats: int) -> Row:
    ours = _step(case, "ours")
    there = case.rival is not None and importlib.util.find_spec(case.package) is not None
    first, second = alternate(ours, _step(case, "rival") if there else None, repeats=repeats)
    rival: float | str = second * 1e3 if there else _absent(case)
    return row(f"{case.what} against {case.rival_name}", first * 1e3, rival, "CPU ms", case.goal)


def _memory(case: Case) -> Row:
    there = case.rival is not None and importlib.util.find_spec(case.package) is not None
    rival: float | str = _peak(case, "rival") if there else _absent(case)
    return row(f"{case.what} against {case.rival_name}, memory", _peak(case, "ours"), rival, "MB", case.memory_goal)


def _absent(case: Case) -> str:
    return "needs more memory than is measured here" if case.rival is None else missing(case.package)


def _step(case: Case, side: str, n_rows: int = 0) -> Step:
    """One forward and backward."""
    n = n_rows or case.n_rows
    build = case.ours if side == "ours" else case.rival
    assert build is not None
    loss = build(n)
    split = case.two_view if side == "ours" else case.rival_two_view
    generator = torch.Generator().manual_seed(0)
    shapes = [(n // 2, case.n_components)] * 2 if split else [(n, case.n_components)]
    embeddings = [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]

    def step() -> None:
        for z in embeddings:
            z.grad = None
        torch.autograd.backward(loss(*embeddings))

    return step


def _peak(case: Case, side: str) -> float:
    """MB, measured by :func:`child` in a fresh process."""
    command = [
        sys.executable,
        "-c",
        f"from benchmarks.losses import child; child({case.what!r}, {case.rival_name!r}, {side!r})",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[1]
    )
    return float(done.stdout)


def child(what: str, rival_name: str, side: str) -> None:
    """Print the MB one step adds to this process's memory; Linux only."""
    torch.set_num_threads(1)
    case = next(case for case in CASES if (case.what, case.rival_name) == (what, rival_name))
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


def _on_views(loss: Loss, *, self_loops: bool) -> Callable[[int], Loss]:
    def build(n: int) -> Loss:
        graph = batch_graph(from_views(n // 2, 2, self_loops=self_loops))
        return lambda z: loss(z, graph)

    return build


def _on_labels(loss: Loss) -> Callable[[int], Loss]:
    def build(n: int) -> Loss:
        graph = batch_graph(from_labels(ten_classes(n)))
        return lambda z: loss(z, graph)

    return build


LIGHTLY, PML = "lightly", "pytorch_metric_learning"
CASES = (
    Case(
        "VIC², two-view graph, 8,192 × 128",
        8192,
        128,
        _on_views(spectral_contrastive, self_loops=True),
        dense_vic2,
        "dense",
        "torch",
        False,
        "≥ 100 × faster",
        "≤ 20 MB",
    ),
    Case(
        "VIC², 10 classes, 8,192 × 128",
        8192,
        128,
        _on_labels(spectral_contrastive),
        dense_vic2,
        "dense",
        "torch",
        False,
        "≥ 100 × faster",
        "≤ 20 MB",
    ),
    Case(
        "SimCLR, two-view graph, 8,192 × 128",
        8192,
        128,
        _on_views(simclr, self_loops=False),
        lightly("NTXentLoss"),
        LIGHTLY,
        LIGHTLY,
        False,
        "≥ 8 × faster",
        "≤ 40 MB",
        True,
    ),
    Case(
        "SimCLR, two-view graph, 8,192 × 128",
        8192,
        128,
        _on_views(simclr, self_loops=False),
        supcon,
        "pytorch-metric-learning",
        PML,
        False,
        "≥ 8 × faster than lightly",
        "≤ 40 MB",
    ),
    Case(
        "VICReg, two-view graph, 8,192 × 128",
        8192,
        128,
        _on_views(vicreg, self_loops=False),
        lightly("VICRegLoss"),
        LIGHTLY,
        LIGHTLY,
        False,
        "≥ 3 × faster",
        "-",
        True,
    ),
    Case(
        "VICReg, two views, 8,192 × 128",
        8192,
        128,
        lambda _: vicreg_two_view,
        lightly("VICRegLoss"),
        LIGHTLY,
        LIGHTLY,
        True,
        "≥ 3 × faster",
        "",
        True,
    ),
    Case(
        "VICReg, two-view graph, 512 × 2,048",
        512,
        2048,
        lambda n: _per_view(vicreg, n),
        lightly("VICRegLoss"),
        LIGHTLY,
        LIGHTLY,
        False,
        "402 → ≤ 10 ms (40 ×)",
        "",
        True,
    ),
    Case(
        "VICReg, two views, 512 × 2,048",
        512,
        2048,
        lambda _: _vicreg_per_view,
        lightly("VICRegLoss"),
        LIGHTLY,
        LIGHTLY,
        True,
        "402 → ≤ 10 ms (40 ×)",
        "",
        True,
    ),
    Case(
        "Barlow Twins, two-view graph, 8,192 × 128",
        8192,
        128,
        lambda n: _per_view(barlow_twins, n),
        lightly("BarlowTwinsLoss"),
        LIGHTLY,
        LIGHTLY,
        False,
        "no slower",
        "-",
        True,
    ),
    Case(
        "Barlow Twins, two views, 8,192 × 128",
        8192,
        128,
        lambda _: barlow_twins_two_view,
        lightly("BarlowTwinsLoss"),
        LIGHTLY,
        LIGHTLY,
        True,
        "no slower",
        "",
        True,
    ),
    Case(
        "Barlow Twins, two-view graph, 512 × 2,048",
        512,
        2048,
        lambda n: _per_view(barlow_twins, n),
        lightly("BarlowTwinsLoss"),
        LIGHTLY,
        LIGHTLY,
        False,
        "90 → ≤ 12 ms (7.5 ×)",
        "",
        True,
    ),
    Case(
        "Barlow Twins, two views, 512 × 2,048",
        512,
        2048,
        lambda _: barlow_twins_two_view,
        lightly("BarlowTwinsLoss"),
        LIGHTLY,
        LIGHTLY,
        True,
        "90 → ≤ 12 ms (7.5 ×)",
        "",
        True,
    ),
    Case(
        "VICReg, 10 classes, 2,048 × 128",
        2048,
        128,
        _on_labels(vicreg),
        listed_pairs,
        "pairs listed",
        "torch",
        False,
        "≥ 200 × faster",
        "-",
    ),
    Case(
        "VIC², 10 classes, 32,768 × 128",
        32768,
        128,
        _on_labels(spectral_contrastive),
        None,
        "none",
        "torch",
        False,
        "runs",
        "≤ 100 MB",
    ),
    Case(
        "VICReg, 10 classes, 32,768 × 128",
        32768,
        128,
        _on_labels(vicreg),
        None,
        "none",
        "torch",
        False,
        "runs",
        "≤ 100 MB",
    ),
    Case(
        "Barlow Twins, 10 classes, 32,768 × 128",
        32768,
        128,
        _on_labels(barlow_twins),
        None,
        "none",
        "torch",
        False,
        "runs",
        "≤ 100 MB",
    ),
    Case(
        "SimCLR, 10 classes, 32,768 × 128",
        32768,
        128,
        _on_labels(simclr),
        None,
        "none",
        "torch",
        False,
        "runs",
        "≤ 100 MB",
    ),
)


def _per_view(loss: Loss, n: int) -> Loss:
    graph = batch_graph(from_views(n // 2, 2, self_loops=False))
    return lambda z: loss(z, graph, n_views=2)


def _vicreg_per_view(z1: Tensor, z2: Tensor) -> Tensor:
    return vicreg_two_view(z1, z2, per_view=True)
