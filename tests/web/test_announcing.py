"""Webhooks, against a server that takes, fails, redirects, drips and hangs up."""

import json
import queue
import socket
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from pal.client import genuine
from pal.errors import InvalidInputError, StoreError
from pal.project import Project
from pal.project.settings import Settings
from pal.store.deliveries import Deliveries
from pal.store.sql import SqlStore
from pal.store.webhooks import KINDS, Webhook, Webhooks
from pal.web import announcing
from pal.web.announcing import Announcer, attempt
from pal.web.app import create_app
from tests.test_project import answer_pages, reply, three_clumps
from tests.waiting import PATIENCE, wait_until


class Receiver(ThreadingHTTPServer):
    """Remembers what came; ``statuses`` are what it says, the last for ever."""

    daemon_threads = True

    def __init__(self, *statuses):
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses, self.got = list(statuses or (200,)), queue.Queue()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook?a=b"

    def next(self):
        path, headers, body = self.got.get(timeout=PATIENCE)
        return json.loads(body) | {"_path": path, "_headers": headers, "_body": body}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        statuses = self.server.statuses
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        self.server.got.put((self.path, dict(self.headers), body))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self):
        self.server.got.put((self.path, {}, b'{"kind": "followed"}'))
        self.send_error(404)

    def log_message(self, *_):
        pass


@contextmanager
def running(receiver):
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()


@pytest.fixture
def receiver():
    with running(Receiver()) as made:
        yield made


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hooks")
    x, labels = three_clumps()
    np.savez(folder / "clumps.npz", x=x, y=labels)
    with Project.create_or_open(folder / "clumps.npz", page_size=5, oracle="captcha") as opened:
        yield opened


@pytest.fixture
def hooks(project):
    made = Webhooks(project.store)
    yield made
    for hook in made.all():
        made.remove(hook.url)


@pytest.fixture
def announcer(project, hooks):
    made = Announcer(project, hooks, waits=(0.02, 0.05))
    project.listen(made.recorded)
    yield made
    project._listeners.remove(made.recorded)
    made.stop()


def test_a_page_a_name_and_an_export_are_told_signed(project, hooks, announcer, receiver):
    hook = hooks.add(receiver.url)
    page = project.page("ann")
    event = reply(project, page)
    project.record([event])
    told = receiver.next()
    assert told["kind"] == "page-answered"
    assert (told["event"], told["labeler"], told["page"]) == (event.id, "ann", page.id)
    assert told["alike"] + told["unlike"] == 5
    assert told["_path"] == "/hook?a=b"
    headers, body = told["_headers"], told["_body"]
    assert genuine(hook.secret, headers, body)
    assert not genuine("another", headers, body)
    assert not genuine(hook.secret, headers, body + b" ")
    assert not genuine(hook.secret, headers, body, within=-1)
    assert not genuine(hook.secret, {}, body)
    project.record([event])  # a retry tells nothing new
    project.rename(page.template.id, "first", "ann")
    project.rename(page.template.id, "", "ann")
    told = receiver.next()
    assert (told["kind"], told["name"], told["item"]) == ("class-named", "first", page.template.id)
    with TestClient(create_app(project, token=None, announcer=announcer), base_url="http://127.0.0.1") as client:
        made = client.post("/api/export", json={"formats": ["pairs"]}).json()
    told = receiver.next()
    assert (told["kind"], told["export"], told["n_files"]) == ("export-done", made["id"], 2)
    assert receiver.got.empty()
    wait_until(lambda: hooks.all()[0].said == "arrived")


def test_only_what_was_asked_for(project, hooks, announcer, receiver):
    hooks.add(receiver.url, ("class-named",))
    answer_pages(project, 1)
    project.rename(project.items.id[0], "named", "ann")
    assert receiver.next()["kind"] == "class-named"
    assert receiver.got.empty()


def test_what_fails_is_tried_again_in_order(project, hooks, announcer):
    with running(Receiver(500, 503, 204)) as receiver:
        hooks.add(receiver.url, ("class-named",))
        for name in ("one", "two"):
            project.rename(project.items.id[0], name, "ann")
        got = [receiver.next() for _ in range(4)]
        assert [told["name"] for told in got] == ["one", "one", "one", "two"]
        assert len({told["id"] for told in got}) == 2, "a delivery that is tried again keeps its id"
        assert len({told["_headers"]["PAL-Delivery".lower()] for told in got}) == 2


