"""kill −9 of a real server at random moments while clients answer: nothing acknowledged is lost.

Two kinds of server, both uvicorn over HTTP with the log in SQLite: ``--kills`` of one that is forked from a process
which has everything imported (a start takes a fraction of a second), and ``--whole`` of ``pal annotate`` itself.
Clients send pages, names, flags and retractions all the while, and send again what was not acknowledged, with the same
id.
After each kill the log is read from the file before anything else opens it: every acknowledged event must be in it,
once, as it was sent. After each start, and now and then in the middle, what the server says of the state must equal an
independent fold of the log; at the end, once its model knows the whole log, what is told and deduced too, by a fit of
our own. A kill ends a process, not the machine: power cuts are the business of SQLite's full sync.
"""

import argparse
import contextlib
import multiprocessing
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from benchmarks._serving import Browser, Server, Unreachable, clumps, free_port
from benchmarks.report import Row, row
from pal.items import Items
from pal.knowledge import Knowledge, known
from pal.learner import prepare
from pal.posterior import believe
from pal.project.ledger import is_page
from pal.project.standing import standing
from pal.store.events import Event, from_json, new_id
from pal.store.fold import fold, to_answers

PERSON = "person"
_TILES = 5
_TOGETHER = 25  # a look at the running server's state every so many kills


def serve_forked(source: str, directory: str, port: int) -> None:
    """A server in this process, for ever; nobody has to sign in."""
    import uvicorn

    from pal.project import Project
    from pal.web.app import create_app

    with Project.create_or_open(source, Path(directory), oracle="captcha", page_size=_TILES) as project:
        app = create_app(project, token=None)
        uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", access_log=False)).run()


@dataclass
class Forked:
    """Server forked from a process that has imported everything."""

    source: Path
    directory: Path
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["uvicorn", "pal.web.app", "sklearn.neighbors", "sknetwork.clustering"])
        self._process: Any = None

    def start(self) -> Browser:
        """Start, and return a connection once it answers."""
        words = (str(self.source), str(self.directory), self.port)
        self._process = self._context.Process(target=serve_forked, args=words, daemon=True)
        self._process.start()
        return answering(Browser(f"http://127.0.0.1:{self.port}/"), lambda: self._process.is_alive())

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.join()


class Whole:
    """``pal annotate``, with sign-in, cookies and all."""

    def __init__(self, source: Path, directory: Path) -> None:
        self._server = Server(directory, (str(source), "--oracle", "captcha", "--page-size", str(_TILES)))
        self._cookie = ""
        self.port = self._server.port

    def start(self) -> Browser:
        """Start, and return a signed-in connection once it answers; the first cookie is good for all starts."""
        address = self._server.start()
        browser = answering(Browser(address), lambda: True, place="/static/icon.svg")
        if not self._cookie:
            browser.sign_in(address)
            self._cookie = browser.cookie
        browser.cookie = self._cookie
        return browser

    def kill(self) -> None:
        """SIGKILL."""
        self._server.kill()


def answering(browser: Browser, alive: Callable[[], bool], *, place: str = "/api/progress") -> Browser:
    """Wait until a server answers."""
    until = time.monotonic() + 120.0
    while time.monotonic() < until and alive():
        with contextlib.suppress(Unreachable):
            browser.request("GET", place)
            return browser
        time.sleep(0.005)
    raise RuntimeError("the server didn't start")


