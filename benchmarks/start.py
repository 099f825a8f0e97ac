"""How long ``pal annotate --demo`` takes from the command to its first reply, and to its first page; a new project.

The rival is Python importing what any such server stands on, in the same run: NumPy, SciPy's sparse matrices, FastAPI,
uvicorn and SQLAlchemy. Both find modules compiled, as every start but the first does.
"""

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pal
from benchmarks._serving import Browser, Server
from benchmarks.report import Row, row

_LEAST = "import fastapi, numpy, scipy.sparse, scipy.sparse.csgraph, sqlalchemy, uvicorn"


def least() -> tuple[float, float]:
    """Seconds and processor seconds of the imports."""
    start, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-c", _LEAST], check=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, used


def started(directory: Path) -> tuple[float, float, float]:
    """Seconds to the first reply, processor seconds of the server until then, and seconds to the first page."""
    server = Server(directory, ("digits",))
    begin = time.perf_counter()
    try:
        address = server.start()
        browser = Browser(address)
        browser.sign_in(address)
        if browser.request("GET", "/").status != 200:
            raise RuntimeError("the first request was refused")
        replied, used = time.perf_counter() - begin, server.processor_seconds()
        while "page" not in browser.request("GET", "/api/page").said:
            time.sleep(0.05)
        return replied, used, time.perf_counter() - begin
    finally:
        server.kill()


def run(args: list[str]) -> list[Row]:
    """Start so many times."""
    parser = argparse.ArgumentParser(prog="start", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(args)
    compileall.compile_dir(Path(pal.__file__).parent, quiet=1)
    ours, rival = [], []
    with tempfile.TemporaryDirectory() as home:
        for number in range(options.repeats):
            rival.append(least())
            ours.append(started(Path(home) / str(number)))
    wall, cpu = (statistics.median(column) for column in zip(*rival, strict=True))
    replied, used, page = (statistics.median(column) for column in zip(*ours, strict=True))
    return [
        row("start to the first reply", replied, wall, "s", "< 1.5 s"),
        row("start to the first reply, the server's processor time", used, cpu, "CPU s", "-"),
        row("start to the first page", page, wall, "s", "-"),
    ]
