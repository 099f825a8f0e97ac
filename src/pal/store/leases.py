"""Leases in the database: which items are on an open page of any server, by the database's own clock."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from pal.store.postgres import PostgresStore
from pal.store.tables import LEASES

# clock_timestamp: now() is when the transaction began, which may have waited since.
_NOW = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
# Renewals within this share of a lease are one.
_JUST_NOW = 0.05
_LONG = float("inf")


class StoredLeases:
    """Leases that all servers of one PostgreSQL database share.

    An item belongs to one page at most: its row is taken with FOR UPDATE SKIP LOCKED, so that of two servers that
    choose the same tile at once one gets it, and the other goes on without waiting. An item nobody has asked about has
    a row from its first lease on.

    Parameters
    ----------
    store
        The database.
    seconds
        How long a lease lasts, unless renewed.
    """

    def __init__(self, store: PostgresStore, seconds: float) -> None:
        self.seconds = seconds
        self._store = store
        self._listed: set[str] = set()  # items known to have a row
        self._renewed: dict[str, float] = {}  # when pages were renewed last, by this server's clock

    def grant(self, page: str, items: Sequence[str]) -> tuple[float, list[str]]:
        """Lease to a page those of some items that are on no other; returns when that ends, and the items."""
        with self._transaction() as connection:
            new = sorted(set(items) - self._listed)  # sorted: no deadlock
            if new:
                rows = [{"item": item, "page": "", "expires": 0.0} for item in new]
                connection.execute(insert(LEASES).values(rows).on_conflict_do_nothing())
            ended = sa.select(LEASES.c.item).where(LEASES.c.item.in_(items), LEASES.c.expires <= _NOW)
            mine = sa.update(LEASES).where(LEASES.c.item.in_(ended.with_for_update(skip_locked=True)))
            mine = mine.values(page=page, expires=_NOW + self.seconds).returning(LEASES.c.item, LEASES.c.expires)
            taken = {row.item: row.expires for row in connection.execute(mine)}
        self._listed.update(new)  # now that they are there
        return max(taken.values(), default=0.0), [item for item in items if item in taken]

    def renew(self, pages: Collection[str]) -> None:
        """Extend the leases of some pages; unknown and ended ones are left alone, as are those renewed just now."""
        now = time.monotonic()
        due = [page for page in pages if now - self._renewed.get(page, -_LONG) > self.seconds * _JUST_NOW]
        if due:
            self._set(due, _NOW + self.seconds)
            kept = {page: at for page, at in self._renewed.items() if now - at < self.seconds}
            self._renewed = kept | dict.fromkeys(due, now)

    def release(self, page: str) -> None:
        """End a lease."""
        self._set([page], 0.0)

    def items(self) -> list[str]:
        """Items on open pages."""
        with self._store.reading() as connection:
            return list(connection.execute(sa.select(LEASES.c.item).where(LEASES.c.expires > _NOW)).scalars())

    def _set(self, pages: Collection[str], expires: Any) -> None:
        open_pages = sa.select(LEASES.c.item).where(LEASES.c.page.in_(pages), LEASES.c.expires > _NOW)
        # In one order everywhere: two servers that renew the same pages don't wait for each other in a ring.
        mine = sa.update(LEASES).where(LEASES.c.item.in_(open_pages.order_by(LEASES.c.item).with_for_update()))
        with self._transaction() as connection:
            connection.execute(mine.values(expires=expires))

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """Short transaction that needn't be on disk: a database that falls over forgets leases without harm."""
        with self._store.transaction() as connection:
            connection.execute(sa.text("SET LOCAL synchronous_commit TO OFF"))
            yield connection