@dataclass
class Clients:
    """Threads that send events for ever; what is acknowledged is remembered."""

    items: Items
    seed: int
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    going: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    busy: list[bool] = field(default_factory=list)
    server: tuple[int, str] = (0, "")

    def start(self, n_clients: int) -> list[threading.Thread]:
        """Begin; they wait until ``going`` is set."""
        self.busy = [False] * n_clients
        threads = [threading.Thread(target=self._work, args=(i,), daemon=True) for i in range(n_clients)]
        for thread in threads:
            thread.start()
        return threads

    def pause(self) -> None:
        """Let everybody end what they are at."""
        self.going.clear()
        while any(self.busy):
            time.sleep(0.005)

    def _work(self, number: int) -> None:
        rng = np.random.default_rng((self.seed, number))
        browser, mine, parcel = Browser(f"http://127.0.0.1:{self.server[0]}/"), list[str](), list[dict[str, Any]]()
        while not self.ended.is_set():
            if not self.going.wait(0.05):
                continue
            self.busy[number] = True
            if self.going.is_set():
                browser.cookie = self.server[1]
                parcel = parcel or self._parcel(rng, mine)
                try:
                    reply = browser.request("POST", "/api/events", {"events": parcel})
                except Unreachable:
                    self.busy[number] = False
                    time.sleep(0.01)
                    continue
                if reply.status == 200:
                    self.acknowledged.update((event["id"], event) for event in parcel)
                    mine += [event["id"] for event in parcel if event["kind"] == "answered"]
                    parcel = []
                elif reply.status < 500:
                    self.refused.append(f"{reply.status} {reply.said}")
                    parcel = []
            self.busy[number] = False

    def _parcel(self, rng: np.random.Generator, mine: list[str]) -> list[dict[str, Any]]:
        """One act: mostly a page, at times with a retraction before it, a name, or a flag."""
        assert self.items.labels is not None
        about = {"time": time.time()}
        chosen = rng.choice(len(self.items), _TILES + 1, replace=False)
        same = self.items.labels[chosen[1:]] == self.items.labels[chosen[0]]
        wrong = rng.random(_TILES) < 0.02
        page = about | {
            "kind": "answered",
            "id": new_id(),
            "page": new_id(),
            "template": self.items.id[chosen[0]],
            "items": [self.items.id[i] for i in chosen[1:]],
            "relations": [1 if yes else -1 for yes in same ^ wrong],
            "mode": "same",
            "seconds": 5.0,
        }
        kind = rng.random()
        if kind < 0.1 and mine:
            return [about | {"kind": "retracted", "id": new_id(), "event": mine.pop()}, page]
        if kind < 0.2:
            item = self.items.id[int(rng.integers(len(self.items)))]
            return [about | {"kind": "named", "id": new_id(), "item": item, "name": f"name {rng.integers(9)}"}]
        if kind < 0.21:
            item = self.items.id[int(rng.integers(len(self.items)))]
            return [about | {"kind": "flagged", "id": new_id(), "item": item, "reason": "broken"}]
        return [page]


@dataclass
class Found:
    """What went wrong, and how much was at stake."""

    kills: int = 0
    lost: int = 0
    changed: int = 0
    twice: int = 0
    unequal: int = 0
    acknowledged: int = 0
    starts: list[float] = field(default_factory=list)


def read_file(log: Path) -> Iterator[Event]:
    """The log, read by nothing of ours but the JSON."""
    with contextlib.closing(sqlite3.connect(log)) as connection:
        for (body,) in connection.execute("SELECT body FROM events ORDER BY position"):
            yield from_json(body)


def rebuilt(items: Items, log: list[Event]) -> tuple[dict[str, int], Knowledge]:
    """State, and what is known, by an independent fold of the whole log."""
    folded = fold(log)
    pages = [event for event in folded.answered if is_page(event)]
    knowledge = known(len(items), to_answers(folded.answered, items.row))
    state = {
        "pages": len(pages),
        "answers": sum(len(event.relations) - event.relations.count(0) for event in pages),
        "flagged": len(folded.flagged),
        "position": len(log),
        "contradictions": len(knowledge.contradictions),
    }
    return state, knowledge


def told(browser: Browser) -> dict[str, int]:
    """The state as a server says; what contradicts is implied by all the answers, whatever a model holds of them."""
    said = browser.request("GET", "/api/progress").said
    contradictions = browser.request("GET", "/api/review").said["n_contradictions"]
    return {name: said[name] for name in ("pages", "answers", "flagged", "position")} | {
        "contradictions": contradictions
    }


def differs(browser: Browser, items: Items, log: list[Event]) -> bool:
    """Whether a server's state isn't that of the log."""
    (ours, _), theirs = rebuilt(items, log), told(browser)
    if ours != theirs:
        print(f"unequal: the log says {ours}, the server {theirs}")
    return ours != theirs


