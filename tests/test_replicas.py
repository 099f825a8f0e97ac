"""Two servers on one PostgreSQL database: they share leases, and each folds what the other writes."""

import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from contextlib import ExitStack, contextmanager
from http.cookiejar import CookieJar

import numpy as np
import pytest
from starlette.testclient import TestClient

from pal.errors import InvalidInputError, StoreError
from pal.project import NoPage, Project
from pal.store import Named
from pal.store.accounts import Accounts
from pal.store.notifications import Listener
from pal.store.postgres import PostgresStore
from pal.web.app import create_app
from pal.web.sessions import SESSION_KEY, load_secret
from tests.store.postgres import cluster
from tests.test_project import reply, three_clumps
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow
PASSWORD = "sw0rdfish"
LOCAL = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def new_database():
    with cluster() as database:
        yield database


@pytest.fixture
def address(new_database):
    return new_database()


@pytest.fixture
def source(tmp_path):
    x, labels = three_clumps()
    np.savez(tmp_path / "clumps.npz", x=x, y=labels)
    return tmp_path / "clumps.npz"


@pytest.fixture
def servers(source, address, tmp_path):
    """Two projects of one source and one database, as two servers have them."""
    with ExitStack() as opened:
        yield [
            opened.enter_context(
                Project.create_or_open(source, tmp_path / name, store=address, oracle="captcha", page_size=5)
            )
            for name in ("one", "two")
        ]


def test_open_pages_of_all_servers_are_disjoint(servers):
    pages = [servers[i % 2].page("ann") for i in range(4)]
    shown = [tile.id for page in pages for tile in page.tiles]
    assert len(set(shown)) == len(shown) > 10


def test_who_is_signed_in_at_one_server_is_at_the_other(servers):
    """As behind a proxy that sends requests to either; what the browser keeps has one name at both."""
    pages = []
    cookies = None
    (servers[1].directory / SESSION_KEY).write_bytes(load_secret(servers[0].directory / SESSION_KEY))
    for project in servers:
        with TestClient(create_app(project, token="a-token-that-is-long-enough"), base_url=LOCAL) as browser:
            if cookies is None:
                browser.get("/?token=a-token-that-is-long-enough")
                cookies = browser.cookies
            browser.cookies = cookies
            pages.append(browser.get("/"))
    assert [page.status_code for page in pages] == [200, 200]
    names = [re.search(r'data-project="(\w+)"', page.text)[1] for page in pages]
    assert names[0] == names[1]


def test_each_folds_what_the_other_writes(servers):
    one, two = servers
    page = one.page("ann")
    one.record([reply(one, page)])
    two.follow()
    assert two.progress().position == one.progress().position
    assert two.progress().pages == 1
    name = two.rename(page.template.id, "first", "bob")
    one.follow()
    assert "first" in [group.name for group in one.groups()]
    assert [event.id for event in one.undo("bob")] == [event.id for event in name], (
        "a person may go on at another server"
    )
    one.undo("ann")
    two.follow()
    assert (two.progress().pages, two.progress().told) == (0, 0)


def test_a_server_that_nobody_asks_follows_too(servers):
    one, two = servers
    one.record([reply(one, one.page("ann"))])
    two._trainer.settle(timeout=PATIENCE, ready=lambda: two.model().position == 1)
    assert two.model().position == 1


def test_labelling_to_the_end_from_both(servers):
    errors = []

    def work(project, who):
        try:
            while not isinstance(page := project.page(who), NoPage):
                project.record([reply(project, page, who)])
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work, args=(servers[i % 2], f"person {i}")) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for project in servers:
        assert isinstance(project.page("ann"), NoPage)
        project.settle()
    first, second = (project.progress() for project in servers)
    assert first == second
    assert (first.told + first.deduced, first.predicted, first.n_groups) == (45, 0, 3)
    labels = [project.standing().label for project in servers]
    assert (labels[0] == labels[1]).all()


def test_leases_are_free_when_answered_and_kept_while_renewed(servers):
    one, two = servers
    page = one.page("ann")
    shown = {tile.id for tile in page.tiles}
    two.renew([page.id])
    assert shown <= set(two._leases.items())
    two.record([reply(two, page, "bob")])
    assert not shown & set(one._leases.items())


