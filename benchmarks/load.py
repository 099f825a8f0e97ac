"""Many people at once, over real HTTP: nothing lost, no tile on two pages, no "locked", and how long they wait.

``--store sqlite`` is one server on SQLite; ``--store postgresql`` two servers on one PostgreSQL database, half of the
people at each. Everybody holds three pages as the page's code does, takes as long for one as the cost model of
:mod:`pal.cost` says (or ``--seconds``), errs now and then, and renews the leases. Afterwards the log is read from the
database: every answer sent must be there once, and no two pages that were open at once may share a tile.

Each latency is told twice: as the person meets it, and as the server says that it took, from the head of the request to
the head of the reply (``Server-Timing``). The people are threads of one process on the same machine, and what they take
from its processors is in the first alone. The rival is the least that keeps an answer: a bare server, in a process of
its own, that writes a row to an SQLite file with full sync, asked all the while; it meets the same machine.
"""

import argparse
import contextlib
import itertools
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._serving import Browser, Server, Unreachable, clumps, free_port, invited, postgres
from benchmarks.report import Row, row
from pal.answers import Question
from pal.beliefs import settle
from pal.cost import KEYS, n_clicks
from pal.items import Items
from pal.knowledge import known
from pal.labelers.people import Person
from pal.store.events import Answered, Event, new_id
from pal.store.fold import to_answers

AHEAD = 3
"""Pages that the page's code holds: one in front, two behind it."""

_RENEW = 20.0
_BARE = """
import http.server, sqlite3, sys, time
log = sqlite3.connect(sys.argv[2], isolation_level=None)
log.execute("PRAGMA journal_mode=WAL")
log.execute("PRAGMA synchronous=FULL")
log.execute("CREATE TABLE answers (body TEXT)")
class Bare(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        start = time.perf_counter()
        log.execute("INSERT INTO answers VALUES (?)", ("x" * 2000,))
        self.send_response(204)
        self.send_header("Server-Timing", f"total;dur={(time.perf_counter() - start) * 1000:.2f}")
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Bare).serve_forever()
"""


@dataclass
class Seen:
    """What happened to one person: latencies by kind of request, and the pages with when they were open."""

    latency: dict[str, list[float]] = field(default_factory=lambda: {"page": [], "answer": [], "renew": []})
    served: dict[str, list[float]] = field(default_factory=lambda: {"page": [], "answer": [], "renew": []})
    sent: list[str] = field(default_factory=list)
    open: list[tuple[float, float, list[str]]] = field(default_factory=list)
    locked: int = 0
    failed: list[str] = field(default_factory=list)
    waited: int = 0


