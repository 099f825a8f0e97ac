"""How long a person waits for the annotator: key press → painted, in a real Chromium, over the demo.

Ours is the 95th percentile from the key press's time stamp until after the frame is painted. The rival is the same
page fetched after the key press, pictures included, as annotators that load nothing ahead do it; for the toggle, a
round trip to the server.
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._serving import Server
from benchmarks.report import Row, row

sys.path.append(str(Path(__file__).parents[1] / "tests" / "web"))

FETCHED = """async () => {
    const since = performance.now();
    const { page } = await (await fetch("/api/page")).json();
    await Promise.all([page.template, ...page.exemplars, ...page.tiles].map(({ id }) => {
        const picture = new Image();
        picture.src = `/thumbnails/${id}?size=256`;
        return picture.decode();
    }));
    return performance.now() - since;
}"""

ROUND_TRIP = """async () => {
    const since = performance.now();
    await (await fetch("/api/progress")).json();
    return performance.now() - since;
}"""

TAKE = """() => {
    const found = performance.getEntriesByType("measure").map(({ name, duration }) => [name, duration]);
    performance.clearMeasures();
    return found;
}"""


def true_digits() -> dict[str, object]:
    """Digit of each item of the demo."""
    from sklearn.datasets import load_digits

    from pal.datasets.digits import digits

    items, target = digits(), load_digits().target
    return {item: int(target[int(name.split()[-1])]) for item, name in zip(items.id, items.name, strict=True)}


def measure(page: Any, person: Any, pages: int) -> dict[str, list[float]]:
    """Milliseconds by act."""
    durations: dict[str, list[float]] = {"pal:next-page": [], "pal:toggle": []}
    for _ in range(pages):
        person.answer()
        page.wait_for_timeout(1000)  # a quick person; pages are loaded ahead meanwhile
        for name, duration in page.evaluate(TAKE):
            durations[name].append(duration)
    durations["fetched"] = [page.evaluate(FETCHED) for _ in range(20)]
    durations["round trip"] = [page.evaluate(ROUND_TRIP) for _ in range(20)]
    return durations


def run(args: list[str]) -> list[Row]:
    """Answer pages by keyboard; ``--pages`` says how many."""
    parser = argparse.ArgumentParser(prog="page_latency")
    parser.add_argument("--pages", type=int, default=60)
    pages = parser.parse_args(args).pages
    browsing = importlib.import_module("browsing")
    with tempfile.TemporaryDirectory() as directory, browsing.chromium() as browser:
        server = Server(Path(directory) / "digits")
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(server.start())
            durations = measure(page, browsing.Person(page, true_digits(), pause=120), pages)
        finally:
            server.kill()
    p95 = {name: float(np.percentile(values, 95)) for name, values in durations.items()}
    return [
        row("next page painted, p95", p95["pal:next-page"], p95["fetched"], "ms", "< 100 ms"),
        row("toggle painted, p95", p95["pal:toggle"], p95["round trip"], "ms", "< 50 ms"),
    ]
