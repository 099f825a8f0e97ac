"""A tired person, and whether the audit tells the truth.

``--pages``: one person at a real server answers pages over HTTP as the page's code would: misses more the longer the
work takes and the rarer targets are, hesitates over tiles, is unsure, skips, calls a template unclear, flags, goes back
to earlier pages and changes them. ``--browser``: some pages of it in a real Chromium, by keyboard. Afterwards the log
must hold what the person said last of each page, and nothing else.

``--projects``: small projects of digits, in process, each by another person who errs at another rate; at the end of
each a random audit by the same person. Counted is how often the audited interval covers the true accuracy, that of the
predicted labels and that of all.
"""

import argparse
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._serving import Browser, Server
from benchmarks.load import read_log
from benchmarks.report import Row, row
from pal.answers import Question
from pal.items import Items
from pal.labelers.people import Person
from pal.store.events import Answered, new_id
from pal.store.fold import fold

sys.path.append(str(Path(__file__).parents[1] / "tests" / "web"))

AHEAD = 3
_BACK = 8  # pages a person goes back at most

Said = dict[str, tuple[tuple[str, int], ...]]


def digits_items() -> Items:
    """The demo, with the true digits."""
    from sklearn.datasets import load_digits

    from pal.datasets.digits import digits

    items, target = digits(), load_digits().target
    labels = np.array([int(target[int(name.split()[-1])]) for name in items.name])
    return replace(items, labels=labels)


@dataclass
class Tired:
    """Somebody who errs more with every page; remembers what was said last of each page."""

    browser: Browser
    items: Items
    rng: np.random.Generator
    held: list[dict[str, Any]] = field(default_factory=list)
    past: list[tuple[dict[str, Any], str, list[int]]] = field(default_factory=list)
    said: dict[str, dict[str, int]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    acts: dict[str, int] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)

    def work(self, n_pages: int) -> None:
        """Answer so many pages."""
        while len(self.said) < n_pages:
            if not self._load_ahead():
                self._act("no page")
                time.sleep(0.5)
                if self.acts["no page"] > 100:
                    return
                continue
            page, tiredness = self.held.pop(0), len(self.said) / n_pages
            self._answer(page, self._relations(page, tiredness), tiredness)
            if self.past and self.rng.random() < 0.06:
                self._change()
            if self.rng.random() < 0.01:
                self._flag(page)

    def _relations(self, page: dict[str, Any], tiredness: float) -> list[int]:
        assert self.items.labels is not None
        person = Person(
            self.items.labels,
            misses=0.01 + 0.09 * tiredness,
            false_alarms=0.002 + 0.02 * tiredness,
            refusal=0.01 + 0.02 * tiredness,
        )
        row = self.items.row
        tiles = np.array([row[tile["id"]] for tile in page["tiles"]])
        return [int(r) for r in person(Question(row[page["template"]["id"]], tiles, page["mode"]))]

    def _answer(self, page: dict[str, Any], relations: list[int], tiredness: float) -> None:
        note, chance = "", self.rng.random()
        if chance < 0.02:
            note = "skipped" if chance < 0.01 else "unclear"
            relations = [0] * len(relations)
            self._act(note)
        hesitant = self.rng.random(len(relations)) < 0.02 + 0.1 * tiredness
        toggles = [[tile["id"], 1.0 + i] for i, tile in enumerate(page["tiles"]) for _ in range(2 * hesitant[i])]
        self._act("hesitations", int(hesitant.sum()))
        self._act("unsure", relations.count(0))
        self._send([self._event(page, relations, note, toggles)])
        self.past.append((page, self.sent[-1], relations))

    def _change(self) -> None:
        """Go back to an earlier page and say otherwise of one tile, or of none."""
        at = int(self.rng.integers(max(len(self.past) - _BACK, 0), len(self.past)))
        page, before, relations = self.past[at]
        if not relations or self.rng.random() < 0.3:
            self._act("looked back")
            return
        changed = list(relations)
        tile = int(self.rng.integers(len(changed)))
        changed[tile] = -changed[tile] or 1
        taken_back = {"kind": "retracted", "id": new_id(), "time": time.time(), "event": before}
        self._send([taken_back, self._event(page, changed, "", [])])
        self.past[at] = (page, self.sent[-1], changed)
        self._act("changed")

    def _flag(self, page: dict[str, Any]) -> None:
        event = {"kind": "flagged", "id": new_id(), "time": time.time(), "item": page["tiles"][0]["id"]}
        self._send([event | {"reason": "unsuitable"}])
        self._act("flagged")

    def _event(self, page: dict[str, Any], relations: Sequence[int], note: str, toggles: list[Any]) -> dict[str, Any]:
        tiles = [tile["id"] for tile in page["tiles"]]
        self.said[page["id"]] = dict(zip(tiles, relations, strict=True))
        about = {"kind": "answered", "id": new_id(), "time": time.time(), "page": page["id"], "seconds": 6.0}
        shown = {"template": page["template"]["id"], "items": tiles, "relations": list(relations), "mode": page["mode"]}
        return about | shown | {"note": note, "toggles": toggles}

    def _send(self, events: list[dict[str, Any]]) -> None:
        self.sent += [event["id"] for event in events]
        reply = self.browser.request("POST", "/api/events", {"events": events})
        if reply.status != 200:
            raise RuntimeError(f"an answer was refused: {reply.said}")
        self.took.append(reply.seconds * 1000.0)
        if self.rng.random() < 0.02:  # a reply lost on the way: the same again
            self.browser.request("POST", "/api/events", {"events": events})
            self._act("sent twice")

    def _load_ahead(self) -> bool:
        while len(self.held) < AHEAD:
            said = self.browser.request("GET", "/api/page?hold=" + ",".join(page["id"] for page in self.held)).said
            if "page" not in said:
                break
            self.held.append(said["page"])
        return bool(self.held)

    def _act(self, what: str, count: int = 1) -> None:
        self.acts[what] = self.acts.get(what, 0) + count