@pytest.mark.parametrize("note", ["skipped", "unclear"])
def test_a_page_that_is_given_up_holds_nothing_on_any_server(servers, note):
    one, two = servers
    page = one.page("ann")
    one.record([reply(one, page, relations=(0,) * len(page.tiles), note=note)])
    assert two._leases.items() == []
    first, second, kept = one.page("ann"), one.page("ann"), two.page("bob")
    one.release([first.id, "unknown", second.id])
    two.release([])
    assert set(one._leases.items()) == set(two._leases.items()) == {tile.id for tile in kept.tiles}


def test_a_directory_remembers_where_its_log_is(source, address, tmp_path):
    secret = address.replace("postgres@", f"postgres:{PASSWORD}@")
    with Project.create_or_open(source, tmp_path / "p", store=secret) as project:
        project.rename(project.items.id[0], "kept", "ann")
    with pytest.raises(InvalidInputError, match="give its address with --store or PAL_STORE") as error:
        Project.create_or_open(source, tmp_path / "p")
    assert PASSWORD not in str(error.value) + "".join(f.read_text() for f in (tmp_path / "p").glob("*.txt"))
    with Project.create_or_open(source, tmp_path / "p", store=address, read_only=True) as project:
        assert project.progress().position == 1
    with pytest.raises(StoreError, match="give another --project"):
        Project.create_or_open(source, tmp_path / "p", store=address.replace("test_", "rest_"))
    with Project.create_or_open(source, tmp_path / "own"):
        pass
    with pytest.raises(StoreError, match="has a log of its own"):
        Project.create_or_open(source, tmp_path / "own", store=address)


@contextmanager
def serving(tmp_path, source, address, name):
    """A server in a process of its own; yields it and a function that talks to it."""
    words = [source, "--project", tmp_path / name, "--no-browser", "--port", "0", "--page-size", "5"]
    command = [sys.executable, "-m", "pal", "annotate", *map(str, words)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"PAL_STORE": address}
    ) as server:
        try:
            said = []
            for line in server.stdout:
                said.append(line)
                if line.startswith("open "):
                    break
            else:
                raise AssertionError("".join(said))
            assert PASSWORD not in "".join(said)
            link = line.split()[1]
            base = link.split("/?")[0]
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

            def talk(place, sent=None):
                headers = {"content-type": "application/json", "origin": base}
                data = None if sent is None else json.dumps(sent).encode()
                with browser.open(urllib.request.Request(base + place, data, headers), timeout=PATIENCE) as got:
                    return got.read()

            talk(link.removeprefix(base))
            yield server, lambda *words: json.loads(talk(*words))
        finally:
            server.kill()


def answered(page, own):
    return {
        "kind": "answered",
        "id": page["id"],
        "time": 1.0,
        "page": page["id"],
        "template": page["template"]["id"],
        "items": [tile["id"] for tile in page["tiles"]],
        "relations": [1 if own[tile["id"]] == own[page["template"]["id"]] else -1 for tile in page["tiles"]],
        "mode": page["mode"],
    }