def settles_otherwise(browser: Browser, items: Items, x: ndarray, log: list[Event]) -> bool:
    """Whether other items are told or deduced than a fit of our own to the whole log says.

    The server's model gets a minute to know the whole log as well.
    """
    _, knowledge = rebuilt(items, log)
    ours = np.bincount(standing(knowledge, believe(prepare(x).near, knowledge)).source, minlength=3)[::-1].tolist()
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        said = browser.request("GET", "/api/progress").said
        theirs = [said["told"], said["deduced"]]
        if theirs == ours[:2]:
            print(f"at the end: {theirs[0]} told and {theirs[1]} deduced, as by a fit to the log")
            return False
        time.sleep(0.5)
    print(f"unequal: by a fit to the log {ours[:2]} are told and deduced, the server says {theirs}")
    return True


def crash(
    server: Forked | Whole, clients: Clients, x: ndarray, log: Path, kills: int, rng: np.random.Generator
) -> Found:
    """Kill and start, again and again."""
    found = Found()
    for number in range(kills):
        begun = time.perf_counter()
        browser = server.start()
        found.starts.append(time.perf_counter() - begun)
        found.unequal += differs(browser, clients.items, list(read_file(log)))
        clients.server = (server.port, browser.cookie)
        if not clients.busy:
            clients.start(4)
        clients.going.set()
        time.sleep(float(rng.uniform(0.0, 0.25)))
        if number % _TOGETHER == 0:
            clients.pause()
            found.unequal += differs(browser, clients.items, list(read_file(log)))
            clients.going.set()
            time.sleep(0.05)
        server.kill()
        clients.going.clear()
        time.sleep(0.02)
        browser.close()
        found.kills += 1
        check(found, dict(clients.acknowledged), list(read_file(log)))
        if (number + 1) % 100 == 0:
            print(f"{number + 1} kills, {len(clients.acknowledged)} events acknowledged")
    clients.ended.set()
    browser = server.start()
    found.unequal += settles_otherwise(browser, clients.items, x, list(read_file(log)))
    server.kill()
    browser.close()
    return found


def check(found: Found, acknowledged: dict[str, dict[str, Any]], log: list[Event]) -> None:
    """Compare what was acknowledged with what is in the file."""
    there = {event.id: event for event in log}
    found.twice += len(log) - len(there)
    found.acknowledged = len(acknowledged)
    for name, sent in acknowledged.items():
        event = there.get(name)
        if event is None:
            found.lost += 1
        elif any(_plain(getattr(event, key)) != value for key, value in sent.items()):
            found.changed += 1


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def rows_of(what: str, found: Found, refused: list[str]) -> list[Row]:
    """Table of one kind of server."""
    none = "no rival"
    return [
        row(f"{what}: kills", found.kills, none, "kills", "-"),
        row(f"{what}: events acknowledged", found.acknowledged, none, "events", "-"),
        row(f"{what}: acknowledged and lost", found.lost, none, "events", "0"),
        row(f"{what}: acknowledged and otherwise in the log", found.changed, none, "events", "0"),
        row(f"{what}: twice in the log", found.twice, none, "events", "0"),
        row(f"{what}: states unlike a rebuild", found.unequal, none, "states", "0"),
        row(f"{what}: refused", len(refused), none, "parcels", "0"),
        row(f"{what}: start, median", float(np.median(found.starts)), none, "s", "-"),
    ]


def run(args: list[str]) -> list[Row]:
    """Kill servers of both kinds."""
    parser = argparse.ArgumentParser(prog="crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="of the forked server")
    parser.add_argument("--whole", type=int, default=100, help="of pal annotate")
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(args)
    os.environ["OMP_NUM_THREADS"] = "1"
    from pal.datasets import open_source

    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as home:
        source = Path(home) / "clumps.npz"
        clumps(source, options.items, 6)
        items = open_source(source)
        x = np.load(source)["x"].astype(np.float64)
        for what, make, kills in (("forked", Forked, options.kills), ("pal annotate", Whole, options.whole)):
            if kills:
                directory = Path(home) / what.replace(" ", "-")
                server, clients = make(source, directory), Clients(items, options.seed)
                rng = np.random.default_rng((options.seed, kills))
                found = crash(server, clients, x, directory / "log.sqlite", kills, rng)
                rows += rows_of(what, found, clients.refused)
    return rows
