"""Leases: which items are on an open page, and until when."""

import time
from collections.abc import Callable, Collection


class Leases:
    """Pages handed out and not yet answered. In memory: a restart frees them, and a late answer counts all the same.

    Not thread-safe; the project locks.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.time) -> None:
        self.seconds = seconds
        self._clock = clock
        self._open: dict[str, tuple[float, tuple[int, ...]]] = {}

    def grant(self, page: str, rows: Collection[int]) -> float:
        """Lease some items to a page; returns when the lease ends."""
        expires = self._clock() + self.seconds
        self._open[page] = (expires, tuple(rows))
        return expires

    def renew(self, pages: Collection[str]) -> None:
        """Extend the leases of some pages; unknown and ended ones are left alone."""
        self._expire()
        for page in pages:
            if page in self._open:
                self.grant(page, self._open[page][1])

    def release(self, page: str) -> None:
        """End a lease."""
        self._open.pop(page, None)

    def rows(self) -> list[int]:
        """Items on open pages."""
        self._expire()
        return [row for _, rows in self._open.values() for row in rows]

    def _expire(self) -> None:
        now = self._clock()
        self._open = {page: lease for page, lease in self._open.items() if lease[0] > now}
