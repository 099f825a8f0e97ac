"""A log in an SQLite file through SQLAlchemy Core: one file and one writing process.

Write-ahead log with full sync: what :meth:`SqlStore.append` has returned survives ``kill -9`` and loss of power.
Writing transactions begin with BEGIN IMMEDIATE, because a deferred one that upgrades to a write fails at once where
another writes, whatever the busy timeout.
"""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from pal.errors import StoreError
from pal.store.tables import METADATA, SCHEMA, SqlLog


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
        If the file is no database, can't be written, or has tables of another version.
    """

    def __init__(self, path: Path, *, busy_timeout: float = 30.0) -> None:
        self.path = Path(path)
        engine = sa.create_engine(f"sqlite:///{self.path}", connect_args={"timeout": busy_timeout})
        super().__init__(engine, str(self.path))
        sa.event.listen(engine, "connect", _configure)
        try:
            with self._write, self.begin() as connection:
                METADATA.create_all(connection)
        except DatabaseError as error:
            self.close()
            raise StoreError(f"can't open the log {self.path}: {error.orig}; give another --project") from None
        schema = self.get_meta("schema")
        if schema is None:
            self.set_meta("schema", SCHEMA)
        if schema not in (None, SCHEMA):
            self.close()
            raise StoreError(
                f"the log {self.path} has tables of version {schema}, expected {SCHEMA}; use the pal that wrote it"
            )

    def begin(self) -> "_Immediate":
        """BEGIN IMMEDIATE: wait for other processes now, not in the middle."""
        return _Immediate(self._engine)


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