@dataclass
class Somebody:
    """A simulated person at a browser."""

    name: str
    browser: Browser
    items: Items
    person: Person
    seconds: float | None
    rng: np.random.Generator
    seen: Seen = field(default_factory=Seen)
    held: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def work(self, until: float) -> None:
        """Answer pages until a moment (time.monotonic)."""
        time.sleep(self.rng.uniform(0.0, self.seconds or 8.0))  # people don't begin in step
        renewed = time.monotonic()
        while time.monotonic() < until:
            self._load_ahead()
            if not self.held:
                self.seen.waited += 1
                time.sleep(1.0)
                continue
            since, page = self.held.pop(0)
            relations = self._relations(page)
            time.sleep(self._think(page, relations))
            self._send(since, page, relations)
            if time.monotonic() - renewed > _RENEW:
                renewed = time.monotonic()
                self._ask("renew", "POST", "/api/renew", {"pages": [held["id"] for _, held in self.held]})

    def _load_ahead(self) -> None:
        while len(self.held) < AHEAD:
            hold = ",".join(page["id"] for _, page in self.held)
            said = self._ask("page", "GET", f"/api/page?hold={hold}")
            if said is None or "page" not in said:
                return
            self.held.append((time.monotonic(), said["page"]))

    def _send(self, since: float, page: dict[str, Any], relations: list[int]) -> None:
        event = {
            "kind": "answered",
            "id": new_id(),
            "time": time.time(),
            "page": page["id"],
            "template": page["template"]["id"],
            "items": [tile["id"] for tile in page["tiles"]],
            "relations": relations,
            "mode": page["mode"],
            "seconds": 5.0,
        }
        self.seen.sent.append(event["id"])
        self.seen.open.append((since, time.monotonic(), [*event["items"]]))
        while self._ask("answer", "POST", "/api/events", {"events": [event]}) is None:
            time.sleep(0.5)

    def _ask(self, kind: str, method: str, place: str, sent: Any = None) -> Any:
        """Reply as JSON; None if it failed, which is counted."""
        try:
            reply = self.browser.request(method, place, sent)
        except Unreachable as error:
            self.seen.failed.append(str(error))
            return None
        self.seen.latency[kind].append(reply.seconds * 1000.0)
        self.seen.served[kind].append(reply.served * 1000.0)
        if reply.status == 200:
            return reply.said
        self.seen.locked += "locked" in str(reply.said)
        self.seen.failed.append(f"{reply.status} {reply.said}")
        return None

    def _question(self, page: dict[str, Any]) -> Question:
        row = self.items.row
        return Question(row[page["template"]["id"]], np.array([row[t["id"]] for t in page["tiles"]]), page["mode"])

    def _relations(self, page: dict[str, Any]) -> list[int]:
        return [int(r) for r in self.person(self._question(page))]

    def _think(self, page: dict[str, Any], relations: list[int]) -> float:
        mean = self.seconds or KEYS.seconds(len(relations), n_clicks(np.array(relations), page["mode"]))
        return float(mean * self.rng.lognormal(-0.02, 0.2))


def bare_latency(file: Path, ended: threading.Event) -> tuple[list[float], list[float]]:
    """Milliseconds of requests to a bare server twice a second until ``ended``: met, and as it says."""
    port = free_port()
    words = [sys.executable, "-c", _BARE, str(port), str(file)]
    met, served = list[float](), list[float]()
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as bare:
        browser = Browser(f"http://127.0.0.1:{port}/")
        while not ended.wait(0.5):
            with contextlib.suppress(Unreachable):  # it needs a moment to start
                reply = browser.request("GET", "/")
                met.append(reply.seconds * 1000.0)
                served.append(reply.served * 1000.0)
        bare.kill()
    return met, served


def measure(options: argparse.Namespace, directory: Path) -> list[Row]:
    """Run the servers and the people, and check the log."""
    from pal.datasets import open_source

    source = directory / "clumps.npz"
    clumps(source, options.items, options.classes, seed=options.seed)
    items = open_source(source)
    assert items.labels is not None
    with contextlib.ExitStack() as opened:
        store = opened.enter_context(postgres()) if options.store == "postgresql" else None
        servers = [Server(directory / f"server-{i}", (str(source),), store) for i in range(1 if store is None else 2)]
        people: list[Somebody] = []
        for number, server in enumerate(servers):
            opened.callback(server.kill)
            address = server.start()
            names = [f"person {i}" for i in range(number, options.people, len(servers))]
            for i, (name, browser) in enumerate(zip(names, invited(server, address, names), strict=True)):
                person = Person(items.labels, misses=0.02, false_alarms=0.005, seed=number + i * len(servers))
                rng = np.random.default_rng((options.seed, number, i))
                people.append(Somebody(name, browser, items, person, options.seconds, rng))
        bare, ended = list[tuple[list[float], list[float]]](), threading.Event()
        probe = threading.Thread(target=lambda: bare.append(bare_latency(directory / "bare.sqlite", ended)))
        for somebody in people:  # everybody's first page is there: a server that starts is measured elsewhere
            while "page" not in somebody.browser.request("GET", "/api/page").said:
                time.sleep(0.5)
        before, start = sum(server.processor_seconds() for server in servers), time.monotonic()
        until = start + options.minutes * 60.0
        threads = [threading.Thread(target=somebody.work, args=(until,)) for somebody in people]
        for thread in (*threads, probe):
            thread.start()
        for thread in threads:
            thread.join()
        used = sum(server.processor_seconds() for server in servers) - before
        used /= time.monotonic() - start
        ended.set()
        probe.join()
        for server in servers:
            server.stop()
        log = read_log(servers[0])
    said = "".join(line for server in servers for line in server.said)
    told = to_answers([event for event in log if isinstance(event, Answered)], items.row)
    settled = int((settle(known(len(items), told)).label >= 0).sum())
    return rows_of(options, [somebody.seen for somebody in people], log, said, bare[0], used, settled)


