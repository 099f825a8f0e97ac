"""Checking: pages and tiles that measure answers instead of asking for new ones."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from pal.answers import Question
from pal.items import Items
from pal.project.gold import Gold, Measured, gold_of, with_gold
from pal.project.ledger import Ledger
from pal.project.present import Present
from pal.project.second import Doubtful, doubtful, second_page
from pal.project.settings import Current
from pal.project.snapshot import Snapshot
from pal.votes import pair_key

T = TypeVar("T")

_SMALL = 10_000
"""Answers up to which nothing is made in the background."""

_SPARE = 20.0
"""What takes a second is made anew after twenty at the earliest."""


class Checking:
    """Gold tiles and second votes of a project, as its ``settings`` have it."""

    def __init__(
        self, items: Items, ledger: Ledger, present: Present, settings: Current, *, size: int, seed: int
    ) -> None:
        self._items, self._ledger, self._present, self._settings = items, ledger, present, settings
        self._size = size
        self._rng = np.random.default_rng((seed, 1))  # what is asked doesn't change with what is checked
        self._lock = threading.Lock()
        self._model: object = None
        self._made: dict[str, tuple[object, Any, float]] = {}
        self._making = threading.Lock()
        self._again: set[int] = set()  # pairs asked again since the model was published

    def gold(self) -> Gold:
        """Gold at present."""
        return self._present.once("gold", self._gold)

    def measured(self, now: Snapshot) -> Mapping[str, Measured]:
        """How people did on gold, by labeler."""
        return self._gold(now).people

    def second(self, labeler: str, held: Bool[ndarray, " n"]) -> Question | None:
        """A page of second votes, where there is doubt and not too much was asked twice."""
        share = self._settings().second
        if share <= 0 or not self._ledger.labelers - {labeler}:
            return None
        found = self._lately("second", self._doubtful)
        with self._lock:
            if self._model is not found:
                self._model, self._again = found, set()
            question = second_page(found, labeler, held, frozenset(self._again), size=self._size)
            if question is None:
                return None
            n = len(question.items)
            if found.given + len(self._again) + n > share * (self._ledger.tally.answers + n):
                return None
            self._again.update(pair_key(len(held), np.full(n, question.template), question.items).tolist())
        return question

    def seeded(self, question: Question, labeler: str, held: Bool[ndarray, " n"]) -> Question:
        """A page, now and then with a gold tile on it."""
        share = self._settings().gold
        if share <= 0 or not self._ledger.tally.gold:
            return question
        found = self._lately("gold", self._gold)
        with self._lock:
            if self._rng.random() >= share:
                return question
            return with_gold(question, found, labeler, held, size=self._size, rng=self._rng)

    def _lately(self, what: str, make: Callable[[Snapshot], T]) -> T:
        """Result of ``make`` as of the last model, or, where that is dear, as of one before: pages mustn't wait.

        Of many answers it is made anew in the background.
        """
        model, _, until = self._made.get(what, (None, None, 0.0))
        if model is None or (model is not self._present.published and time.monotonic() > until):
            if model is None or self._ledger.tally.answers <= _SMALL:
                self._make(what, make)
            elif not self._making.locked():
                threading.Thread(target=self._make, args=(what, make), name="pal-checking", daemon=True).start()
        found: T = self._made[what][1]
        return found

    def _make(self, what: str, make: Callable[[Snapshot], Any]) -> None:
        with self._making:
            published = self._present.published
            if self._made.get(what, (None,))[0] is published:
                return
            start = time.monotonic()
            result = make(self._present.now())
            end = time.monotonic()
            self._made[what] = (published, result, end + _SPARE * (end - start))

    def _gold(self, now: Snapshot) -> Gold:
        return gold_of(self._items, now)

    def _doubtful(self, now: Snapshot) -> Doubtful:
        return doubtful(now)
