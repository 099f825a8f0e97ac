"""Leases in the database: which items are on an open page of any server, by the database's own clock."""

import time
from collections.abc import Collection, Sequence

import sqlalchemy as sa

from pal.store.events import Answered, Event
from pal.store.postgres import PostgresStore, reading
from pal.store.tables import Beside, read_back

# A database that falls over forgets leases without harm.
_SOON = sa.text("SET LOCAL synchronous_commit TO OFF")
# clock_timestamp: now() is when the transaction began, which may have waited since.
_NOW = "EXTRACT(epoch FROM clock_timestamp())::double precision"
_LIST = sa.text(
    "INSERT INTO leases (item, page, expires)"
    " SELECT item, '', 0 FROM unnest(CAST(:items AS varchar[])) AS item ON CONFLICT DO NOTHING"
)
_TAKE = sa.text(
    f"UPDATE leases SET page = :page, expires = {_NOW} + :seconds WHERE item IN (SELECT item FROM leases"  # noqa: S608
    f" WHERE item = ANY(CAST(:items AS varchar[])) AND expires <= {_NOW} FOR UPDATE SKIP LOCKED)"
    " RETURNING item, expires"
)
# In one order everywhere: two servers that change the same pages don't wait for each other in a ring.
_OPEN = (
    "(SELECT item FROM leases"  # noqa: S608
    f" WHERE page = ANY(CAST(:pages AS varchar[])) AND expires > {_NOW} ORDER BY item FOR UPDATE)"
)
_RENEW = sa.text(f"UPDATE leases SET expires = {_NOW} + :seconds WHERE item IN {_OPEN}")  # noqa: S608
_RELEASE = sa.text(f"UPDATE leases SET page = '', expires = 0 WHERE item IN {_OPEN}")  # noqa: S608
# As one value: thousands of rows would take longer to receive. What was released has no page, and the index knows it.
_ITEMS = sa.text(f"SELECT coalesce(json_agg(item), '[]') FROM leases WHERE page > '' AND expires > {_NOW}")  # noqa: S608
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
        self._renewed: dict[str, float] = {}  # when pages were granted or renewed last, by this server's clock
        store.beside.append(self._beside)

    def grant(self, page: str, items: Sequence[str]) -> tuple[float, list[str]]:
        """Lease to a page those of some items that are on no other; returns when that ends, and the items."""
        new = sorted(set(items) - self._listed)  # sorted: no deadlock
        take = _TAKE.bindparams(page=page, seconds=float(self.seconds), items=list(items))
        *_, mine = self._store.together(_SOON, *([_LIST.bindparams(items=new)] if new else []), take)
        self._listed.update(new)  # now that they are there
        self._renewed[page] = time.monotonic()
        taken = dict(mine.rows)
        return max(taken.values(), default=0.0), [item for item in items if item in taken]

    def renew(self, pages: Collection[str]) -> None:
        """Extend the leases of some pages; unknown and ended ones are left alone, as are those renewed just now."""
        now = time.monotonic()
        due = [page for page in pages if now - self._renewed.get(page, -_LONG) > self.seconds * _JUST_NOW]
        if due:
            self._store.together(_SOON, _RENEW.bindparams(pages=due, seconds=float(self.seconds)))
            kept = {page: at for page, at in list(self._renewed.items()) if now - at < self.seconds}
            self._renewed = kept | dict.fromkeys(due, now)

    def release(self, pages: Collection[str]) -> None:
        """End the leases of some pages; unknown and ended ones are left alone."""
        if pages:
            self._store.together(_SOON, _RELEASE.bindparams(pages=list(pages)))

    def items(self) -> list[str]:
        """Items on open pages."""
        return self.look(None)[0]

    def look(self, position: int | None) -> tuple[list[str], list[tuple[int, Event]]]:
        """Items on open pages, and then what the log has after a position: whose page is answered has its answer."""
        found, *log = self._store.together(_ITEMS, *([] if position is None else [reading(position)]))
        ((items,),) = found.rows
        return items, [event for came in log for event in read_back(came.rows)]

    def _beside(self, events: Sequence[Event]) -> list[Beside]:
        """End the leases of pages that are answered, in the transaction that writes the answers."""
        pages = [event.page for event in events if isinstance(event, Answered)]
        return [Beside(_RELEASE.bindparams(pages=pages))] if pages else []
