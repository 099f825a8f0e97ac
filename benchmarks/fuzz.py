"""Requests made up from the HTTP interface's own description (OpenAPI): none may break the server, nothing may be lost.

schemathesis makes the requests, right and wrong ones in turn, from the description alone; half of the ids in them are
replaced by those of items, events, pages and exports that there are, and of people who were invited, or else nearly all
would end at "no such item". The operations come in rounds, so that what one leaves behind meets all the others.
Afterwards every event that was accepted must be in the log once, as it was sent; what was in the log before must be
there unchanged; and the state must equal one that is rebuilt from the log.
"""

import argparse
import copy
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._serving import clumps
from benchmarks.report import Row, row
from pal.store import Event
from pal.store.fold import fold, to_answers

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from pal.project import Project

_FEW = {("POST", "/api/export"): 20}
"""Requests that take seconds each: so many of them at most."""

_MANY = {("POST", "/api/events"): 6}
"""Requests that matter most, with their weight against the others."""

_ROUND = 200
"""Requests of one operation in a row, at most."""

_ITEM = re.compile(r"[0-9a-f]{64}")
_PLACES = {"item": re.compile(r"(?<=/)[0-9a-f]{64}(?=/|$)"), "export": re.compile(r"(?<=/)[0-9a-f]{32}(?=\.zip$)")}
"""Ids within addresses."""

_GIVE = {
    "GET /api/page": ("page", "page", "id"),
    "POST /api/ask": ("page", "page", "id"),
    "GET /api/export": ("format", "formats"),
    "POST /api/export": ("export", "id"),
    "POST /api/flag": ("event", "events"),
    "POST /api/groups/rename": ("event", "events"),
    "POST /api/groups/merge": ("event", "events"),
    "POST /api/groups/split": ("event", "events"),
    "POST /api/team/invite": ("name", "name"),
}
"""Which kind of id a reply gives away, and where."""

_TAKE = {"page": "page", "pages": "page", "hold": "page", "event": "event", "name": "name", "formats": "format"}
"""Which kind of id a request takes under a name; those of items are known by their length."""

_KEPT = 200
"""Ids of a kind to choose from: the last ones."""


