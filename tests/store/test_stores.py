import os
import signal
import sqlite3
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.errors import StoreError
from pal.knowledge import known
from pal.store import Answered, MemoryStore, Named, Retracted, fold
from pal.store.fold import to_answers
from pal.store.sql import SqlStore
from pal.store.tables import SCHEMA
from pal.testing import check_store
from tests.store.logs import ITEMS, logs

ROW = {item: i for i, item in enumerate(ITEMS)}


def test_memory_store_keeps_the_contract():
    check_store(MemoryStore)


def test_sql_store_keeps_the_contract(tmp_path):
    counter = iter(range(100))
    check_store(lambda: SqlStore(tmp_path / f"log{next(counter)}.sqlite"))


def test_sql_store_reopens(tmp_path):
    check_store(lambda: SqlStore(tmp_path / "log.sqlite"), reopens=True)


def test_the_contract_finds_a_store_that_repeats():
    class Repeats(MemoryStore):
        def append(self, events):
            return [
                position
                for event in events
                for position in super(Repeats, self).append([event.__class__(**vars(event) | {"id": event.id + "x"})])
            ]

    with pytest.raises(AssertionError):
        check_store(Repeats)


def implied(log):
    """Groups and differing groups of what counts in a log."""
    knowledge = known(len(ITEMS), to_answers(fold(log).answered, ROW))
    return knowledge.group.tolist(), knowledge.differing.tolist()


@given(logs(), st.randoms())
def test_the_order_of_the_log_does_not_matter_to_knowledge(log, random):
    shuffled = list(log)
    random.shuffle(shuffled)
    assert implied(shuffled) == implied(log)


@given(logs(), st.data())
def test_retries_change_nothing(log, data):
    again = list(log)
    for event in data.draw(st.lists(st.sampled_from(log), max_size=5) if log else st.just([])):
        again.insert(data.draw(st.integers(again.index(event) + 1, len(again))), event)
    store = MemoryStore()
    for event in again:
        store.append([event])
    assert [event for _, event in store.read_after(0)] == log
    once, twice = fold(log), fold(again)
    assert (once.answered, dict(once.names), once.flagged) == (twice.answered, dict(twice.names), twice.flagged)


@given(logs())
def test_what_was_retracted_might_never_have_been(log):
    gone = {event.event for event in log if isinstance(event, Retracted)}
    rest = [event for event in log if event.id not in gone and not isinstance(event, Retracted)]
    assert implied(log) == implied(rest)
    assert dict(fold(log).names) == dict(fold(rest).names)


@given(logs())
def test_columns_hold_every_answer(log):
    answered = fold(log).answered
    columns = to_answers(answered, ROW)
    pairs = [(ITEMS[t], ITEMS[i], r) for t, i, r in zip(columns.template, columns.item, columns.relation, strict=True)]
    assert pairs == [(a.template, i, r) for a in answered for i, r in zip(a.items, a.relations, strict=True)]


def test_answers_about_missing_items_are_left_out():
    event = Answered(labeler="ann", page="p", template=ITEMS[0], items=ITEMS[1:4], relations=(1, -1, 1))
    columns = to_answers([event], {ITEMS[0]: 0, ITEMS[2]: 1})
    assert (columns.item.tolist(), columns.relation.tolist()) == ([1], [-1])
    assert len(to_answers([event], {ITEMS[1]: 0})) == 0


def test_threads_lose_nothing(tmp_path):
    store = SqlStore(tmp_path / "log.sqlite")
    positions = []

    def write(who):
        for i in range(20):
            positions.extend(store.append([Named(labeler=who, item=ITEMS[0], name=str(i))]))

    threads = [threading.Thread(target=write, args=(f"person {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(positions)) == len(store.read_after(0)) == 80
    for who in range(4):
        mine = [event.name for _, event in store.read_after(0) if event.labeler == f"person {who}"]
        assert mine == [str(i) for i in range(20)]
    store.close()


def test_two_processes_wait_for_each_other(tmp_path):
    """A second writer waits for the first instead of failing at once."""
    store, other = SqlStore(tmp_path / "log.sqlite"), SqlStore(tmp_path / "log.sqlite")
    for i in range(10):
        (store, other)[i % 2].append([Named(labeler="ann", item=ITEMS[0], name=str(i))])
    assert [event.name for _, event in other.read_after(0)] == [str(i) for i in range(10)]
    store.close()
    other.close()


def test_sqlite_is_told_to_be_durable(tmp_path):
    store = SqlStore(tmp_path / "log.sqlite")
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    store.close()


WRITER = """
import sys
from pathlib import Path
from pal.store import Named
from pal.store.sql import SqlStore
store = SqlStore(Path(sys.argv[1]))
number = len(store.read_after(0))
while True:
    store.append([Named(labeler="ann", item="x", name=str(number)), Named(labeler="bob", item="x", name=str(number))])
    print(number, flush=True)
    number += 1
"""


@pytest.mark.slow
def test_kill_9_loses_nothing_acknowledged(tmp_path):
    """What the writer had said was written is there, whole batches only, wherever it was killed."""
    path, rng, acknowledged = tmp_path / "log.sqlite", np.random.default_rng(0), []
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        lines = [writer.stdout.readline() for _ in range(int(rng.integers(3, 30)))]
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.stdout.readlines()
        writer.stdout.close()
        writer.wait()
        acknowledged += [line.strip() for line in lines if line.endswith("\n")]
        store = SqlStore(path)
        log = [event for _, event in store.read_after(0)]
        store.close()
        assert [e.name for e in log if e.labeler == "ann"] == [e.name for e in log if e.labeler == "bob"]
        assert set(acknowledged) <= {event.name for event in log}
    assert len(acknowledged) > 15


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "log.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="can't open the log"):
        SqlStore(tmp_path / "log.sqlite")


def test_tables_of_another_version(tmp_path):
    SqlStore(tmp_path / "log.sqlite").close()
    with sqlite3.connect(tmp_path / "log.sqlite") as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    connection.close()
    with pytest.raises(StoreError, match=f"version 99, expected {SCHEMA} or older"):
        SqlStore(tmp_path / "log.sqlite")
