"""The log in PostgreSQL, on a real server."""

import logging
import threading
import time

import psycopg
import pytest
import sqlalchemy as sa

from pal.errors import InvalidInputError, StoreError
from pal.store import Named
from pal.store.postgres import PostgresStore, public
from pal.store.tables import Beside, SqlLog
from pal.testing import check_store
from tests.store.logs import ITEMS

SECRET = "sw0rdfish"


@pytest.fixture
def address(new_database):
    return new_database()


def named(name, labeler="ann"):
    return Named(labeler=labeler, item=ITEMS[0], name=name)


@pytest.mark.slow
def test_postgres_keeps_the_contract(new_database):
    check_store(lambda: PostgresStore(new_database()))


def test_postgres_reopens(address):
    check_store(lambda: PostgresStore(address), reopens=True)


def test_a_reader_never_misses_an_event_that_commits_late(address):
    """Writers in several connections, some of them slow to commit, and a reader that goes on from where it was."""
    writers = [PostgresStore(address) for _ in range(3)]
    for store in writers[1:]:
        store.beside.append(lambda _: [Beside(sa.text("SELECT pg_sleep(0.01)"))])

    def write(who):
        for i in range(15):  # the last writer in several messages, as who sends something again
            append = SqlLog.append if who == 2 else PostgresStore.append
            append(writers[who], [named(str(i), f"person {who}")])

    threads = [threading.Thread(target=write, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    reader, position, seen = PostgresStore(address), 0, []
    working = True
    while working:
        working = any(thread.is_alive() for thread in threads)  # asked before the read: the last one sees everything
        news = reader.read_after(position)
        position = news[-1][0] if news else position
        seen += [event for _, event in news]
    assert seen == [event for _, event in reader.read_after(0)]
    assert len(seen) == 45
    for store in (reader, *writers):
        store.close()


class Exchanging(PostgresStore):
    """A store that appends as servers do."""

    def append(self, events):
        before = {event.id: position for position, event in self.read_after(0)}
        at = before | {event.id: position for position, event in self.exchange(events, max(before.values(), default=0))}
        return [at[event.id] for event in events]


def test_an_exchange_appends_as_the_contract_says(new_database):
    check_store(lambda: Exchanging(new_database()))


def test_an_exchange_brings_what_others_wrote(address):
    one, other = PostgresStore(address), PostgresStore(address)
    events = [named(str(i)) for i in range(6)]
    assert one.exchange(events[:1], 0) == [(1, events[0])]
    other.append(events[1:3])
    assert one.exchange([events[3], events[3]], 1) == [(2, events[1]), (3, events[2]), (4, events[3])]
    assert other.exchange([events[0], events[4]], 3)[0] == (4, events[3]), "sent again, with another one"
    assert [event for _, event in other.exchange([events[0], events[4]], 3)] == [events[3], events[4]]
    assert other.exchange([], 0) == other.read_after(0)
    assert [event for _, event in one.read_after(0)] == events[:5]
    one.close()
    other.close()


def test_an_exchange_is_one_message(address, monkeypatch):
    """However much is written beside it: each further one would keep the other servers waiting."""
    store, sent = PostgresStore(address), []
    execute = psycopg.ClientCursor.execute
    monkeypatch.setattr(psycopg.ClientCursor, "execute", lambda *words: sent.append(words[1]) or execute(*words))
    sa.event.listen(store._engine, "before_cursor_execute", lambda *_: sent.append("another"))
    counted = []
    store.beside.append(lambda events: [Beside(sa.text("SELECT 1"), counted.append) for _ in events])
    store.exchange([named("one"), named("two")], 0)
    assert len(sent) == 1
    assert counted == [1, 1]
    store.close()


def test_appends_take_turns(address):
    """While one append has its position and isn't committed, another waits instead of overtaking it."""
    slow, quick, order = PostgresStore(address), PostgresStore(address), []
    holding = threading.Event()

    def hold():
        with slow.writing() as connection:
            connection.execute(sa.text("INSERT INTO events (id, body) VALUES ('x', '{}')"))
            holding.set()
            time.sleep(0.3)
            order.append("slow")

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    (position,) = quick.append([named("quick")])
    order.append("quick")
    thread.join()
    assert (order, position) == (["slow", "quick"], 2)
    slow.close()
    quick.close()


def test_two_logs_in_one_database_do_not_wait_for_each_other(address):
    first = PostgresStore(address)
    with first.writing() as connection:
        connection.execute(sa.text("CREATE SCHEMA other"))
    second = PostgresStore(address + "&options=-csearch_path%3Dother")
    with first.writing():
        assert second.append([named("x")]) == [1]
    assert first.read_after(0) == []
    first.close()
    second.close()


def test_a_server_that_was_away_is_found_again(address):
    store = PostgresStore(address)
    store.append([named("before")])
    other = PostgresStore(address)
    with other.reading() as connection:
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        connection.execute(sa.text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
        store.append([named("after")])
        connection.execute(sa.text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
        assert [event.name for _, event in store.read_after(0)] == ["before", "after"]
        connection.execute(sa.text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
        assert [event.name for _, event in store.exchange([named("last")], 1)] == ["after", "last"]
    store.close()
    other.close()


def test_opening_at_once_makes_the_tables_once(address):
    stores, errors = [], []

    def work():
        try:
            stores.append(PostgresStore(address))
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(stores), errors) == (6, [])
    for store in stores:
        store.close()


def test_the_password_is_in_no_message_and_no_log(address, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    host = address.partition("host=")[2]
    wrong = f"postgresql://nobody:{SECRET}@/nowhere?host={host}"
    for bad in (wrong, f"postgresql://nobody:{SECRET}@127.0.0.1:1/nowhere", f"{wrong}&password={SECRET}"):
        with pytest.raises(StoreError, match="can't open the log") as error:
            PostgresStore(bad)
        assert error.value.__suppress_context__
        assert SECRET not in str(error.value)
    with pytest.raises(InvalidInputError) as refused:
        PostgresStore(f"mysql://ann:{SECRET}@localhost/x")
    assert SECRET not in str(refused.value)
    assert public(f"postgresql://ann:{SECRET}@db:5432/x?password={SECRET}&sslmode=require") == (
        "postgresql://ann@db:5432/x?sslmode=require"
    )
    store = PostgresStore(address.replace("postgres@", f"postgres:{SECRET}@"))
    with store.writing() as connection:
        connection.execute(sa.text("DROP TABLE events"))
    with pytest.raises(StoreError) as broken:
        store.read_after(0)
    store.close()
    shown = capfd.readouterr()
    assert SECRET not in str(broken.value) + caplog.text + shown.out + shown.err


@pytest.mark.parametrize("bad", ["postgresql://", "log.sqlite", "sqlite:///x", "postgresql://host:port/x", ""])
def test_bad_addresses(bad):
    with pytest.raises(InvalidInputError, match="--store must be"):
        PostgresStore(bad)


def test_tables_of_another_version(address):
    store = PostgresStore(address)
    store.set_meta("schema", "99")
    store.close()
    with pytest.raises(StoreError, match="version 99"):
        PostgresStore(address)
