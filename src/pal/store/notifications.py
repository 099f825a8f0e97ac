"""Notifications: servers that share a PostgreSQL log wake each other with LISTEN and NOTIFY.

A notification is sent in the transaction of the append, and so arrives when what it tells of can be read. It says the
last position; whoever knows that has nothing to do. Of accounts that change it says that. One that is lost, with its
connection, costs a moment: who listens looks now and then all the same.
"""

from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from pal.store.postgres import CHANGED, PostgresStore, channel
from pal.store.tables import EVENTS


class Listener:
    """A connection of its own that waits for notifications; use it from one thread."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._connection: sa.Connection | None = None

    def wait(self, seconds: float) -> int | None:
        """Largest position told of within ``seconds``; None if nothing was told, or if there is no connection now."""
        import psycopg

        try:
            return self._wait(seconds)
        except (psycopg.Error, SQLAlchemyError):
            self.close()  # the next call makes a new connection
            return None

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()  # not back to the pool: it listens
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _wait(self, seconds: float) -> int | None:
        if self._connection is None:
            self._connection = self._store.connect()
            name = self._connection.execute(sa.select(channel())).scalar_one()
            self._connection.exec_driver_sql(f'LISTEN "{name}"')
            # What was written before it listened is told of by nobody else.
            self._store.changed()
            last: int | None = self._connection.execute(sa.select(sa.func.max(EVENTS.c.position))).scalar_one()
            return last if last is not None or seconds <= 0 else self._wait(seconds)
        driver: Any = self._connection.connection.driver_connection
        told = {notice.payload for notice in driver.notifies(timeout=seconds, stop_after=1)}
        if CHANGED in told:
            self._store.changed()
        return max(map(int, told - {CHANGED}), default=None)
