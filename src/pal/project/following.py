"""Following: what other servers wrote to the log comes in at once where they can tell, and a little later in any case.

A server reads the log as it chooses a page and as it writes an answer; this thread only keeps counts and groups fresh
in between. It wakes when it is told of a position that it doesn't know, and looks now and then all the same, for a
notification may be lost.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from pal.errors import StoreError
from pal.store import Store

_STEP = 0.5
"""Seconds after which the thread sees that it should end."""


class Follower:
    """Thread that calls ``follow`` when news is told of, and every few ``seconds``.

    Parameters
    ----------
    follow
        Takes in what is new; a database that is away for a while is asked again.
    seconds
        Longest time between two calls.
    wait
        Waits for so many seconds at most, and returns the position it was told of, or None.
    known
        Position that is known already.
    """

    def __init__(
        self,
        follow: Callable[[], None],
        *,
        seconds: float,
        wait: Callable[[float], int | None] | None = None,
        known: Callable[[], int] = lambda: 0,
    ) -> None:
        self._follow, self._seconds = follow, seconds
        self._wait = self._sleep if wait is None else wait
        self._known = known
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pal-follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        looked = time.monotonic()
        while not self._stopping.is_set():
            start = time.monotonic()
            told = self._wait(min(_STEP, self._seconds))
            if told is None and time.monotonic() - start < min(_STEP, self._seconds) / 2:
                self._sleep(min(_STEP, self._seconds))  # nobody to wait for: a connection that was lost
            news = told is not None and told > self._known()
            if not news and time.monotonic() - looked < self._seconds:
                continue
            looked = time.monotonic()
            try:
                self._follow()
            except StoreError:
                continue  # whoever asks for a page or sends an answer meanwhile is told

    def _sleep(self, seconds: float) -> None:
        self._stopping.wait(seconds)


@contextmanager
def following(project: "Follows", store: Store, /, *, seconds: float) -> Iterator[None]:
    """Keep a project up with what others write to its store."""
    from pal.store.postgres import PostgresStore

    if not isinstance(store, PostgresStore):
        yield
        return
    from pal.store.notifications import Listener

    with Listener(store) as listener:
        follower = Follower(project.follow, seconds=seconds, wait=listener.wait, known=project.settled)
        try:
            yield
        finally:
            follower.stop()


class Follows(Protocol):
    """What can take in news up to the end of the log, and knows up to where it has."""

    def settled(self) -> int:
        """Last position taken in, once what is being written now is."""
        ...

    def follow(self) -> None:
        """Take in what is new."""
        ...
