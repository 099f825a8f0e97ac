"""Leases: which items are on an open page, and until when. Any thread may call; nobody waits for the project."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from pal.store import Event


class Leases(Protocol):
    """Pages handed out and not yet answered; a late answer counts all the same."""

    def grant(self, page: str, items: Sequence[str]) -> tuple[float, list[str]]:
        """Lease to a page those of some items that are on no other; returns when that ends, and the items."""
        ...

    def renew(self, pages: Collection[str]) -> None:
        """Extend the leases of some pages; unknown and ended ones are left alone."""
        ...

    def release(self, pages: Collection[str]) -> None:
        """End the leases of some pages; unknown and ended ones are left alone."""
        ...

    def items(self) -> list[str]:
        """Items on open pages."""
        ...

    def look(self, position: int) -> tuple[list[str], list[tuple[int, Event]]]:
        """Items on open pages, and what others wrote to the log after a position: the answers of those that ended."""
        ...


class OwnLeases:
    """Leases of one process, in memory: a restart frees them."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.time) -> None:
        self.seconds = seconds
        self._clock = clock
        self._open: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._lock = threading.Lock()

    def grant(self, page: str, items: Sequence[str]) -> tuple[float, list[str]]:
        """Lease the free ones of some items to a page."""
        with self._lock:
            taken = set(self._taken())
            free = [item for item in items if item not in taken]
            expires = self._clock() + self.seconds
            self._open[page] = (expires, tuple(free))
            return expires, free

    def renew(self, pages: Collection[str]) -> None:
        """Extend the leases of some pages; unknown and ended ones are left alone."""
        with self._lock:
            self._expire()
            for page in pages:
                if page in self._open:
                    self._open[page] = (self._clock() + self.seconds, self._open[page][1])

    def release(self, pages: Collection[str]) -> None:
        """End the leases of some pages; unknown and ended ones are left alone."""
        with self._lock:
            for page in pages:
                self._open.pop(page, None)

    def items(self) -> list[str]:
        """Items on open pages."""
        with self._lock:
            return self._taken()

    def look(self, position: int) -> tuple[list[str], list[tuple[int, Event]]]:  # noqa: ARG002  nobody else writes
        """Items on open pages."""
        return self.items(), []

    def _taken(self) -> list[str]:
        self._expire()
        return [item for _, items in self._open.values() for item in items]

    def _expire(self) -> None:
        now = self._clock()
        self._open = {page: lease for page, lease in self._open.items() if lease[0] > now}
