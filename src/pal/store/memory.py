"""A log in memory: for tests, simulations and trying things out."""

import threading
from collections.abc import Sequence

from pal.store.events import Event


class MemoryStore:
    """A log that ends with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._log: list[Event] = []
        self._position: dict[str, int] = {}
        self._meta: dict[str, str] = {}

    def append(self, events: Sequence[Event]) -> list[int]:
        """Add events; see :class:`pal.store.Store`."""
        ids = [event.id for event in events]  # fails before anything is written
        with self._lock:
            for item, event in zip(ids, events, strict=True):
                if item not in self._position:
                    self._log.append(event)
                    self._position[item] = len(self._log)
            return [self._position[item] for item in ids]

    def read_after(self, position: int) -> list[tuple[int, Event]]:
        """Events after a position."""
        with self._lock:
            return list(enumerate(self._log[position:], start=position + 1))

    def get_meta(self, key: str) -> str | None:
        """Read a note."""
        with self._lock:
            return self._meta.get(key)

    def set_meta(self, key: str, value: str) -> None:
        """Write a note."""
        with self._lock:
            self._meta[key] = value

    def close(self) -> None:
        """Nothing to let go of."""
