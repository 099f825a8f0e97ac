"""A log in a PostgreSQL database, which several servers may share: one project a database (or schema).

Positions come from a sequence, and a sequence counts before the transaction commits: of two appends at once, the one
with the larger position may commit first. A reader who has seen it would ask for what comes after, and never see the
smaller one. So appends take turns: each holds an advisory lock from before its first position until its commit is
visible, and whoever reads up to a position has read everything before it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from pal.errors import InvalidInputError, StoreError, require_extra
from pal.store.migrate import migrate
from pal.store.tables import SqlLog

SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")

_CONNECT_SECONDS = 10
# Any number will do that is always the same: it guards the making of tables, when there is no table yet to name a lock.
_MAKING = 0x50414C


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
                isolation_level="READ COMMITTED",  # after the lock, a statement must see what others committed
                pool_pre_ping=True,  # a database that was restarted is found again
                connect_args={"connect_timeout": _CONNECT_SECONDS},
                hide_parameters=True,
            )
        except ModuleNotFoundError as error:
            raise require_extra(str(error.name), "postgres") from None
        super().__init__(engine, public(address))
        sa.event.listen(engine, "connect", _configure)
        try:
            with engine.begin() as connection:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
                migrate(connection, self._name)
        except StoreError:
            self.close()
            raise
        except DBAPIError as error:
            self.close()
            why = " ".join(str(error.orig).split())
            raise StoreError(f"can't open the log {self._name}: {why}; check --store") from None

    def appended(self, connection: sa.Connection, position: int) -> None:
        """Notify whoever listens; it is sent with the commit."""
        connection.execute(sa.select(sa.func.pg_notify(channel(), str(position))))

    def connect(self) -> sa.Connection:
        """Connection that commits each statement by itself."""
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Writing transaction that doesn't touch the log, and so waits for no append.

        Raises
        ------
        StoreError
            If the database can't do what it is asked; then nothing is written.
        """
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Transaction under the lock that makes appends of all processes take turns."""
        with self._engine.begin() as connection:
            # The table's own number: logs in other schemas of the database don't wait for this one.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock('events'::regclass::oid::bigint)"))
            yield connection


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
