"""The trainer: one thread that has the model refitted after answers, and publishes it whole.

Where answers come faster than models, as with many people, it rests after each for as long as that took: what serves
people on the same processors then finds them free half of the time. It never rests while somebody waits for a model.

While an encoder is still at work, the model is of the items encoded so far; it is prepared anew each time their number
has doubled, so all those preparations together cost about two of the last.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from pal.answers import Answers
from pal.beliefs import Beliefs
from pal.encoders.reduction import Reduction
from pal.errors import InvalidInputError
from pal.knowledge import Knowledge, known
from pal.learner import Model, Prepared, placed
from pal.project.features import Features
from pal.project.learning import Ended, Here, Learning
from pal.project.ledger import Ledger

_REST = 8.0
"""Seconds that the thread rests at most."""


@dataclass(frozen=True, eq=False)
class Published:
    """A model, what it was fitted on, and what it knows: the log up to a position, its answers, and what they imply.

    ``rows`` are the items it was fitted on, ``x`` their features (r, k), ``reduction`` how these were made and
    ``prepared`` what is kept of them.
    """

    model: Model
    position: int
    knowledge: Knowledge
    answers: Answers
    rows: Int64[ndarray, " r"]
    x: Float32[ndarray, "r k"]
    reduction: Reduction | None = None
    prepared: Prepared | None = None


class Trainer:
    """Keeps a model of ``features`` and of the answers in ``ledger`` (guarded by ``lock``) up to date."""

    def __init__(
        self,
        features: Features,
        ledger: Ledger,
        lock: threading.RLock,
        *,
        first: int,
        seed: int,
        learning: Learning | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._features, self._ledger, self._lock = features, ledger, lock
        self._learning = Here() if learning is None else learning
        self._first, self._seed, self._clock = first, seed, clock
        self._changed = threading.Condition()
        self._wanted, self._done, self._stopping = 1, 0, False
        self._waiting = 0  # those who wait for a model
        self.error: Exception | None = None
        self.published = _nothing(len(features.items))
        self._thread = threading.Thread(target=self._work, name="pal-trainer", daemon=True)

    def start(self) -> None:
        """Begin to learn. Call it when the features have started: until then all vectors seem to be ready."""
        self._thread.start()

    def wake(self) -> None:
        """Ask for a refit; returns at once."""
        with self._changed:
            self._wanted += 1
            self._changed.notify_all()

    def settle(self, *, timeout: float | None = None, ready: Callable[[], bool] | None = None) -> bool:
        """Wait until the model knows what was known at the call, or until ``ready``; whether that came in time."""
        with self._changed:
            wanted = self._wanted
            self._waiting += 1
            self._changed.notify_all()
            try:
                done = self._changed.wait_for(
                    lambda: self.error is not None or (self._done >= wanted if ready is None else ready()), timeout
                )
            finally:
                self._waiting -= 1
        self.check()
        return done

    def begun(self) -> bool:
        """Whether there is a model."""
        return len(self.published.rows) > 0

    def begin(self) -> None:
        """Wait for the first model; see :meth:`pal.project.Project.begin`."""
        while not self.settle(timeout=0.2, ready=self.begun) and not self._stopping:
            if not self._features.working and not self._features.ready.sum() >= 2:
                self.check()
                found = self._features.items
                raise InvalidInputError(
                    f"fewer than 2 of {len(found)} items of {found.source} can be encoded; check the files"
                )

    def check(self) -> None:
        """Raise what stopped the thread, if anything did."""
        error = self.error or self._features.error
        if error is not None:
            raise error

    def stop(self) -> None:
        """End the thread; a fit in work in this process is waited for, one elsewhere is ended."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._learning.close()
        if self._thread.is_alive():  # it may never have begun
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._wanted > self._done)
                if self._stopping:
                    return
                wanted = self._wanted
            start = self._clock()
            try:
                self._refit()
            except Ended:
                return
            except Exception as error:  # noqa: BLE001  whatever it is, it is raised in the thread that waits
                self.error = error
            with self._changed:
                self._done = wanted
                self._changed.notify_all()
                if self.error is not None:
                    return
                if self._wanted > wanted:
                    self._rest(min(self._clock() - start, _REST))

    def _rest(self, seconds: float) -> None:
        self._changed.wait_for(lambda: self._stopping or self._waiting > 0, seconds)

    def _refit(self) -> None:
        base = self._prepare()
        if base is None:
            return
        with self._lock:
            knowledge, position = self._ledger.knowledge, self._ledger.position
            answers = self._ledger.answers
        if base is self.published and position == base.position:
            return  # woken for more features, and there aren't enough of them yet
        n = len(self._features.items)
        told = knowledge if len(base.rows) == n else known(len(base.rows), answers.among(base.rows, n))
        model = placed(self._learning.learn(told), base.rows, n)
        # Readers take the one attribute, and never a model with another's rows.
        self.published = replace(base, model=model, position=position, knowledge=knowledge, answers=answers)

    def _prepare(self) -> Published | None:
        """What to learn from, made ready anew if enough items have been encoded since; None if they are too few yet."""
        ready = self._features.ready
        count, fitted = int(ready.sum()), len(self.published.rows)
        last = not self._features.working
        if count >= 2 and (count >= max(2 * fitted, self._first) or (last and count > fitted)):
            rows = np.flatnonzero(ready)
            raw, reduce = self._features.to_learn(rows)
            reduction, prepared = self._learning.prepare(raw, reduce=reduce, seed=self._seed)
            nothing = known(len(self._features.items))
            return Published(self.published.model, 0, nothing, Answers.empty(), rows, prepared.x, reduction, prepared)
        return self.published if fitted else None


def _nothing(n: int) -> Published:
    """A model of nothing: no class is believed in."""
    none = np.zeros(0, dtype=np.int64)
    beliefs = Beliefs(np.zeros((n, 0)), none, np.zeros(n, dtype=np.int8), np.zeros((0, 0)), 0.0)
    model = Model(np.zeros((n, 1)), beliefs, csr_array((n, n)))
    return Published(model, 0, known(n), Answers.empty(), none, np.zeros((0, 1), dtype=np.float32))
