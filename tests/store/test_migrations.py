"""Every released schema comes up to today's, on both databases, with all that it holds.

``schemas/VERSION.DATABASE.sql`` is a small store as that version left it; a new version adds its own.
"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from pal.errors import StoreError
from pal.store import Answered, Named, Retracted
from pal.store.migrate import migrate
from pal.store.postgres import PostgresStore
from pal.store.sql import SqlStore, copy_sqlite
from pal.store.tables import METADATA, SCHEMA
from tests.store.logs import ITEMS

SCHEMAS = Path(__file__).parent / "schemas"
OLD = [str(number) for number in range(1, int(SCHEMA))]


def sqlite_of(old, path):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((SCHEMAS / f"{old}.sqlite.sql").read_text())
    return path


def postgres_of(old, address):
    engine = sa.create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql((SCHEMAS / f"{old}.postgresql.sql").read_text())
    engine.dispose()
    return address


def check_contents(store):
    log = store.read_after(0)
    assert [position for position, _ in log] == [1, 2, 3]
    page, name, undo = (event for _, event in log)
    assert page == Answered(
        labeler="ann", page="p", template=ITEMS[0], items=ITEMS[1:3], relations=(1, -1), id="1" * 32, time=1.7e9,
        seconds=3.5, toggles=((ITEMS[1], 0.5),),
    )  # fmt: skip
    assert name == Named(labeler="bob", item=ITEMS[0], name="Käse 猫", id="2" * 32, time=1.7e9)
    assert undo == Retracted(labeler="ann", event="1" * 32, id="3" * 32, time=1.7e9)
    assert store.get_meta("source") == "digits"
    assert store.get_meta("schema") == SCHEMA
    assert store.append([page]) == [1]
    (later,) = store.append([Named(labeler="ann", item=ITEMS[0], name="later")])
    assert later > 3, "gaps are allowed: an event that was sent again may have taken a position"


def shape(engine):
    """Columns, keys and indices of each table, for comparing databases."""
    inspector = sa.inspect(engine)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted(unique["column_names"] for unique in inspector.get_unique_constraints(table)),
            sorted(index["column_names"] for index in inspector.get_indexes(table) if not index["unique"]),
        )
        for table in inspector.get_table_names()
        if table not in ("alembic_version", "sqlite_sequence")
    }


def as_declared(address):
    engine = sa.create_engine(address)
    METADATA.create_all(engine)
    found = shape(engine)
    engine.dispose()
    return found


@pytest.mark.parametrize("old", OLD)
def test_sqlite_comes_up_to_date(old, tmp_path):
    path = sqlite_of(old, tmp_path / "log.sqlite")
    for _ in range(2):  # the second time there is nothing to do
        store = SqlStore(path)
        found = shape(store._engine)
        store.close()
    assert found == as_declared(f"sqlite:///{tmp_path / 'new.sqlite'}")
    assert sorted(file.name for file in tmp_path.glob("log*")) == ["log.sqlite", f"log.version-{old}.sqlite"]
    store = SqlStore(path)
    check_contents(store)
    store.close()


@pytest.mark.parametrize("old", OLD)
def test_the_copy_is_the_old_store(old, tmp_path):
    path = sqlite_of(old, tmp_path / "log.sqlite")
    with closing(sqlite3.connect(path)) as connection:
        before = list(connection.iterdump())
    SqlStore(path).close()
    for _ in range(2):
        with closing(sqlite3.connect(tmp_path / f"log.version-{old}.sqlite")) as connection:
            assert list(connection.iterdump()) == before
        # Somebody goes back to it: the next copy gets another name, and this one stays.
        copy_sqlite(tmp_path / f"log.version-{old}.sqlite", path)
        SqlStore(path).close()
    assert (tmp_path / f"log.version-{old}-3.sqlite").exists()


@pytest.mark.slow
@pytest.mark.parametrize("old", OLD)
def test_postgres_comes_up_to_date(old, new_database):
    address = postgres_of(old, new_database())
    PostgresStore(address).close()
    store = PostgresStore(address)
    assert shape(store._engine) == as_declared(new_database().replace("postgresql:", "postgresql+psycopg:"))
    check_contents(store)
    store.close()


def test_new_stores_are_what_is_declared(tmp_path):
    store = SqlStore(tmp_path / "log.sqlite")
    assert shape(store._engine) == as_declared(f"sqlite:///{tmp_path / 'new.sqlite'}")
    store.close()
    assert not list(tmp_path.glob("*version*"))


def all_of(engine):
    """:func:`shape`, with what Alembic keeps, and what it says."""
    with engine.connect() as connection:
        kept = sa.inspect(connection)
        columns = [(c["name"], str(c["type"]), c["nullable"]) for c in kept.get_columns("alembic_version")]
        said = connection.execute(sa.text("SELECT version_num FROM alembic_version")).all()
        return shape(engine), columns, kept.get_pk_constraint("alembic_version"), said


def test_a_new_sqlite_store_is_as_one_that_took_every_step(tmp_path):
    new, old = SqlStore(tmp_path / "new.sqlite"), SqlStore(sqlite_of("1", tmp_path / "old.sqlite"))
    assert all_of(new._engine) == all_of(old._engine)
    new.close()
    old.close()


def test_a_new_postgres_store_is_as_one_that_took_every_step(new_database):
    new, old = PostgresStore(new_database()), PostgresStore(postgres_of("1", new_database()))
    assert all_of(new._engine) == all_of(old._engine)
    new.close()
    old.close()


def test_the_next_version_can_step_up_from_a_new_store(tmp_path):
    store = SqlStore(tmp_path / "log.sqlite")
    store.set_meta("schema", "1")  # Alembic's own mark decides which steps are left: none
    store.close()
    store = SqlStore(tmp_path / "log.sqlite")
    assert store.get_meta("schema") == SCHEMA
    store.close()


def test_a_new_store_needs_no_alembic(tmp_path):
    code = (
        "import sys; from pathlib import Path; from pal.store.sql import SqlStore\n"
        "SqlStore(Path(sys.argv[1])).close(); assert not any(name.split('.')[0] == 'alembic' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "log.sqlite"], check=True)


def test_tables_of_others_stay(tmp_path):
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as connection:
        connection.execute("CREATE TABLE accounts (x)")
        before = list(connection.iterdump())
    with pytest.raises(StoreError, match="accounts already exists"):
        SqlStore(tmp_path / "log.sqlite")
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as connection:
        assert list(connection.iterdump()) == before


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    path = sqlite_of("1", tmp_path / "log.sqlite")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE accounts (x)")  # in the way of version 2, after it has made leases
        before = list(connection.iterdump())
    with pytest.raises(StoreError, match="accounts already exists"):
        SqlStore(path)
    with closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before


@pytest.mark.parametrize("newer", ["99", "x", "-1"])
def test_a_newer_store_is_refused_and_left_alone(newer, tmp_path):
    store = SqlStore(tmp_path / "log.sqlite")
    store.set_meta("schema", newer)
    with pytest.raises(StoreError, match="use the pal that wrote it"), store.writing() as connection:
        migrate(connection, "it")
    store.close()
    with pytest.raises(StoreError, match="use the pal that wrote it"):
        SqlStore(tmp_path / "log.sqlite")
    assert not list(tmp_path.glob("*version*"))


def test_every_old_version_has_its_fixtures():
    assert {path.name for path in SCHEMAS.iterdir()} == {
        f"{old}.{database}.sql" for old in OLD for database in ("sqlite", "postgresql")
    }