def test_what_fails_for_ever_is_given_up_and_said_so(project, hooks, announcer):
    with running(Receiver(500, 500, 500, 200)) as receiver:
        hooks.add(receiver.url, ("class-named",))
        for name in ("one", "two"):
            project.rename(project.items.id[0], name, "ann")
        assert [receiver.next()["name"] for _ in range(4)] == ["one", "one", "one", "two"]
    with running(Receiver(500)) as receiver:
        hooks.add(receiver.url, ("class-named",))
        project.rename(project.items.id[0], "three", "ann")
        wait_until(lambda: any(hook.said == "given up: status 500" for hook in hooks.all()))


def test_redirects_are_not_followed(project, hooks, announcer):
    with running(Receiver(302)) as receiver:
        hooks.add(receiver.url, ("class-named",))
        project.rename(project.items.id[0], "one", "ann")
        wait_until(lambda: "given up" in hooks.all()[0].said)
        assert "redirects aren't followed" in hooks.all()[0].said
        assert {receiver.next()["_path"] for _ in range(3)} == {"/hook?a=b"}
        assert receiver.got.empty()


@pytest.mark.slow
def test_a_dead_address_holds_up_neither_answers_nor_others(project, hooks, announcer, receiver):
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:  # takes connections, and never says a word
        dead = {f"http://127.0.0.1:{deaf.getsockname()[1]}/", "http://127.0.0.1:1/"}
        for url in dead:
            hooks.add(url, ("class-named",))
        hooks.add(receiver.url, ("class-named",))
        monkeypatched, announcing._SECONDS = announcing._SECONDS, 1.0
        try:
            start = time.thread_time()
            project.rename(project.items.id[0], "one", "ann")
            assert time.thread_time() - start < 5
            assert receiver.next()["name"] == "one"
            wait_until(lambda: all("given up" in hook.said for hook in hooks.all() if hook.url in dead))
        finally:
            announcing._SECONDS = monkeypatched


def test_a_server_that_drips_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(announcing, "_SECONDS", 0.4)
    with closing(socket.create_server(("127.0.0.1", 0))) as slow:

        def drip():
            connection, _ = slow.accept()
            with connection:
                try:
                    for byte in b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500:
                        connection.sendall(bytes([byte]))
                        time.sleep(0.1)
                except OSError:
                    hung_up.set()

        hung_up = threading.Event()
        thread = threading.Thread(target=drip)
        thread.start()
        assert attempt(Webhook(f"http://127.0.0.1:{slow.getsockname()[1]}/", "s", KINDS), "d", b"{}") is not None
        assert hung_up.wait(PATIENCE)
        thread.join()


def test_the_target_is_told_once(project, hooks, announcer, receiver, monkeypatch):
    monkeypatch.setattr(announcing, "_LOOK", 0.0)
    hooks.add(receiver.url, ("target-reached",))
    answer_pages(project, 100)
    project.settle()
    project.rename(project.items.id[0], "done", "ann")
    told = receiver.next()
    assert (told["kind"], told["target"], told["low"]) == ("target-reached", 0.98, 1.0)
    project.rename(project.items.id[0], "again", "ann")
    hooks.add(receiver.url, KINDS)
    project.rename(project.items.id[0], "and again", "ann")
    while (told := receiver.next()).get("name") != "and again":
        assert told["kind"] == "class-named", "reached a second time"


def test_off_by_default(project, announcer):
    before = project.store.read_after(0)
    answer_pages(project, 1)
    project.rename(project.items.id[0], "x", "ann")
    assert len(project.store.read_after(0)) > len(before)
    assert Deliveries(project.store).waiting() == {}


def test_no_route_adds_an_address(project):
    """What is sent where is decided on the server's own command line; the interface has no word for it."""
    with TestClient(create_app(project, token=None), base_url="http://127.0.0.1") as client:
        described = client.get("/api/openapi.json").json()
    assert not [path for path in described["paths"] if "hook" in path]
    taken = words_taken(described)
    assert {"rule", "role"} <= taken  # the settings and the invitations, next to which the addresses are shown
    assert not {word for word in taken if "url" in word or "address" in word}


