"""The log: an append-only list of events, the only truth of a project; everything else is a fold over it."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from pal.store.events import Answered, Event, Flagged, Named, Placed, Retracted
from pal.store.fold import Folded, fold
from pal.store.memory import MemoryStore

__all__ = ["Answered", "Event", "Flagged", "Folded", "MemoryStore", "Named", "Placed", "Retracted", "Store", "fold"]


@runtime_checkable
class Store(Protocol):
    """Where the log lies. :func:`pal.testing.check_store` is the contract every implementation passes.

    Thread-safe: any thread may call any method.
    """

    def append(self, events: Sequence[Event]) -> list[int]:
        """Add events, all or none, and return the position of each; on disk when it returns, where there is a disk.

        An event whose id is already there isn't added again: its old position is returned, so a retry is harmless.
        Positions grow by time of arrival and start at 1; gaps are allowed.
        """
        ...

    def read_after(self, position: int) -> list[tuple[int, Event]]:
        """Events after a position with their own, in order; ``read_after(0)`` is the whole log."""
        ...

    def get_meta(self, key: str) -> str | None:
        """Read a note about the store, None where there is none."""
        ...

    def set_meta(self, key: str, value: str) -> None:
        """Write a note about the store."""
        ...

    def close(self) -> None:
        """Let go of files and connections; nothing works after that."""
        ...
