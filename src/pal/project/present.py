"""The present: where everything stands at the end of the log, kept until the log or the model moves on."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from pal.beliefs import Beliefs
from pal.items import Items
from pal.knowledge import Knowledge
from pal.project.ledger import Ledger
from pal.project.snapshot import Snapshot
from pal.project.standing import Standing, standing
from pal.project.trainer import Published, Trainer

T = TypeVar("T")

_SMALL = 200_000
"""Items times groups up to which counts are made anew after every answer."""

_SPARE = 20.0

_KEPT = 64
"""Results kept; the oldest goes first, for their names may come from outside."""


class Present:
    """What :meth:`now` says of a ledger (guarded by ``lock``) and of the model that ``trainer`` last published."""

    def __init__(self, items: Items, ledger: Ledger, trainer: Trainer, lock: threading.RLock) -> None:
        self._items, self._ledger, self._trainer, self._lock = items, ledger, trainer, lock
        self._standing: tuple[Published, int, Standing] | None = None
        self._now: Snapshot | None = None
        self._kept: dict[str, tuple[Any, Any]] = {}
        self._keeping = threading.Lock()
        self._placing = threading.Lock()  # one standing at a time, without keeping answers waiting
        self._took, self._taken = 0.0, -float("inf")  # seconds, and when the last was made

    def standing(self) -> Standing:
        """Where every item stands."""
        with self._lock:
            published, position, knowledge = self._trainer.published, self._ledger.position, self._ledger.knowledge
        return self._at(published, position, knowledge)

    def recent(self) -> Standing:
        """Where every item stood a moment ago, by all answers in a small project.

        In a large one the last result is taken, and made anew in the background once it is older than twenty times
        what it costs: so no page and no answer waits for it.
        """
        last = self._standing
        if last is None or not len(last[0].rows):  # what stood before the first model isn't kept
            return self.standing()
        if len(self._items) * max(len(last[2].anchor), 1) <= _SMALL:
            return self.standing()
        current = last[:2] == (self._trainer.published, self._ledger.position)
        if not current and time.monotonic() - self._taken > _SPARE * self._took and not self._placing.locked():
            threading.Thread(target=self.standing, name="pal-standing", daemon=True).start()
        return last[2]

    def now(self) -> Snapshot:
        """Everything at the present position; the same object until that or the model changes."""
        with self._lock:
            last, published, ledger = self._now, self._trainer.published, self._ledger
            if last is not None and last.position == ledger.position and last.published is published:
                return last
            position, knowledge, answers = ledger.position, ledger.knowledge, ledger.answers
            answered, flags, names, parents = tuple(ledger.answered), tuple(ledger.flags), ledger.names, ledger.parents
        stands = self._at(published, position, knowledge)
        made = Snapshot(
            position,
            knowledge,
            answers,
            answered,
            stands,
            self._by_group(stands, ((event.item, event.name) for event in names)),
            self._by_group(stands, ((event.item, event.parent) for event in parents)),
            flags,
            published,
        )
        with self._lock:
            if self._now is None or self._now.position <= position:
                self._now = made
        return made

    def name(self, item: int) -> str:
        """Name of the group of an item, as it was a moment ago; empty if it has none."""
        with self._lock:
            names = self._ledger.names
        if not names:
            return ""
        stands = self.recent()
        named = self._by_group(stands, ((event.item, event.name) for event in names))
        return named.get(int(stands.label[item]), "")

    def once(self, what: str, make: Callable[[Snapshot], T], /) -> T:
        """Result of ``make`` on the present, made once for each position of the log and model."""
        return self._keep(what, now := self.now(), lambda: make(now))

    @property
    def published(self) -> Published:
        """The model last published."""
        return self._trainer.published

    def once_fitted(self, what: str, make: Callable[[Published], T], /) -> T:
        """Result of ``make`` on the features of the model last published, made once until there are others."""
        published = self._trainer.published
        return self._keep(what, published.x, lambda: make(published))

    def _keep(self, what: str, key: object, make: Callable[[], T]) -> T:
        # Made outside of the lock that answers wait for.
        with self._keeping:
            found = self._kept.get(what)
            if found is None or found[0] is not key:
                self._kept.pop(what, None)
                found = self._kept[what] = (key, make())
                if len(self._kept) > _KEPT:
                    del self._kept[next(iter(self._kept))]
            value: T = found[1]
            return value

    def _at(self, published: Published, position: int, knowledge: Knowledge) -> Standing:
        with self._placing:
            last = self._standing
            if last is not None and last[:2] == (published, position):
                return last[2]
            start = time.monotonic()
            made = standing(knowledge, self._trusting(published.model.beliefs))
            self._taken = time.monotonic()
            self._took = self._taken - start
            if last is None or last[1] <= position:
                self._standing = (published, position, made)
            return made

    def _trusting(self, beliefs: Beliefs) -> Beliefs:
        """Beliefs that doubt tiles of pages alone: what somebody merged, checked or imported on purpose stands."""
        if beliefs.doubted is None or not len(beliefs.doubted):
            return beliefs
        with self._lock:
            deliberate = self._ledger.deliberate()
        return replace(beliefs, doubted=np.setdiff1d(beliefs.doubted, deliberate))

    def _by_group(self, stands: Standing, said: Iterable[tuple[str, str]]) -> dict[int, str]:
        found = {int(stands.label[self._items.row[item]]): words for item, words in said}
        return {group: words for group, words in found.items() if words and group >= 0}