def session(n_pages: int, home: Path, *, seed: int) -> list[Row]:
    """The tired person's pages over HTTP."""
    server = Server(home / "tired")
    try:
        address = server.start()
        browser = Browser(address)
        browser.sign_in(address)
        tired = Tired(browser, digits_items(), np.random.default_rng(seed))
        tired.work(n_pages)
    finally:
        server.stop()
    log = read_log(server)
    folded = fold(log)
    counts = {event.page: dict(zip(event.items, event.relations, strict=True)) for event in folded.answered}
    print("the person:", json.dumps(tired.acts))
    none = "no rival"
    return [
        row("tired: pages answered", len(tired.said), none, "pages", "200"),
        row("tired: events sent", len(tired.sent), none, "events", "-"),
        row("tired: not in the log", len(set(tired.sent) - {event.id for event in log}), none, "events", "0"),
        row(
            "tired: in the log and never sent", len({event.id for event in log} - set(tired.sent)), none, "events", "0"
        ),
        row("tired: twice in the log", len(log) - len({event.id for event in log}), none, "events", "0"),
        row("tired: pages whose last word isn't what counts", _unlike(tired.said, counts), none, "pages", "0"),
        row("tired: pages counted twice", len(folded.answered) - len(counts), none, "pages", "0"),
        row("tired: answer, p95", float(np.percentile(tired.took, 95)), none, "ms", "-"),
    ]


def _unlike(one: dict[str, dict[str, int]], other: dict[str, dict[str, int]]) -> int:
    return sum(one.get(page) != other.get(page) for page in one.keys() | other.keys())


def in_browser(n_pages: int, home: Path, *, seed: int) -> list[Row]:
    """The same by keyboard in a real Chromium: hesitations, unsure tiles, going back, a reload."""
    browsing = importlib.import_module("browsing")
    items, rng = digits_items(), np.random.default_rng(seed)
    assert items.labels is not None
    kinds = dict(zip(items.id, items.labels.tolist(), strict=True))
    server = Server(home / "browser")
    said: list[tuple[str, tuple[tuple[str, int], ...]]] = []
    try:
        with browsing.chromium() as chromium:
            page = chromium.new_page(viewport={"width": 1280, "height": 800})
            page.goto(server.start())
            person = browsing.Person(page, kinds)
            for number in range(n_pages):
                if number % 5 == 4:
                    page.keyboard.press("Backspace")
                    person.look()
                    page.keyboard.press("Shift+" + browsing.KEYS[0])
                    relations = dict(said.pop()[1])
                    again = person.look()
                    unsure = again.marks[0] == "unsure"
                    person.submit(again, {})
                    first = again.items[0]
                    right = 1 if (again.mode == "same") else -1
                    relations[first] = 0 if unsure else -right
                    said.append((again.template, tuple(relations.items())))
                if number % 7 == 3:
                    page.reload()
                shown = person.look()
                person.select(shown)
                relations = person.truth(shown)
                for key, item in zip(browsing.KEYS, shown.items, strict=False):
                    if rng.random() < 0.1:  # a hesitation: on and off again
                        page.keyboard.press(key)
                        page.keyboard.press(key)
                    elif rng.random() < 0.05 + 0.1 * number / n_pages:  # a slip
                        page.keyboard.press(key)
                        relations[item] = -relations[item]
                person.submit(shown, {})
                said.append((shown.template, tuple(relations.items())))
            person.wait_for_light("saved")
    finally:
        server.stop()
    counting = fold(read_log(Server(server.directory))).answered
    logged = [(event.template, tuple(zip(event.items, event.relations, strict=True))) for event in counting]
    wrong = sum(one not in logged for one in said) + sum(one not in said for one in logged)
    none = "no rival"
    return [
        row("tired, in a browser: pages", len(said), none, "pages", "-"),
        row("tired, in a browser: pages whose last word isn't what counts", wrong, none, "pages", "0"),
    ]


@dataclass(frozen=True)
class Outcome:
    """One simulated project: true accuracies and the intervals that the report gave for them."""

    predicted: float
    predicted_interval: tuple[float, float]
    everything: float
    interval: tuple[float, float]