def read_log(server: Server) -> list[Event]:
    """The log, from the database itself."""
    from pal.project.opening import open_store

    with contextlib.closing(open_store(server.directory, server.store)) as store:
        return [event for _, event in store.read_after(0)]


def shared_tiles(seen: list[Seen]) -> int:
    """How often an item was on a page while another page with it was open."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for person in seen:
        for since, until, tiles in person.open:
            for tile in tiles:
                spans.setdefault(tile, []).append((since, until))
    count = 0
    for times in spans.values():
        times.sort()
        count += sum(later[0] < earlier[1] for earlier, later in itertools.pairwise(times))
    return count


def rows_of(
    options: argparse.Namespace,
    seen: list[Seen],
    log: list[Event],
    said: str,
    bare: tuple[list[float], list[float]],
    used: float,
    settled: int,
) -> list[Row]:
    """Table of what happened; ``used`` is the share of a processor that the servers took."""
    sent = [event for person in seen for event in person.sent]
    logged = Counter(event.id for event in log)
    failed = Counter(why for person in seen for why in person.failed)
    for why, count in failed.most_common(5):
        print(f"{count} × {why[:200]}")
    print(said[-2000:] if "Traceback" in said else "", end="")
    what = f"{options.people} people, {options.minutes:g} min, {options.store}"
    none = "no rival"
    rows = [
        row(f"{what}: pages answered", len(sent), none, "pages", "-"),
        row(f"{what}: pages a second", len(sent) / (60.0 * options.minutes), none, "", "-"),
        row(f"{what}: tiles a page", float(np.mean([len(page[2]) for p in seen for page in p.open])), none, "", "-"),
        row(f"{what}: items settled by their answers, of {options.items:,}", settled, none, "items", "-"),
        row(f"{what}: processors of the servers, without learning", used, none, "", "-"),
        row(f"{what}: answers lost", sum(logged[event] == 0 for event in sent), none, "answers", "0"),
        row(f"{what}: answers twice in the log", sum(n > 1 for n in logged.values()), none, "answers", "0"),
        row(f"{what}: tiles on two open pages", shared_tiles(seen), none, "tiles", "0"),
        row(f"{what}: replies that say locked", sum(p.locked for p in seen) + said.count("locked"), none, "", "0"),
        row(f"{what}: requests that failed", sum(failed.values()), none, "requests", "0"),
        row(f"{what}: times without a page", sum(person.waited for person in seen), none, "", "0"),
    ]
    for kind in ("answer", "page", "renew"):
        for words, which, idle in (("", "latency", bare[0]), (" by the server", "served", bare[1])):
            milliseconds = np.concatenate([getattr(person, which)[kind] for person in seen])
            for share in (50, 95, 99) if len(milliseconds) else ():
                value = float(np.percentile(milliseconds, share))
                goal = "< 50 ms" if kind == "answer" and share == 99 else "-"
                rival = float(np.percentile(idle, share)) if idle else none
                rows.append(row(f"{what}: {kind}{words}, p{share}", value, rival, "ms", goal))
    return rows


def run(args: list[str]) -> list[Row]:
    """Run people against one store."""
    parser = argparse.ArgumentParser(prog="load", description=__doc__)
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, help="seconds a page; by default as the cost model of pal.cost says")
    parser.add_argument("--items", type=int, default=90_000, help="more than are settled in that time")
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(args)
    with tempfile.TemporaryDirectory() as directory:
        return measure(options, Path(directory))
