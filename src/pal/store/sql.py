"""A log in a database through SQLAlchemy Core: SQLite, one file and one writing process.

Write-ahead log with full sync: what :meth:`SqlStore.append` has returned survives ``kill -9`` and loss of power.
Writing transactions begin with BEGIN IMMEDIATE, because a deferred one that upgrades to a write fails at once where
another writes, whatever the busy timeout.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from pal.errors import StoreError
from pal.store.events import Event, from_json, to_json

SCHEMA = "1"
"""Version of the tables; a store of another version is refused, not guessed at."""

_METADATA = sa.MetaData()
_EVENTS = sa.Table(
    "events",
    _METADATA,
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("body", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
_META = sa.Table(
    "meta", _METADATA, sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)
# SQLite takes at most 32,766 parameters a statement.
_CHUNK = 5_000


class SqlStore:
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
        self._write = threading.Lock()
        self._engine = sa.create_engine(f"sqlite:///{self.path}", connect_args={"timeout": busy_timeout})
        sa.event.listen(self._engine, "connect", _configure)
        try:
            with self._write, self._begin() as connection:
                _METADATA.create_all(connection)
            schema = self.get_meta("schema")
            if schema is None:
                self.set_meta("schema", SCHEMA)
        except DatabaseError as error:
            self.close()
            raise StoreError(f"can't open the log {self.path}: {error.orig}; give another --project") from None
        if schema not in (None, SCHEMA):
            self.close()
            raise StoreError(
                f"the log {self.path} has tables of version {schema}, expected {SCHEMA}; use the pal that wrote it"
            )

    def append(self, events: Sequence[Event]) -> list[int]:
        """Add events, one transaction; see :class:`pal.store.Store`."""
        if not events:
            return []
        rows = [{"id": event.id, "body": to_json(event)} for event in events]
        with self._write, self._begin() as connection:
            known = _positions(connection, [row["id"] for row in rows])
            new = {row["id"]: row for row in reversed(rows) if row["id"] not in known}
            if new:
                fresh = [row for row in rows if new.get(row["id"]) is row]
                connection.execute(sa.insert(_EVENTS), fresh)
                known |= _positions(connection, list(new))
        return [known[row["id"]] for row in rows]

    def read_after(self, position: int) -> list[tuple[int, Event]]:
        """Events after a position."""
        query = sa.select(_EVENTS.c.position, _EVENTS.c.body).where(_EVENTS.c.position > position)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(_EVENTS.c.position)).all()
        return [(row.position, from_json(row.body)) for row in rows]

    def get_meta(self, key: str) -> str | None:
        """Read a note."""
        with self._engine.connect() as connection:
            return connection.execute(sa.select(_META.c.value).where(_META.c.key == key)).scalar_one_or_none()

    def set_meta(self, key: str, value: str) -> None:
        """Write a note."""
        with self._write, self._begin() as connection:
            connection.execute(sa.delete(_META).where(_META.c.key == key))
            connection.execute(sa.insert(_META), {"key": key, "value": value})

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _begin(self) -> "_Immediate":
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


def _positions(connection: sa.Connection, ids: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(ids), _CHUNK):
        query = sa.select(_EVENTS.c.id, _EVENTS.c.position).where(_EVENTS.c.id.in_(ids[start : start + _CHUNK]))
        found.update((row.id, row.position) for row in connection.execute(query))
    return found
