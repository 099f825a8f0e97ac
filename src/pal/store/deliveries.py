"""Deliveries: what webhooks are still to be told, kept in the store until it has arrived.

What the log takes in and what is told of it are written in one transaction, so neither is without the other after a
crash. Deliveries to one address go in their order. Several servers may work at them: one takes the first of an address
by moving the time when it is due, and whoever finds it due takes it next.
"""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from pal.store.tables import DELIVERIES, WEBHOOKS, SqlLog

WAITING = 1_000
"""Deliveries that wait for an address; then the oldest is given up."""


class Delivery(NamedTuple):
    """One delivery: its place, its id, where to, what, how often it was tried, and when it is due (epoch seconds)."""

    position: int
    id: str
    url: str
    body: str
    attempts: int
    due: float


def queueing(kind: str, delivery: str, body: str, /) -> sa.TextClause:
    """Statement that queues something that happened for whoever wants that kind, as they are when it is executed."""
    return _QUEUE.bindparams(kind=f"%,{kind},%", delivery=delivery, body=body)


class Deliveries:
    """Deliveries of a store."""

    def __init__(self, store: SqlLog) -> None:
        self._store = store

    def queue(self, made: Sequence[tuple[str, str, str]], /) -> int:
        """Queue things that happened, each a kind, an id and a body, for whoever wants that kind; returns how many."""
        with self._store.writing() as connection:
            return sum(connection.execute(queueing(*one)).rowcount for one in made)

    def first(self) -> list[Delivery]:
        """First delivery of each address."""
        each = sa.select(sa.func.min(DELIVERIES.c.position)).group_by(DELIVERIES.c.url)
        query = sa.select(DELIVERIES).where(DELIVERIES.c.position.in_(each)).order_by(DELIVERIES.c.position)
        with self._store.reading() as connection:
            return [Delivery(*row) for row in connection.execute(query)]

    def take(self, delivery: Delivery, seconds: float, /) -> bool:
        """Take a delivery that is due for so many seconds; False if another server was quicker."""
        mine = (DELIVERIES.c.position == delivery.position) & (DELIVERIES.c.due == delivery.due)
        return self._change(sa.update(DELIVERIES).where(mine).values(due=time.time() + seconds))

    def put_off(self, delivery: Delivery, seconds: float, /) -> None:
        """Note that an attempt failed, and try again later."""
        mine = sa.update(DELIVERIES).where(DELIVERIES.c.position == delivery.position)
        self._change(mine.values(due=time.time() + seconds, attempts=delivery.attempts + 1))

    def drop(self, delivery: Delivery, /) -> None:
        """Take a delivery that arrived, or is given up, from the list."""
        self._change(sa.delete(DELIVERIES).where(DELIVERIES.c.position == delivery.position))

    def tidy(self) -> None:
        """Drop what is for no webhook any more, and of each address what is too much.

        Which webhooks there are is asked in the statement that drops: one may be added, and told something, meanwhile.
        """
        waiting: Mapping[str, int] = self.waiting()
        with self._store.reading() as connection:
            known = {row.url for row in connection.execute(_HOOKS)}
        if not known.issuperset(waiting):
            self._change(sa.delete(DELIVERIES).where(DELIVERIES.c.url.not_in(sa.select(WEBHOOKS.c.url))))
        for url, count in waiting.items():
            if count > WAITING:
                old = sa.select(DELIVERIES.c.position).where(DELIVERIES.c.url == url).order_by(DELIVERIES.c.position)
                self._change(sa.delete(DELIVERIES).where(DELIVERIES.c.position.in_(old.limit(count - WAITING))))

    def waiting(self) -> dict[str, int]:
        """How many wait for each address."""
        query = sa.select(DELIVERIES.c.url, sa.func.count()).group_by(DELIVERIES.c.url)
        with self._store.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def begin_again(self) -> None:
        """Make everything due now: for the one server of a store, when it starts."""
        self._change(sa.update(DELIVERIES).values(due=0.0))

    def _change(self, statement: sa.Update | sa.Delete) -> bool:
        with self._store.writing() as connection:
            return bool(connection.execute(statement).rowcount)


_QUEUE = sa.text(
    "INSERT INTO deliveries (id, url, body, attempts, due)"
    " SELECT :delivery || '-' || number, url, :body, 0, 0.0"
    " FROM (SELECT url, kinds, row_number() OVER (ORDER BY url) - 1 AS number FROM webhooks) AS hooks"
    " WHERE ',' || kinds || ',' LIKE :kind ORDER BY number"
)
_HOOKS = sa.select(WEBHOOKS.c.url, WEBHOOKS.c.kinds).order_by(WEBHOOKS.c.url)