def test_two_processes_on_one_database(tmp_path, source, address):
    """Two real servers, asked at once: no tile on two open pages; one is killed, and what it acknowledged is there."""
    from pal.datasets import open_source

    items = open_source(source)
    own = dict(zip(items.id, items.labels.tolist(), strict=True))
    secret = address.replace("postgres@", f"postgres:{PASSWORD}@")
    with (
        serving(tmp_path, source, secret, "one") as (first, one),
        serving(tmp_path, source, secret, "two") as (_, two),
    ):
        for server in (one, two):
            wait_until(lambda server=server: server("/api/progress")["n_groups"])  # its first model is there
        pages, errors = [], []

        def ask(server, hold):
            try:
                got = server("/api/page")
                pages.extend([(server, got["page"])] if "page" in got else [])
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        threads = [threading.Thread(target=ask, args=(server, "")) for server in (one, two, one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        shown = Counter(tile["id"] for _, page in pages for tile in page["tiles"])
        assert len(pages) >= 3
        assert set(shown.values()) == {1}, "no tile on two open pages"
        for server, page in pages:
            server("/api/events", {"events": [answered(page, own)]})
        first.kill()
        first.wait()
        for _ in range(60):
            got = two("/api/page")
            if "page" not in got:
                break
            two("/api/events", {"events": [answered(got["page"], own)]})
        progress = two("/api/progress")
        assert progress["told"] + progress["deduced"] == len(items)
        assert progress["n_groups"] == 3
    store = PostgresStore(address)
    logged = {event.page for _, event in store.read_after(0)}
    store.close()
    assert {page["id"] for _, page in pages} <= logged


def test_what_another_server_writes_is_told_at_once(source, address, tmp_path, monkeypatch):
    """Without a look at the log in between: only a notification can bring it."""
    monkeypatch.setattr("pal.project.core._FOLLOW", 3600.0)
    with ExitStack() as opened:
        one, two = (
            opened.enter_context(Project.create_or_open(source, tmp_path / name, store=address, page_size=5))
            for name in ("one", "two")
        )
        for number in range(3):
            one.rename(one.items.id[number], f"name {number}", "ann")
            wait_until(lambda n=number: two.position == n + 1)
        end_other_connections(one)  # as a restart of the database would
        wait_until(lambda: says_something(lambda: one.rename(one.items.id[5], "later", "ann")))
        assert one.position >= 4
        assert two.position in (3, one.position), "told of it once it listens again, or later"
        wait_until(lambda: says_something(lambda: one.rename(one.items.id[6], "again", "ann")) and two.position > 4)


def test_a_listener_hears_positions_of_its_own_log_only(new_database):
    address = new_database()
    elsewhere = f"{address}&options=-csearch_path%3Dother"
    here = PostgresStore(address)
    with here.transaction() as connection:
        connection.exec_driver_sql("CREATE SCHEMA other")
    there = PostgresStore(elsewhere)
    with Listener(here) as listener:
        assert listener.wait(0.0) is None
        there.append([Named(labeler="ann", item="a", name="x")])
        assert listener.wait(0.2) is None
        events = [Named(labeler="ann", item="a", name=str(i)) for i in range(3)]
        assert here.append(events) == [1, 2, 3]
        assert listener.wait(PATIENCE) == 3
        here.append(events)  # nothing new
        assert listener.wait(0.2) is None
    for store in (here, there):
        store.close()


def test_a_listener_that_starts_looks_once_at_the_log(new_database):
    """What was written before it listened is told of by nobody else; nothing is sent here while it listens."""
    store = PostgresStore(new_database())
    with Listener(store) as listener:
        assert listener.wait(0.0) is None, "nothing is there"
        listener.close()  # as if its connection were lost
        for last in (2, 4):
            store.append([Named(labeler="ann", item="a", name=f"{last} {i}") for i in range(2)])
            assert listener.wait(PATIENCE) == last
            assert listener.wait(0.0) is None, "once"
            listener.close()
    store.close()


def test_servers_tell_each_other_when_accounts_change(new_database):
    address = new_database()
    here, there = PostgresStore(address), PostgresStore(address)
    accounts, others = Accounts(here), Accounts(there)
    with Listener(here) as listener:
        listener.wait(0.0)
        accounts.refresh()
        assert not accounts.stale
        ann, _ = others.invite("Ann", "annotator")
        assert listener.wait(PATIENCE) is None, "it is no position"
        assert accounts.stale
        accounts.refresh()
        assert (accounts.stale, accounts.find(ann.key)) == (False, ann)
        listener.close()  # as if its connection were lost
        others.remove("Ann")
        assert listener.wait(0.0) is None
        assert accounts.stale, "it may not have been told"
        accounts.refresh()
        assert accounts.find(ann.key) is None
    for store in (here, there):
        store.close()


def says_something(act):
    """Whether an act works; right after a restart of the database the first may not."""
    try:
        act()
    except StoreError:
        return False
    return True


def end_other_connections(project):
    with project.store.transaction() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
