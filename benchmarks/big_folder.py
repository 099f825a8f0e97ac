"""A folder of 100,000 pictures and a file of a million embeddings: how long until the first page, and how much memory.

Ours is ``pal annotate`` in a process of its own, from its start until ``/api/page`` answers with a page; the folder is
opened twice, the second time with what was kept of the first. Beside it stands the least that anybody can do, in the
same run: read every file once (its SHA-256), or load the array.
"""

import argparse
import hashlib
import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.report import Row, row
from pal.datasets import open_source

_PATIENCE = 900


def make_pictures(folder: Path, n: int) -> None:
    """Small PNG of four shapes in random colours, a thousand a folder."""
    from PIL import Image

    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32] - 16
    for i in range(n):
        inner, outer = rng.integers(0, 255, (2, 3), dtype=np.uint8)
        size = int(rng.integers(4, 14))
        shapes = (
            x * x + y * y < size * size,
            abs(x) + abs(y) < size,
            np.maximum(abs(x), abs(y)) < size,
            (x + y) % size < 2,
        )
        file = folder / f"{i // 1000:03d}" / f"{i:06d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = np.where(shapes[i % 4][:, :, None], inner, outer).astype(np.uint8)
        Image.fromarray(picture).save(file, compress_level=1)


class Opened(NamedTuple):
    """Seconds by the clock and of processor time, children included, until the first page; peak memory in GB."""

    seconds: float
    cpu: float
    peak: float


def first_page(arguments: list[str], project: Path) -> Opened:
    """Start ``pal annotate`` and wait for its first page."""
    command = [sys.executable, "-m", "pal", "annotate", *arguments, "--project", str(project)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "250", "NO_COLOR": "1"}
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--no-browser", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = next(
            (found[0] for line in process.stdout if (found := re.search(r"http://\S+token=\S+", line))), None
        )
        if address is None:
            raise RuntimeError("pal annotate ended before it printed an address")
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        opener.open(address).read()
        base = address.split("/?")[0]
        while "page" not in (reply := json.loads(opener.open(f"{base}/api/page").read())):
            if time.perf_counter() - start > _PATIENCE:
                raise TimeoutError(f"no page within {_PATIENCE} s: {reply}")
            time.sleep(0.2)
        return Opened(time.perf_counter() - start, _cpu(process.pid), _peak(process.pid))
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:  # a model of a million rows in the making
            process.kill()
            process.wait()


def read_all(folder: Path) -> tuple[float, float]:
    """Seconds by the clock and of processor time to read and hash every file."""
    start, cpu = time.perf_counter(), time.process_time()
    for file in sorted(folder.rglob("*.png")):
        hashlib.sha256(file.read_bytes()).digest()
    return time.perf_counter() - start, time.process_time() - cpu


def _peak(pid: int) -> float:
    """Peak resident memory of a process in GB; NaN where the system doesn't say."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1e6 for line in lines if line.startswith("VmHWM")), float("nan"))


def _cpu(pid: int) -> float:
    """Processor seconds of a process and its children so far; NaN where the system doesn't say."""
    ticks = float("nan")
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        if pid in (int(stat.parent.name), int(fields[1])):
            used = sum(map(int, fields[11:15]))
            ticks = used if np.isnan(ticks) else ticks + used
    return ticks / os.sysconf("SC_CLK_TCK")


def pictures(folder: Path, n: int, project: Path) -> list[Row]:
    """Open a folder of n pictures twice."""
    if not folder.exists():
        make_pictures(folder, n)
    seconds, cpu = read_all(folder)
    rows = []
    for what in ("first start", "second start"):
        opened = first_page([str(folder), "--encoder", "pixels"], project)
        rows.append(row(f"{n:,} pictures, {what}, to the first page", opened.seconds, seconds, "s", "< 60 s"))
        rows.append(row(f"{n:,} pictures, {what}, processor", opened.cpu, cpu, "CPU s", ""))
        rows.append(row(f"{n:,} pictures, {what}, peak memory", opened.peak, "-", "GB", ""))
    return rows


def embeddings(file: Path, n: int, project: Path) -> list[Row]:
    """Open a file of n embeddings in 64 dimensions, 100 clusters."""
    if not file.exists():
        rng = np.random.default_rng(0)
        centres = 3.0 * rng.standard_normal((100, 64), dtype=np.float32)
        np.save(file, centres[rng.integers(0, 100, n)] + rng.standard_normal((n, 64), dtype=np.float32))
    start, cpu = time.perf_counter(), time.process_time()
    np.load(file).sum()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    start, used = time.perf_counter(), time.process_time()
    open_source(file)
    imported, used = time.perf_counter() - start, time.process_time() - used
    print(f"{n:,} embeddings imported in {imported:.1f} s, {used:.1f} CPU s")
    opened = first_page([str(file)], project)
    return [
        row(f"{n:,} embeddings, import alone", used, cpu, "CPU s", "no error"),
        row(f"{n:,} embeddings, to the first page", opened.seconds, seconds, "s", "no error"),
        row(f"{n:,} embeddings, processor", opened.cpu, cpu, "CPU s", "no error"),
        row(f"{n:,} embeddings, peak memory", opened.peak, 4 * 64 * n / 1e9, "GB", "no error"),
    ]


def run(args: list[str]) -> list[Row]:
    """``--pictures`` and ``--embeddings`` say how many, 0 for none; data in ``--keep`` serve the next run."""
    parser = argparse.ArgumentParser(prog="big_folder")
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--embeddings", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, default=None)
    options = parser.parse_args(args)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        home: Path = options.keep or Path(scratch)
        home.mkdir(parents=True, exist_ok=True)
        parts: list[tuple[int, Any, Path]] = [
            (options.pictures, pictures, home / f"pictures-{options.pictures}"),
            (options.embeddings, embeddings, home / f"embeddings-{options.embeddings}.npy"),
        ]
        for n, measure, source in parts:
            if n:
                rows += measure(source, n, Path(scratch) / f"{source.stem}.pal")
    return rows
