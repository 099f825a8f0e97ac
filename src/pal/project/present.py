"""The present: where everything stands at the end of the log, kept until the log or the model moves on."""

import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pal.items import Items
from pal.project.ledger import Ledger
from pal.project.snapshot import Snapshot
from pal.project.standing import Standing, standing
from pal.project.trainer import Published, Trainer

T = TypeVar("T")

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

    def standing(self) -> Standing:
        """Where every item stands."""
        with self._lock:
            published, position = self._trainer.published, self._ledger.position
            if self._standing is None or self._standing[:2] != (published, position):
                now = standing(self._ledger.knowledge, published.model.beliefs)
                self._standing = (published, position, now)
            return self._standing[2]

    def now(self) -> Snapshot:
        """Everything at the present position; the same object until that or the model changes."""
        with self._lock:
            last, published = self._now, self._trainer.published
            if last is None or last.position != self._ledger.position or last.published is not published:
                self._now = last = Snapshot(
                    self._ledger.position,
                    self._ledger.knowledge,
                    self._ledger.answers,
                    tuple(self._ledger.answered),
                    self.standing(),
                    self.names(),
                    self.parents(),
                    tuple(self._ledger.flags),
                    published,
                )
            return last

    def names(self) -> dict[int, str]:
        """Name of each group that has one: the latest given to one of its items."""
        with self._lock:
            return self._by_group((event.item, event.name) for event in self._ledger.names)

    def parents(self) -> dict[int, str]:
        """Parent of each group that has one."""
        with self._lock:
            return self._by_group((event.item, event.parent) for event in self._ledger.parents)

    def once(self, what: str, make: Callable[[Snapshot], T], /) -> T:
        """Result of ``make`` on the present, made once for each position of the log and model."""
        return self._keep(what, now := self.now(), lambda: make(now))

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

    def _by_group(self, said: Iterable[tuple[str, str]]) -> dict[int, str]:
        label = self.standing().label
        found = {int(label[self._items.row[item]]): words for item, words in said}
        return {group: words for group, words in found.items() if words and group >= 0}
