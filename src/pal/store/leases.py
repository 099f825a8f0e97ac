"""Leases in the database: which items are on an open page of any server, by the database's own clock."""

import time
from collections.abc import Collection, Sequence

import sqlalchemy as sa

from pal.store.events import Answered, Event
from pal.store.postgres import PostgresStore, reading
from pal.store.tables import Beside, read_back

# A database that falls over forgets leases without harm.
_SOON = sa.text("SET LOCAL synchronous_commit TO OFF")
# The table's own number, as for appends; held while one message is worked at, not while a page is chosen.
_TURN = sa.text("SELECT pg_advisory_xact_lock('leases'::regclass::oid::bigint)")
# clock_timestamp: now() is when the transaction began, which may have waited since.
_NOW = "EXTRACT(epoch FROM clock_timestamp())::double precision"
_TIDY = sa.text(
    f"DELETE FROM leases WHERE page IN (SELECT page FROM leases WHERE expires <= {_NOW} FOR UPDATE SKIP LOCKED)"  # noqa: S608
)
# The same page again, if its lease was kept though the connection was lost: it is its own.
_TAKE = sa.text(
    "INSERT INTO leases (page, items, expires)"  # noqa: S608
    f" SELECT :page, string_agg(item, ' ' ORDER BY place), {_NOW} + :seconds"
    " FROM unnest(CAST(:items AS varchar[])) WITH ORDINALITY AS asked (item, place) WHERE item NOT IN"
    f" (SELECT unnest(string_to_array(items, ' ')) FROM leases WHERE expires > {_NOW} AND page <> :page)"
    " HAVING count(*) > 0 ON CONFLICT (page) DO UPDATE SET items = excluded.items, expires = excluded.expires"
    " RETURNING items, expires"
)
# In one order everywhere: two servers that change the same pages don't wait for each other in a ring.
_OPEN = "SELECT page FROM leases WHERE page = ANY(CAST(:pages AS varchar[]))"
_ORDER = "ORDER BY page FOR UPDATE"
_RENEW = sa.text(
    f"UPDATE leases SET expires = {_NOW} + :seconds WHERE page IN ({_OPEN} AND expires > {_NOW} {_ORDER})"  # noqa: S608
)
_RELEASE = sa.text(f"DELETE FROM leases WHERE page IN ({_OPEN} {_ORDER})")  # noqa: S608
# Items of pages that are known aren't sent again: there may be thousands.
_LOOK = sa.text(
    "SELECT page, CASE WHEN page = ANY(CAST(:known AS varchar[])) THEN '' ELSE items END"  # noqa: S608
    f" FROM leases WHERE expires > {_NOW}"
)
# Renewals within this share of a lease are one.
_JUST_NOW = 0.05
_LONG = float("inf")


class StoredLeases:
    """Leases that all servers of one PostgreSQL database share: a row a page, with its items.

    An item belongs to one page at most: grants take turns, for as long as the database takes for one, so that of two
    servers that choose the same tile at once one gets it, and the other what is left of its page.

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
        self._open: dict[str, list[str]] = {}  # items of the pages that were open when last looked
        self._renewed: dict[str, float] = {}  # when pages were granted or renewed last, by this server's clock
        store.beside.append(self._beside)

    def grant(self, page: str, items: Sequence[str]) -> tuple[float, list[str]]:
        """Lease to a page those of some items that are on no other; returns when that ends, and the items."""
        take = _TAKE.bindparams(page=page, seconds=float(self.seconds), items=list(items))
        *_, mine = self._store.together(_SOON, _TURN, _TIDY, take)
        if not mine.rows:
            return 0.0, []
        self._renewed[page] = time.monotonic()
        ((free, expires),) = mine.rows
        return expires, free.split()

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
        known = self._open
        look = _LOOK.bindparams(known=list(known))
        found, *log = self._store.together(look, *([] if position is None else [reading(position)]))
        self._open = {page: items.split() or known[page] for page, items in found.rows}
        held = [item for items in self._open.values() for item in items]
        return held, [event for came in log for event in read_back(came.rows)]

    def _beside(self, events: Sequence[Event]) -> list[Beside]:
        """End the leases of pages that are answered, in the transaction that writes the answers."""
        pages = [event.page for event in events if isinstance(event, Answered)]
        return [Beside(_RELEASE.bindparams(pages=pages))] if pages else []
