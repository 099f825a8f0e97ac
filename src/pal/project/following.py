"""Following: what other servers wrote to the log comes in, a little later if nobody asks, at once if somebody does.

A server reads the log before it chooses a page and before it checks an answer; this thread only keeps counts and groups
fresh in between. So it asks now and then, and needs no notification that could be lost.
"""

import threading
from collections.abc import Callable

from pal.errors import StoreError


class Follower:
    """Thread that calls ``follow`` every few ``seconds``; a database that is away for a while is asked again."""

    def __init__(self, follow: Callable[[], None], *, seconds: float) -> None:
        self._follow = follow
        self._seconds = seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pal-follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.wait(self._seconds):
            try:
                self._follow()
            except StoreError:
                continue  # whoever asks for a page or sends an answer meanwhile is told