@dataclass
class Fuzzed:
    """What came of it: replies by status, requests that worked, ids that replies gave away by kind, and the rest."""

    statuses: Counter[int] = field(default_factory=Counter)
    worked: Counter[str] = field(default_factory=Counter)
    links: dict[str, list[str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    lost: int = 0
    changed: int = 0
    rebuilt: bool = True


def fuzz(project: "Project", client: "TestClient", n_requests: int, *, seed: int = 0) -> Fuzzed:
    """Send so many requests, spread evenly over the operations."""
    found = Fuzzed()
    rng = np.random.default_rng(seed)
    before = project.store.read_after(0)
    for method, place, case in cases(client.get("/api/openapi.json").json(), n_requests, seed=seed):
        send(project, client, case, found, rng, f"{method} {place}")
    verify(project, before, found)
    return found


def cases(description: dict[str, Any], n_requests: int, *, seed: int) -> Iterator[tuple[str, str, Any]]:
    """Requests by operation, right and wrong ones in turn."""
    import schemathesis
    from schemathesis import GenerationMode

    schema = schemathesis.openapi.from_dict(description)
    operations = {(o.method.upper(), o.path): o for o in map(_ok, schema.get_all_operations())}
    few = {key: min(_FEW[key], n_requests // 100) for key in operations.keys() & _FEW}
    weight = {key: _MANY.get(key, 1) for key in operations.keys() - _FEW}
    each = (n_requests - sum(few.values())) / sum(weight.values())
    counts = {key: few[key] if key in few else int(np.ceil(each * weight[key])) for key in operations}
    rounds = -(-max(counts.values(), default=0) // _ROUND)
    for number in range(rounds):
        for key, operation in operations.items():
            count = counts[key] * (number + 1) // rounds - counts[key] * number // rounds
            made: list[Any] = []
            for wrong, mode in enumerate((GenerationMode.POSITIVE, GenerationMode.NEGATIVE)):
                strategy = operation.as_strategy(generation_mode=mode)
                made += drawn(strategy, (count + 1 - wrong) // 2, seed=2 * (rounds * seed + number) + wrong)
            # Where little can be asked, the same comes again: it meets another state.
            for case in islice(cycle(made), count):
                yield *key, case


def _ok(found: Any) -> Any:
    return found.ok()


def drawn(strategy: Any, count: int, *, seed: int) -> list[Any]:
    """So many examples of a strategy, by chunks: hypothesis stops by itself where a strategy has few."""
    import hypothesis
    from hypothesis.errors import Unsatisfiable

    kept: list[Any] = []
    for chunk in range(0, count, 100):

        @hypothesis.seed(seed * 1000 + chunk)
        @hypothesis.settings(
            max_examples=min(100, count - chunk),
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(strategy)
        def keep(case: Any) -> None:
            kept.append(case)

        try:
            keep()
        except Unsatisfiable:  # nothing can be wrong where nothing is asked for
            break
    return kept


def send(
    project: "Project", client: "TestClient", case: Any, found: Fuzzed, rng: np.random.Generator, what: str
) -> None:
    """Send one request and remember what came back."""
    words = words_of(project, case, found, rng, what)
    sent: Any = copy.deepcopy(words.get("json"))
    reply = client.request(
        **{
            name: words[name]
            for name in ("method", "url", "params", "headers", "json", "data")
            if words.get(name) is not None
        }
    )
    found.statuses[reply.status_code] += 1
    if reply.status_code >= 500:
        found.broken.append(f"{what}: {reply.status_code} {reply.text[:200]}; sent {str(sent)[:300]}")
    if reply.status_code == 200:
        found.worked[what] += 1
        learn(what, reply, found)
    if what == "POST /api/events" and reply.status_code == 200:
        for event in sent["events"]:
            found.accepted.setdefault(event["id"], event)


def words_of(project: "Project", case: Any, found: Fuzzed, rng: np.random.Generator, what: str) -> dict[str, Any]:
    """What to send for a case, with ids that there are."""
    known = found.links | {"item": list(project.items.id), "event": list(found.accepted) + found.links.get("event", [])}
    words: dict[str, Any] = case.as_transport_kwargs()
    if what.startswith("POST") and words.get("json") is None and words.get("data") is None:
        words["json"] = {}  # without a body it isn't JSON, and goes no further than the gate
    for name in ("json", "params"):
        if name in words:
            words[name] = _with_known(words[name], known, rng)
    # Of the path, only ids that are whole.
    for kind, place in _PLACES.items():
        if there := place.search(words["url"]):
            words["url"] = place.sub(_one_of(kind, there.group(), known, rng), words["url"])
    if what == "POST /api/events" and rng.random() < 0.5:
        _mend(words.get("json"))
    return words


def learn(what: str, reply: Any, found: Fuzzed) -> None:
    """Remember the ids that a reply gives away."""
    if what not in _GIVE:
        return
    kind, *keys = _GIVE[what]
    value = reply.json()
    for key in keys:
        value = value.get(key) if value is not None else None
    links = found.links.setdefault(kind, [])
    links += value if isinstance(value, list) else [] if value is None else [value]
    del links[:-_KEPT]


def verify(project: "Project", before: list[tuple[int, Event]], found: Fuzzed) -> None:
    """Look for what was lost or changed."""
    log = project.store.read_after(0)
    there = {event.id: event for _, event in log}
    found.changed += log[: len(before)] != before
    for name, sent in found.accepted.items():
        event = there.get(name)
        found.lost += event is None
        if event is not None:
            found.changed += any(_plain(getattr(event, key)) != _plain(value) for key, value in sent.items())
    folded = fold(event for _, event in log)
    from pal.knowledge import known

    anew = known(len(project.items), to_answers(folded.answered, project.items.row))
    now = project.now()
    found.rebuilt = bool(
        (anew.group == now.knowledge.group).all()
        and {event.id for event in now.answered} == {event.id for event in folded.answered}
        and set(now.flags) == set(folded.flagged)
    )


def _with_known(value: Any, known: dict[str, list[str]], rng: np.random.Generator, key: str = "") -> Any:
    """Replace half of the ids by known ones; ``key`` is what they stand under."""
    if isinstance(value, dict):
        return {name: _with_known(one, known, rng, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_known(one, known, rng, key) for one in value]
    if isinstance(value, str):
        return _one_of("item" if _ITEM.fullmatch(value) else _TAKE.get(key, ""), value, known, rng)
    return value


def _one_of(kind: str, value: str, known: dict[str, list[str]], rng: np.random.Generator) -> str:
    """A known id of a kind, or half of the time, and where none is known, the value as it is."""
    ids = known.get(kind, [])
    return ids[int(rng.integers(len(ids)))] if ids and rng.random() < 0.5 else value


def _mend(body: Any) -> None:
    """Give pages one relation a tile, and each tile once: by chance alone that never happens."""
    events = body.get("events") if isinstance(body, dict) else None
    for event in events if isinstance(events, list) else []:
        if (
            isinstance(event, dict)
            and isinstance(event.get("items"), list)
            and isinstance(event.get("relations"), list)
        ):
            tiles = [item for item in dict.fromkeys(map(str, event["items"])) if item != event.get("template")]
            event["items"] = tiles
            event["relations"] = [[1, -1, 0][i % 3] for i in range(len(tiles))]


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def run(args: list[str]) -> list[Row]:
    """Fuzz the application over small embeddings."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(args)
    from starlette.testclient import TestClient

    from pal.project import Project
    from pal.store.accounts import Accounts
    from pal.store.tables import SqlLog
    from pal.web.app import create_app

    with tempfile.TemporaryDirectory() as home:
        source = Path(home) / "clumps.npz"
        clumps(source, options.items, 4)
        with Project.create_or_open(source, oracle="captcha", page_size=5) as project:
            log = project.store
            assert isinstance(log, SqlLog)
            app = create_app(project, token=None, accounts=Accounts(log))
            with TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
                found = fuzz(project, client, options.requests, seed=options.seed)
    for line, count in Counter(found.broken).most_common(10):
        print(f"{count} × {line}")
    print("replies by status:", dict(sorted(found.statuses.items())))
    print("requests that did what they asked for:", dict(found.worked.most_common()))
    none = "no rival"
    return [
        row("requests", found.statuses.total(), none, "requests", "10,000"),
        row("replies of status 5xx", len(found.broken), none, "replies", "0"),
        row("events accepted", len(found.accepted), none, "events", "-"),
        row("accepted and lost", found.lost, none, "events", "0"),
        row("accepted and otherwise in the log", found.changed, none, "events", "0"),
        row("states unlike a rebuild", float(not found.rebuilt), none, "states", "0"),
    ]
