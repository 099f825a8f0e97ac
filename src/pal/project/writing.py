"""Writing: events go to the log and then into the ledger, in one order.

Definition. Whoever comes while others are being written waits, and then all who wait are written as one: the disk is
waited for once. What other servers wrote before comes back with the append, so the ledger is always a whole beginning
of the log.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pal.project.ledger import Ledger
from pal.store import Event, Retracted, Store

Exchange = Callable[[Sequence[Event], int], list[tuple[int, Event]]]
"""Appends events, and returns what the log has after a position, up to these."""


def exchange_of(store: Store, /) -> Exchange:
    """How to append to a store and read it at once; where one process writes, nothing else is in it."""
    from pal.store.postgres import PostgresStore

    if isinstance(store, PostgresStore):
        return store.exchange
    return lambda events, _: list(zip(store.append(events), events, strict=True))


@dataclass(eq=False)
class _Waiting:
    """Events of one call, and what came of them."""

    events: Sequence[Event]
    new: list[Event] = field(default_factory=list)
    position: int = 0
    done: bool = False
    error: Exception | None = None


class Writing:
    """Writes events by ``exchange`` and takes them into ``ledger`` (guarded by ``lock``); any thread may call.

    ``follow`` takes in what other servers wrote.
    """

    def __init__(self, exchange: Exchange, ledger: Ledger, lock: threading.RLock, follow: Callable[[], None]) -> None:
        self._exchange, self._ledger, self._lock, self._follow = exchange, ledger, lock, follow
        self._turn = threading.Lock()  # held while the disk is waited for, unlike the ledger's
        self._arriving = threading.Lock()
        self._waiting: list[_Waiting] = []

    def __call__(self, events: Sequence[Event]) -> tuple[list[Event], int]:
        """Write events, all or none; on disk when this returns: those that are new, and the position of the log.

        Raises
        ------
        InvalidInputError
            If an event names what isn't there; then nothing is written.
        """
        self._check(events)
        mine = _Waiting(events)
        with self._arriving:
            self._waiting.append(mine)
        try:
            with self._turn:
                if not mine.done:
                    with self._arriving:
                        waiting = list(self._waiting)
                    self._write(waiting)
        finally:
            with self._arriving:
                self._waiting.remove(mine)
        if mine.error is not None:
            raise mine.error
        return mine.new, mine.position

    def settled(self) -> int:
        """Last position of the log taken in, once what is being written now is."""
        with self._turn:
            return self._ledger.position

    def _check(self, events: Sequence[Event]) -> None:
        with self._lock:
            known = self._ledger.events
            elsewhere = any(isinstance(event, Retracted) and event.event not in known for event in events)
        if elsewhere:  # what is taken back may have been written by another server
            self._follow()
        with self._lock:
            for i, event in enumerate(events):
                if event.id not in self._ledger.events:
                    self._ledger.check(event, events[:i])

    def _write(self, waiting: list[_Waiting]) -> None:
        waiting = [one for one in waiting if not one.done]
        try:
            self._write_as_one(waiting)
        except Exception as error:  # noqa: BLE001  whatever it is, it is raised in the thread it concerns
            if len(waiting) > 1:  # what can't be written mustn't keep others from it
                for one in waiting:
                    self._write([one])
            else:
                waiting[0].error = error
        for one in waiting:
            one.done = True

    def _write_as_one(self, waiting: list[_Waiting]) -> None:
        news = self._exchange([event for one in waiting for event in one.events], self._ledger.position)
        with self._lock:
            for one in waiting:
                one.new = [event for event in one.events if event.id not in self._ledger.events]
            for position, event in news:
                self._ledger.add(position, event)
            for one in waiting:
                one.position = self._ledger.position
