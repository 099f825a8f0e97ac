"""A log in a PostgreSQL database, which several servers may share: one project a database (or schema).

Positions come from a sequence, and a sequence counts before the transaction commits: of two appends at once, the one
with the larger position may commit first. A reader who has seen it would ask for what comes after, and never see the
smaller one. So appends take turns: each holds an advisory lock from before its first position until its commit is
visible, and whoever reads up to a position has read everything before it.

Statements that nobody needs to think between go in one message and come back in one, for each way costs as much as the
statement where the processors are busy: an append, with what others wrote before it and what is written beside it, is
one (:meth:`PostgresStore.exchange`). Connections are looked at before they are used, not asked.
"""

import select
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError, NoSuchModuleError

from pal.errors import InvalidInputError, StoreError, require_extra
from pal.store.events import Event, to_json
from pal.store.migrate import migrate
from pal.store.tables import LostError, SqlLog, first_of_each, read_back

SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")

_CONNECT_SECONDS = 10
# Any number will do that is always the same: it guards the making of tables, when there is no table yet to name a lock.
_MAKING = 0x50414C

_KEPT = 10
_MORE = 5

CHANGED = "accounts"
"""What a notification says, instead of a position, when accounts change."""

_IDLE = 30.0
"""Seconds after which a connection is asked whether it still works: what lies between may have dropped it silently."""

# The table's own number: logs in other schemas of the database don't wait for this one, nor hear of it.
_TURN = sa.text("SELECT pg_advisory_xact_lock('events'::regclass::oid::bigint)")
_TELL = sa.text("SELECT pg_notify('pal_' || 'events'::regclass::oid, max(position)::text) FROM events")
_READ = sa.text(
    "SELECT position, body FROM events"
    " WHERE position > :after AND id <> ALL(CAST(:without AS varchar[])) ORDER BY position"
).bindparams(sa.bindparam("after", type_=sa.BigInteger))


class Came(NamedTuple):
    """What came of a statement: its rows, and how many it wrote."""

    rows: Sequence[Any]
    written: int


class PostgresStore(SqlLog):
    """A log in a PostgreSQL database.

    Parameters
    ----------
    address
        ``postgresql://user:password@host:port/database``; the password is in no message and in no log.

    Raises
    ------
    InvalidInputError
        If the address can't be read.
    StoreError
        If the database can't be reached or written, or has tables of a newer version.
    MissingExtraError
        If psycopg isn't installed.
    """

    def __init__(self, address: str) -> None:
        url = _parse(address)
        try:
            engine = sa.create_engine(
                url,
                isolation_level="AUTOCOMMIT",  # to read takes no transaction
                pool_size=_KEPT,
                max_overflow=_MORE,
                pool_use_lifo=True,
                connect_args={"connect_timeout": _CONNECT_SECONDS},
                hide_parameters=True,
            )
        except ModuleNotFoundError as error:
            raise require_extra(str(error.name), "postgres") from None
        super().__init__(engine, public(address))
        # After the lock, a statement must see what others committed.
        self._transactions = engine.execution_options(isolation_level="READ COMMITTED")
        sa.event.listen(engine, "connect", _configure)
        sa.event.listen(engine, "checkout", _glance)
        try:
            with self._transactions.begin() as connection:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
                migrate(connection, self._name)
        except StoreError:
            self.close()
            raise
        except DBAPIError as error:
            self.close()
            why = " ".join(str(error.orig).split())
            raise StoreError(f"can't open the log {self._name}: {why}; check --store") from None

    def append(self, events: Sequence[Event]) -> list[int]:
        """Add events; see :class:`pal.store.Store`."""
        if not events:
            return []
        came = self._put(events)
        if came is None:
            return super().append(events)
        at = {event: position for position, event in came[0].rows}
        return [at[event.id] for event in events]

    def exchange(self, events: Sequence[Event], position: int) -> list[tuple[int, Event]]:
        """Append, and read what the log has after a position, up to these: one message to the database and one back.

        Events that were there before come back only if they lie after the position.
        """
        new = first_of_each(events)
        came = self._put(events, reading(position, list(new))) if new else None
        if came is None:
            super().append(events)
            return self.read_after(position)
        mine, others = came
        return sorted(read_back(others.rows) + [(at, new[event]) for at, event in mine.rows], key=itemgetter(0))

    def rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        """Rows of a query; if the connection turns out to be lost, by another one."""
        try:
            return super().rows(query)
        except LostError:
            return super().rows(query)

    def _put(self, events: Sequence[Event], *more: sa.TextClause) -> list[Came] | None:
        """Add events, if all of them are new, and then do more under the same lock; None if nothing was written."""
        import psycopg

        new = list(first_of_each(events).values())
        rows = [(event.id, to_json(event)) for event in new]
        beside = self.besides(new)
        statements = [_TURN, _inserting(rows), *more, *(statement for statement, _ in beside), _TELL]
        try:
            _, *came = self.together(*statements)
        except psycopg.errors.UniqueViolation:
            return None  # sent again
        for (_, wrote), (_, count) in zip(beside, came[1 + len(more) : -1], strict=True):
            if wrote is not None:
                wrote(count)
        return came[: 1 + len(more)]

    def together(self, *statements: sa.TextClause) -> list[Came]:
        """What came of each of some statements: one transaction, in one message to the database and one back.

        Each statement sees what was committed before it began. A connection that turns out to be lost is replaced, and
        all is sent again: what it wrote may have been kept, so statements must do no harm twice.

        Raises
        ------
        StoreError
            If the database can't do what it is asked; then nothing is written.
        psycopg.errors.UniqueViolation
            If a row that must be new is there; then nothing is written.
        """
        import psycopg

        try:
            try:
                return self._sent(statements)
            except psycopg.OperationalError:  # the connection was lost
                return self._sent(statements)
        except psycopg.errors.UniqueViolation:
            raise
        except psycopg.Error as error:
            raise self._unexpected(error) from None

    def _sent(self, statements: Sequence[sa.TextClause]) -> list[Came]:
        import psycopg

        compiled = [statement.compile(dialect=self._engine.dialect) for statement in statements]
        with closing(self._engine.raw_connection()) as pooled:
            driver: Any = pooled.driver_connection
            cursor = psycopg.ClientCursor(driver)  # which fills in values here, as several statements in one need
            try:
                cursor.execute("; ".join(cursor.mogrify(str(one), one.params) for one in compiled))
                came = [_came(cursor)]
                while cursor.nextset():
                    came.append(_came(cursor))
            except psycopg.Error as error:
                if driver.closed:  # and so are the others, most likely
                    pooled.invalidate(error)
                    self._engine.dispose()
                raise
            return came

    def appended(self, connection: sa.Connection, position: int) -> None:
        """Notify whoever listens; it is sent with the commit."""
        connection.execute(sa.select(sa.func.pg_notify(channel(), str(position))))

    @contextmanager
    def changing(self) -> Iterator[sa.Connection]:
        """Writing transaction for accounts; servers that listen are told with the commit."""
        with super().changing() as connection:
            yield connection
            connection.execute(sa.select(sa.func.pg_notify(channel(), CHANGED)))

    def connect(self) -> sa.Connection:
        """Connection that commits each statement by itself."""
        return self._engine.connect()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Writing transaction that doesn't touch the log, and so waits for no append.

        Raises
        ------
        StoreError
            If the database can't do what it is asked; then nothing is written.
        """
        with self._explained(), self._transactions.begin() as connection:
            yield connection

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Transaction under the lock that makes appends of all processes take turns."""
        with self._transactions.begin() as connection:
            connection.execute(_TURN)
            yield connection


