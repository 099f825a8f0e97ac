"""A log in an SQLite file through SQLAlchemy Core: one file and one writing process.

Write-ahead log with full sync: what :meth:`SqlStore.append` has returned survives ``kill -9`` and loss of power.
Writing transactions begin with BEGIN IMMEDIATE, because a deferred one that upgrades to a write fails at once where
another writes, whatever the busy timeout.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from pal.errors import StoreError
from pal.store.migrate import migrate, version
from pal.store.tables import SCHEMA, SqlLog


class SqlStore(SqlLog):
    """A log in an SQLite file.

    Parameters
    ----------
    path
        The file; made if missing. Its directory must exist.
    busy_timeout
        Seconds to wait for another process that writes.

    Raises
    ------
    StoreError
        If the file is no database, can't be written, or has tables of a newer version.
    """

    def __init__(self, path: Path, *, busy_timeout: float = 30.0) -> None:
        self.path = Path(path)
        engine = sa.create_engine(f"sqlite:///{self.path}", connect_args={"timeout": busy_timeout})
        super().__init__(engine, str(self.path))
        self._mark = self.path.with_name(f"{self.path.name}-accounts")  # a byte longer with each change
        sa.event.listen(engine, "connect", _configure)
        try:
            with self._write, self.begin() as connection:
                self._copy_if_old(connection)
                migrate(connection, self._name)
        except StoreError:
            self.close()
            raise
        except DatabaseError as error:
            self.close()
            raise StoreError(f"can't open the log {self.path}: {error.orig}; give another --project") from None

    def begin(self) -> "_Immediate":
        """BEGIN IMMEDIATE: wait for other processes now, not in the middle."""
        return _Immediate(self._engine)

    @contextmanager
    def changing(self) -> Iterator[sa.Connection]:
        """Writing transaction for accounts; another process sees it by the length of a file beside the log."""
        with super().changing() as connection:
            yield connection
        with self._mark.open("ab") as file:
            file.write(b".")

    def stamp(self) -> object:
        """Changes by this process, and by all."""
        try:
            return super().stamp(), self._mark.stat().st_size
        except FileNotFoundError:
            return super().stamp(), 0

    def _copy_if_old(self, connection: sa.Connection) -> None:
        """Keep the file as it is beside itself, before its tables are changed; nobody writes meanwhile."""
        found = version(connection)
        if found in (None, SCHEMA) or not str(found).isdecimal() or int(str(found)) > int(SCHEMA):
            return
        name, number = f"{self.path.stem}.version-{found}", 1
        copy = self.path.with_name(name + self.path.suffix)
        while copy.exists():  # of a time when somebody went back to it
            number += 1
            copy = self.path.with_name(f"{name}-{number}{self.path.suffix}")
        copy_sqlite(self.path, copy)


def copy_sqlite(path: Path, to: Path, /) -> None:
    """Copy an SQLite file, whole and at one moment, though others may write to it.

    Raises
    ------
    StoreError
        If either can't be read or written; then there is no copy.
    """
    half = to.with_name(f"{to.name}.half")
    try:
        half.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(half)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        with half.open("rb") as file:
            os.fsync(file.fileno())
        half.replace(to)
    except (sqlite3.Error, OSError) as error:
        half.unlink(missing_ok=True)
        raise StoreError(f"can't copy the log {path} to {to}: {error}; free some space or give another place") from None


class _Immediate:
    """A writing transaction: BEGIN IMMEDIATE, then COMMIT, or ROLLBACK on an error."""

    def __init__(self, engine: sa.Engine) -> None:
        self._connection = engine.connect()

    def __enter__(self) -> sa.Connection:
        try:
            self._connection.exec_driver_sql("BEGIN IMMEDIATE")
        except BaseException:
            self._connection.close()
            raise
        return self._connection

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self._connection.exec_driver_sql("COMMIT" if kind is None else "ROLLBACK")
        finally:
            self._connection.close()


def _configure(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
    connection.isolation_level = None  # sqlite3 would begin transactions by itself, and deferred ones
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
