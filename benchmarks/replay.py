"""Replay of a long log: a million tile answers from SQLite to knowledge, and one page more.

The rival is the same log with every event checked again as if it came from elsewhere (:func:`from_json`).
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import Row, row
from pal.items import Items
from pal.project.ledger import Ledger
from pal.store import Answered, Event
from pal.store.events import from_json, to_json
from pal.store.sql import SqlStore


def write_log(path: Path, ids: list[str], labels: np.ndarray, n_answers: int, *, rng: np.random.Generator) -> None:
    """Pages of 15 tiles against a template of each class, with some mistakes, as a big project would hold."""
    SqlStore(path).close()
    templates = [int(np.flatnonzero(labels == c)[0]) for c in range(int(labels.max()) + 1)]
    with sqlite3.connect(path) as connection:
        for start in range(0, n_answers, 15):
            template = templates[int(rng.integers(len(templates)))]
            tiles = rng.choice(len(ids), 16, replace=False)
            tiles = tiles[tiles != template][:15]
            right = (labels[tiles] == labels[template]) ^ (rng.random(len(tiles)) < 0.001)
            event = Answered(
                labeler=f"person {start % 5}",
                page=f"{start:032x}",
                template=ids[template],
                items=tuple(ids[i] for i in tiles),
                relations=tuple(1 if yes else -1 for yes in right),
                seconds=6.5,
                toggles=tuple((ids[i], 1.5) for i in tiles[:3]),
            )
            connection.execute("INSERT INTO events (id, body) VALUES (?, ?)", (event.id, to_json(event)))


def checked_log(path: Path) -> list[tuple[int, Event]]:
    """The log, each event checked."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT position, body FROM events ORDER BY position").fetchall()
    return [(position, from_json(body)) for position, body in rows]


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, process CPU seconds and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = call()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def page_of(items: Items, labels: np.ndarray, rng: np.random.Generator) -> Answered:
    """One more page."""
    template, *tiles = rng.choice(len(items), 16, replace=False).tolist()
    relations = tuple(1 if labels[i] == labels[template] else -1 for i in tiles)
    about = {"page": "p", "template": items.id[template], "items": tuple(items.id[i] for i in tiles)}
    return Answered(labeler="person 0", relations=relations, **about)


def run(args: list[str]) -> list[Row]:
    """Write a log, replay it, add pages."""
    parser = argparse.ArgumentParser(prog="replay", description=__doc__)
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--pages", type=int, default=200)
    options = parser.parse_args(args)
    rng = np.random.default_rng(0)
    labels = rng.integers(options.classes, size=options.items)
    items = items_of(options.items)
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "log.sqlite"
        write_log(path, list(items.id), labels, options.answers, rng=rng)
        store = SqlStore(path)
        _, checked, _ = timed(lambda: Ledger(items, checked_log(path)))
        ledger, cpu, wall = timed(lambda: Ledger(items, store.read_after(0)))
        _, differing, _ = timed(lambda: ledger.knowledge.differing)
        pages, groups = [], []
        for number in range(options.pages):
            event = page_of(items, labels, rng)
            _, seconds, _ = timed(partial(ledger.add, options.answers + number, event))
            pages.append(seconds * 1e3)
            _, seconds, _ = timed(lambda: (ledger.knowledge.group, ledger.knowledge.differing))
            groups.append(seconds * 1e3)
        store.close()
    what = f"{options.answers:,} tile answers"
    none = "no rival"
    return [
        row(f"{what}: from SQLite to knowledge, CPU", cpu, checked, "s", "≤ 3 s"),
        row(f"{what}: the same, wall", wall, none, "s", "-"),
        row("one page more: knowledge, median", float(np.median(pages)), none, "ms", "≤ 1 ms"),
        row("one page more: knowledge, p95", float(np.percentile(pages, 95)), none, "ms", "-"),
        row("groups that differ, anew", differing * 1e3, none, "ms", "-"),
        row("groups and what differs, after a page, median", float(np.median(groups)), none, "ms", "-"),
    ]


def items_of(n_items: int) -> Items:
    """Items with made-up ids."""
    ids = [f"{i:064x}" for i in range(n_items)]
    return Items("made up", "text", tuple(ids), tuple(ids), (None,) * n_items)
