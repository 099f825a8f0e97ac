"""Tables of a store, as they are today, and the reading and writing that every database has in common."""

import gc
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from pal.errors import StoreError
from pal.store.events import Event, from_log, to_json

SCHEMA = "5"
"""Version of the tables: the last of ``migrations``. Older stores are brought up to it, newer ones refused."""

METADATA = sa.MetaData()
EVENTS = sa.Table(
    "events",
    METADATA,
    # 64 bits wherever integers have a width; SQLite's INTEGER PRIMARY KEY has them all the same.
    sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("body", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
META = sa.Table(
    "meta", METADATA, sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)
LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("page", sa.String, primary_key=True),
    sa.Column("items", sa.Text, nullable=False),  # with spaces between them
    sa.Column("expires", sa.Double, nullable=False),
)
ACCOUNTS = sa.Table(
    "accounts",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("key", sa.String, nullable=False, unique=True),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("invite", sa.String, nullable=True),
)
WEBHOOKS = sa.Table(
    "webhooks",
    METADATA,
    sa.Column("url", sa.String, primary_key=True),
    sa.Column("secret", sa.String, nullable=False),
    sa.Column("kinds", sa.String, nullable=False),
    sa.Column("said", sa.String, nullable=False),
)
DELIVERIES = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("url", sa.String, nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", sa.Double, nullable=False),
    sqlite_autoincrement=True,
)
# SQLite takes at most 32,766 parameters a statement.
_CHUNK = 5_000


class LostError(StoreError):
    """The connection was lost; another may do."""


class Beside(NamedTuple):
    """A statement for the transaction of an append, and who is told of how many rows it wrote."""

    statement: sa.TextClause
    wrote: Callable[[int], object] | None = None


class SqlLog:
    """A log in a database.

    Parameters
    ----------
    engine
        Its connections.
    name
        How messages call it; never with a password.
    """

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._write = threading.Lock()
        self.beside: list[Callable[[Sequence[Event]], Sequence[Beside]]] = []
        """Asked at each append what else is to be written with events, in the same transaction, if they are new."""
        self._stamp = object()

    def begin(self) -> AbstractContextManager[sa.Connection]:
        """Writing transaction of a database; one writer at a time, in this process and among all."""
        raise NotImplementedError

    def appended(self, connection: sa.Connection, position: int) -> None:
        """Tell others of what a transaction appends up to ``position``, where there may be others."""

    def append(self, events: Sequence[Event]) -> list[int]:
        """Add events, one transaction; see :class:`pal.store.Store`."""
        if not events:
            return []
        rows = {event: {"id": event, "body": to_json(one)} for event, one in first_of_each(events).items()}
        with self.writing() as connection:
            known = _positions(connection, list(rows))
            new = {event: one for event, one in first_of_each(events).items() if event not in known}
            if new:
                known |= _insert(connection, [rows[event] for event in new])
                for statement, wrote in self.besides(list(new.values())):
                    count = connection.execute(statement).rowcount
                    if wrote is not None:
                        wrote(count)
                self.appended(connection, max(known.values()))
        return [known[event.id] for event in events]

    def besides(self, events: Sequence[Event]) -> list[Beside]:
        """What else is to be written with new events."""
        return [one for ask in self.beside for one in ask(events)]

    def read_after(self, position: int) -> list[tuple[int, Event]]:
        """Events after a position."""
        query = sa.select(EVENTS.c.position, EVENTS.c.body).where(EVENTS.c.position > position)
        return read_back(self.rows(query.order_by(EVENTS.c.position)))

    def rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        """Rows of a query."""
        with self.reading() as connection:
            return connection.execute(query).all()

    def get_meta(self, key: str) -> str | None:
        """Read a note."""
        found = self.rows(sa.select(META.c.value).where(META.c.key == key))
        return found[0].value if found else None

    def set_meta(self, key: str, value: str) -> None:
        """Write a note."""
        with self.writing() as connection:
            connection.execute(sa.delete(META).where(META.c.key == key))
            connection.execute(sa.insert(META), {"key": key, "value": value})

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Connection to read with.

        Raises
        ------
        StoreError
            If the database can't do what it is asked.
        """
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Writing transaction, kept if nothing is raised.

        Raises
        ------
        StoreError
            If the database can't do what it is asked; then nothing is written.
        """
        with self._explained(), self._write, self.begin() as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[sa.Connection]:
        """Writing transaction for accounts: whoever keeps what it read of them is told, in every process."""
        with self.writing() as connection:
            yield connection
        self.changed()

    def changed(self) -> None:
        """Say that accounts may have changed."""
        self._stamp = object()

    def stamp(self) -> object:
        """Another value whenever accounts may have changed since; asks nobody that must be waited for."""
        return self._stamp

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            # The driver's own words; SQLAlchemy's carry the statement and its values.
            raise self._unexpected(error.orig, lost=error.connection_invalidated) from None

    def _unexpected(self, error: BaseException | None, *, lost: bool = False) -> StoreError:
        why = " ".join(str(error).split())
        kind = LostError if lost else StoreError
        return kind(f"the log {self._name} didn't answer as expected: {why}; try again")


def first_of_each(events: Iterable[Event], /) -> dict[str, Event]:
    """Events by id, in order; of several with one id the first."""
    found: dict[str, Event] = {}
    for event in events:
        found.setdefault(event.id, event)
    return found


def read_back(rows: Iterable[Sequence[Any]], /) -> list[tuple[int, Event]]:
    """Events of rows of the log, each a position and a body."""
    with _uncollected():
        return [(position, from_log(body)) for position, body in rows]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles, which would look at a long log's events again and again, and find none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _insert(connection: sa.Connection, rows: list[dict[str, str]]) -> dict[str, int]:
    """Insert new rows, and return the position of each id."""
    if len(rows) == 1:  # an answer: the database says its position by itself
        key = connection.execute(sa.insert(EVENTS), rows[0]).inserted_primary_key
        assert key is not None  # noqa: S101
        return {rows[0]["id"]: key[0]}
    connection.execute(sa.insert(EVENTS), rows)
    return _positions(connection, [row["id"] for row in rows])


def _positions(connection: sa.Connection, ids: list[str]) -> dict[str, int]:
    if len(ids) == 1:
        one = connection.execute(sa.select(EVENTS.c.position).where(EVENTS.c.id == ids[0])).scalar_one_or_none()
        return {} if one is None else {ids[0]: one}
    found: dict[str, int] = {}
    for start in range(0, len(ids), _CHUNK):
        query = sa.select(EVENTS.c.id, EVENTS.c.position).where(EVENTS.c.id.in_(ids[start : start + _CHUNK]))
        found.update((row.id, row.position) for row in connection.execute(query))
    return found