def simulated(home: Path, n_items: int, n_pages: int, n_audited: int, *, seed: int) -> Outcome:
    """One project: pages by a person who errs, then an audit by the same person, then the truth."""
    from pal.project import NoPage, Project, auditing, report

    rng = np.random.default_rng(seed)
    everything = digits_items()
    assert everything.labels is not None
    assert everything.vectors is not None
    chosen = rng.choice(len(everything), n_items, replace=False)
    source = home / f"{seed}.npz"
    np.savez(source, x=everything.vectors[chosen], y=everything.labels[chosen])
    with Project.create_or_open(source, seed=seed) as project:
        items = project.items
        assert items.labels is not None
        slips = {"misses": float(rng.uniform(0.0, 0.08)), "false_alarms": float(rng.uniform(0.0, 0.02))}
        person = Person(items.labels, seed=seed, **slips)
        for _ in range(n_pages):
            page = project.page("person")
            if isinstance(page, NoPage):
                break
            tiles = np.array([items.row[tile.id] for tile in page.tiles])
            said = person(Question(items.row[page.template.id], tiles, page.mode))
            ids = tuple(tile.id for tile in page.tiles)
            answered = Answered(
                page=page.id,
                template=page.template.id,
                items=ids,
                relations=tuple(map(int, said)),
                mode=page.mode,
                labeler="person",
            )
            project.record([answered])
            project.settle()
        before = project.now()
        truth = right_labels(items, before)
        # Looked at one pair at a time: no rare targets to miss, but the same slips.
        auditor = Person(items.labels, seed=seed, rare_misses=0.0, **slips)
        first = auditing.audit_queue(items, before, limit=n_audited)
        project.record([_audit(items, pair, auditor) for pair in first])
        drawn = {pair.b.id for pair in first}
        again = [pair for pair in auditing.audit_queue(items, project.now(), limit=n_audited) if pair.b.id in drawn]
        project.record([_audit(items, pair, auditor) for pair in again])
        # The interval is of the labels that were audited; the report before the model learns from the audit.
        told = report.report(items, project.now(), "person", target=0.98)
        guessed = before.standing.source == 0
        return Outcome(
            float(truth[guessed].mean()) if guessed.any() else 1.0,
            (told.audit.low, told.audit.high),
            float(truth.mean()),
            (told.low, told.high),
        )


def _audit(items: Items, pair: Any, auditor: Person) -> Answered:
    """What the auditor says of a pair."""
    relation = int(auditor(Question(items.row[pair.a.id], np.array([items.row[pair.b.id]])))[0])
    return Answered(page="audit", template=pair.a.id, items=(pair.b.id,), relations=(relation,), labeler="person")


def right_labels(items: Items, now: Any) -> Any:
    """Whether each item is of the class of its group's anchor, (n,)."""
    assert items.labels is not None
    stands = now.standing
    return (stands.label >= 0) & (items.labels[stands.anchor][stands.label] == items.labels)


def coverage(n_projects: int, home: Path, *, n_items: int, n_pages: int, n_audited: int, seed: int) -> list[Row]:
    """How often the intervals cover the truth."""
    outcomes = []
    for number in range(n_projects):
        one = simulated(home, n_items, n_pages, n_audited, seed=seed + number)
        outcomes.append(one)
        predicted, everything = (f"[{low:.3f}, {high:.3f}]" for low, high in (one.predicted_interval, one.interval))
        print(f"{number:3d}: predicted {one.predicted:.3f} in {predicted}, all {one.everything:.3f} in {everything}")
    inside = [one.predicted_interval[0] <= one.predicted <= one.predicted_interval[1] for one in outcomes]
    whole = [one.interval[0] <= one.everything <= one.interval[1] for one in outcomes]
    width = float(np.mean([one.interval[1] - one.interval[0] for one in outcomes]))
    share = 100.0 / len(outcomes)
    none = "no rival"
    return [
        row("simulated projects", len(outcomes), none, "projects", "100"),
        row("interval covers the accuracy of the predicted labels", sum(inside) * share, none, "%", "≥ 90"),
        row("interval covers the accuracy of all labels", sum(whole) * share, none, "%", "≥ 90"),
        row("mean width of the interval of all labels", width, none, "", "-"),
        row("mean accuracy of all labels", float(np.mean([one.everything for one in outcomes])), none, "", "-"),
    ]


def run(args: list[str]) -> list[Row]:
    """The session, the browser and the simulated projects."""
    parser = argparse.ArgumentParser(prog="tired", description=__doc__)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--browser", type=int, default=20)
    parser.add_argument("--projects", type=int, default=100)
    parser.add_argument("--items", type=int, default=500, help="of a simulated project")
    parser.add_argument("--project-pages", type=int, default=12)
    parser.add_argument("--audited", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(args)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        if options.pages:
            rows += session(options.pages, home, seed=options.seed)
        if options.browser:
            rows += in_browser(options.browser, home, seed=options.seed)
        if options.projects:
            sizes = {"n_items": options.items, "n_pages": options.project_pages, "n_audited": options.audited}
            rows += coverage(options.projects, home, seed=options.seed, **sizes)
    return rows