def words_taken(described):
    """Every name that a request may carry, in its address or at any depth of its body."""
    acts = [act for path in described["paths"].values() for act in path.values()]
    words, seen = {parameter["name"] for act in acts for parameter in act.get("parameters", [])}, set()
    waiting = [act["requestBody"] for act in acts if "requestBody" in act]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            words |= set(part.get("properties", {}))
            waiting += part.values()
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name and name not in seen:
                seen.add(name)
                waiting.append(described["components"]["schemas"][name])
    return words


@pytest.mark.parametrize(
    "url",
    ["", "example.org", "ftp://example.org", "file:///etc/passwd", "http://", "http://a b", "http://x:99999/", "http://x:0/",
     "http://u:p@example.org/", "http://example.org/#x", "http://ex\tample.org", "http://example.org/\r\nx: y",
     "http://[::1", "gopher://127.0.0.1/", "http://münchen.example/", "http://x/" + "y" * 600],
)  # fmt: skip
def test_addresses_that_are_none(url, tmp_path):
    with closing(SqlStore(tmp_path / "log.sqlite")) as store:
        with pytest.raises(InvalidInputError):
            Webhooks(store).add(url)
        assert Webhooks(store).all() == []


def test_adding_again_makes_another_secret(tmp_path):
    with closing(SqlStore(tmp_path / "log.sqlite")) as store:
        hooks = Webhooks(store)
        first = hooks.add("https://example.org/x", ("class-named",))
        second = hooks.add("https://example.org/x")
        assert hooks.all() == [second]
        assert first.secret != second.secret
        with pytest.raises(InvalidInputError, match="choose from"):
            hooks.add("https://example.org/x", ("everything",))
        with pytest.raises(InvalidInputError, match="choose from"):
            hooks.add("https://example.org/x", ())
        hooks.remove("https://example.org/x")
        with pytest.raises(InvalidInputError, match="no webhook"):
            hooks.remove("https://example.org/x")


def test_what_was_not_delivered_waits_for_the_next_start(project, hooks):
    """A server ends in the middle: what happened under it is told by the next one, in order, and once."""
    with running(Receiver(500)) as receiver:
        hooks.add(receiver.url, ("class-named",))
        first = Announcer(project, hooks, waits=(0.0, 3600.0))
        project.listen(first.recorded)
        for name in ("one", "two"):
            project.rename(project.items.id[0], name, "ann")
        wait_until(lambda: hooks.all()[0].said == "failed 2 times: status 500")
        first.stop()
        project._listeners.remove(first.recorded)
        project.rename(project.items.id[0], "nobody listens", "ann")
        assert Deliveries(project.store).waiting() == {receiver.url: 2}
        told = {receiver.next()["id"] for _ in range(2)}
        receiver.statuses[:] = [200]
        second = Announcer(project, hooks, waits=(0.0, 3600.0))
        got = [receiver.next() for _ in range(2)]
        assert [body["name"] for body in got] == ["one", "two"]
        assert {got[0]["id"]} == told, "it keeps its id"
        wait_until(lambda: Deliveries(project.store).waiting() == {})
        second.stop()
        assert receiver.got.empty()


@pytest.mark.usefixtures("announcer")
def test_what_is_told_is_written_with_the_answer(project, hooks, monkeypatch):
    """One transaction: if the telling can't be written, the answer isn't either, and the person is told."""
    hooks.add("http://127.0.0.1:1/", ("class-named",))
    monkeypatch.setattr(announcing, "queueing", lambda *_: sa.text("INSERT INTO nowhere VALUES (1)"))
    before = len(project.store.read_after(0))
    with pytest.raises(StoreError, match="nowhere"):
        project.rename(project.items.id[0], "lost", "ann")
    assert len(project.store.read_after(0)) == before


def test_the_target_is_the_projects(project, hooks, announcer, receiver, monkeypatch):
    monkeypatch.setattr(announcing, "_LOOK", 0.0)
    project.settings.set(Settings(target=0.5))
    try:
        answer_pages(project, 100)
        project.settle()
        hooks.add(receiver.url, ("target-reached",))
        project.rename(project.items.id[0], "done", "ann")
        assert receiver.next()["target"] == 0.5
    finally:
        project.settings.set(Settings())
