"""Leases in the database: which items are on an open page of any server, by the database's own clock."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from pal.store.postgres import PostgresStore
from pal.store.tables import LEASES

# clock_timestamp: now() is when the transaction began, which may have waited since.
_NOW = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)


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

    def grant(self, page: str, items: Sequence[str]) -> tuple[float, list[str]]:
        """Lease to a page those of some items that are on no other; returns when that ends, and the items."""
        with self._store.transaction() as connection:
            free = [{"item": item, "page": "", "expires": 0.0} for item in sorted(items)]  # sorted: no deadlock
            connection.execute(insert(LEASES).values(free).on_conflict_do_nothing())
            ended = sa.select(LEASES.c.item).where(LEASES.c.item.in_(items), LEASES.c.expires <= _NOW)
            taken = set(connection.execute(ended.with_for_update(skip_locked=True)).scalars())
            expires = float(connection.execute(sa.select(_NOW)).scalar_one()) + self.seconds
            mine = sa.update(LEASES).where(LEASES.c.item.in_(taken))
            connection.execute(mine.values(page=page, expires=expires))
        return expires, [item for item in items if item in taken]

    def renew(self, pages: Collection[str]) -> None:
        """Extend the leases of some pages; unknown and ended ones are left alone."""
        if pages:
            self._set(pages, _NOW + self.seconds)

    def release(self, page: str) -> None:
        """End a lease."""
        self._set([page], 0.0)

    def items(self) -> list[str]:
        """Items on open pages."""
        with self._store.reading() as connection:
            return list(connection.execute(sa.select(LEASES.c.item).where(LEASES.c.expires > _NOW)).scalars())

    def _set(self, pages: Collection[str], expires: Any) -> None:
        open_pages = sa.select(LEASES.c.item).where(LEASES.c.page.in_(pages), LEASES.c.expires > _NOW)
        with self._store.transaction() as connection:
            # In one order everywhere: two servers that renew the same pages don't wait for each other in a ring.
            items = list(connection.execute(open_pages.order_by(LEASES.c.item).with_for_update()).scalars())
            connection.execute(sa.update(LEASES).where(LEASES.c.item.in_(items)).values(expires=expires))
