import json
import sqlite3
import threading
from contextlib import closing, suppress

import pytest

from pal.errors import InvalidInputError, StoreError
from pal.store import Named
from pal.store.backup import load, read_backup, write_backup
from pal.store.postgres import PostgresStore
from pal.store.sql import SqlStore
from pal.store.tables import ACCOUNTS
from tests.store.logs import ITEMS
from tests.store.test_migrations import check_contents, sqlite_of


def named(name):
    return Named(labeler="ann", item=ITEMS[0], name=name)


def filled(store):
    """A store with a gap in its positions, notes and an account."""
    store.append([named("one")])
    with suppress(ZeroDivisionError), store.writing() as connection:  # PostgreSQL leaves a gap here
        connection.exec_driver_sql("INSERT INTO events (id, body) VALUES ('x', '{}')")
        raise ZeroDivisionError
    store.append([named("two"), named("Käse 猫\u2028\x85")])
    store.set_meta("source", "digits")
    with store.writing() as connection:
        connection.execute(ACCOUNTS.insert(), {"name": "ann", "key": "k", "role": "reviewer", "invite": "secret"})
    return store


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path, new_database):
    made = SqlStore(tmp_path / "log.sqlite") if request.param == "sqlite" else PostgresStore(new_database())
    with closing(filled(made)):
        yield made


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_what_is_restored_is_what_was_backed_up(store, to, tmp_path, new_database):
    size = write_backup(store, tmp_path / "backup")
    assert size == (tmp_path / "backup").stat().st_size > 0
    held = read_backup(tmp_path / "backup")
    again = SqlStore(tmp_path / "again.sqlite") if to == "sqlite" else PostgresStore(new_database())
    with closing(again):
        load(again, held)
        assert again.read_after(0) == store.read_after(0)
        assert again.get_meta("source") == "digits"
        with again.reading() as connection:
            (account,) = connection.execute(ACCOUNTS.select()).all()
        assert (account.name, account.key, account.role, account.invite) == ("ann", "k", "reviewer", None)
        last = store.read_after(0)[-1][0]
        (position,) = again.append([named("later")])
        assert position > last
        with pytest.raises(StoreError, match="holds a project already"):
            load(again, held)


def test_a_backup_is_never_written_over(store, tmp_path):
    (tmp_path / "backup").write_text("mine")
    with pytest.raises(InvalidInputError, match="there already"):
        write_backup(store, tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "mine"


def test_a_backup_that_cannot_be_written_leaves_nothing(store, tmp_path):
    with pytest.raises(StoreError):
        write_backup(store, tmp_path / "missing" / "backup")
    assert not (tmp_path / "missing").exists()


def test_a_backup_taken_while_others_write_is_whole(tmp_path):
    """Batches of two, and a backup in the middle: pairs only."""
    store, stop = SqlStore(tmp_path / "log.sqlite"), threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            store.append([named(str(number)), named(str(number))])
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while len(store.read_after(0)) < 20:
            pass
        write_backup(store, tmp_path / "backup")
    finally:
        stop.set()
        thread.join()
        store.close()
    names = [event.name for _, event in read_backup(tmp_path / "backup").log]
    assert len(names) >= 20
    assert names[::2] == names[1::2]
    assert [file.name for file in tmp_path.glob("backup*")] == ["backup"]


def test_a_backup_of_an_older_version_comes_up_to_date_and_stays_as_it_is(tmp_path):
    old = sqlite_of("1", tmp_path / "old")
    before = old.read_bytes()
    with closing(SqlStore(tmp_path / "log.sqlite")) as store:
        load(store, read_backup(old))
        check_contents(store)
    assert old.read_bytes() == before


def damaged_lines(lines):
    head = json.loads(lines[0])
    yield "cut short", lines[:-1]
    yield "an event lost", [*lines[:1], *lines[2:]]
    yield "another format", [json.dumps(head | {"pal_backup": 99}), *lines[1:]]
    yield "no head", lines[1:]
    yield "a bad event", [lines[0], json.dumps({"position": 1, "event": {"kind": "asked"}}), '{"events":1}']
    yield "half a line", [*lines[:-1], lines[-1][:4]]
    yield "empty", []
    yield "a picture", ["\x89PNG"]


def test_damaged_backups_are_refused(new_database, tmp_path):
    with closing(filled(PostgresStore(new_database()))) as store:
        write_backup(store, tmp_path / "backup")
    lines = (tmp_path / "backup").read_text().splitlines()
    for what, changed in damaged_lines(lines):
        (tmp_path / "damaged").write_text("\n".join(changed))
        with pytest.raises(InvalidInputError, match="no whole backup"):
            pytest.fail(f"{what}: {read_backup(tmp_path / 'damaged')}")
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as other:
        other.execute("CREATE TABLE x (y)")
    with pytest.raises(InvalidInputError, match="no backup of a project"):
        read_backup(tmp_path / "other.sqlite")
    with pytest.raises(InvalidInputError, match="can't read"):
        read_backup(tmp_path / "missing")