def reading(after: int, /, without: Sequence[str] = ()) -> sa.TextClause:
    """Statement that reads the log after a position, but for events with some ids."""
    return _READ.bindparams(after=after, without=list(without))


def _inserting(rows: Sequence[tuple[str, str]]) -> sa.TextClause:
    """Statement that adds events, each an id and a body, and returns their positions and ids."""
    values = ", ".join(f"(:id{i}, :body{i})" for i in range(len(rows)))
    given = {f"{name}{i}": value for i, row in enumerate(rows) for name, value in zip(("id", "body"), row, strict=True)}
    return sa.text(f"INSERT INTO events (id, body) VALUES {values} RETURNING position, id").bindparams(**given)  # noqa: S608


def channel() -> sa.ColumnElement[str]:
    """Name of the log's channel: logs in other schemas of the database have others."""
    return sa.literal_column("'pal_' || 'events'::regclass::oid", sa.String)


def public(address: str, /) -> str:
    """Address without its password."""
    url = _parse(address)
    # A password may also stand among the parameters, as libpq allows.
    query = {key: value for key, value in url.query.items() if "password" not in key.lower()}
    return sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database, query).render_as_string()


def _parse(address: str) -> sa.URL:
    try:
        url = sa.make_url(address)
    except (ArgumentError, ValueError, NoSuchModuleError):
        url = None
    if url is None or url.drivername not in SCHEMES or not url.database:
        # Without the address: a mistake in it may have put the password anywhere.
        raise InvalidInputError(
            "--store must be an address like postgresql://user:password@host:port/database; got something else"
        )
    return url.set(drivername="postgresql+psycopg")


def _configure(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("SET synchronous_commit TO on")  # acknowledged means on disk, whatever the server's default
    cursor.close()
    connection.commit()


def _came(cursor: Any) -> Came:
    return Came(cursor.fetchall() if cursor.description else [], cursor.rowcount)


def _glance(connection: Any, record: Any, _: object) -> None:
    """See whether the other end closed a connection of the pool: its socket has something to say, unasked."""
    now, last = time.monotonic(), record.info.get("glanced")
    record.info["glanced"] = now
    if last is None or not (now - last > _IDLE or _readable(connection.fileno())):
        return
    try:
        connection.execute("SELECT 1")
    except connection.Error as error:
        raise InvalidatePoolError from error  # most likely the database was started again: the others are lost too


def _readable(socket: int) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([socket], [], [], 0)[0])
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))
