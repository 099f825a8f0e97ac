"""When the trainer rests, by a clock of the test's own."""

import threading

import numpy as np
import pytest

from pal.datasets.arrays import items_of
from pal.project import trainer as module
from pal.project.features import Features
from pal.project.learning import Here
from pal.project.ledger import Ledger
from pal.project.trainer import Trainer
from pal.store import Named
from tests.waiting import PATIENCE, wait_until


class Slow(Here):
    """Takes so many seconds a fit; within each of the first ones an answer comes."""

    def __init__(self, seconds, *, answers):
        super().__init__()
        self.now, self.fits = 0.0, 0
        self._seconds, self._answers = seconds, answers

    def learn(self, knowledge, /):
        model = super().learn(knowledge)
        self.now += self._seconds[min(self.fits, len(self._seconds) - 1)]
        self.fits += 1
        if self.fits <= self._answers:
            self.answer()
        return model


@pytest.fixture
def made(tmp_path):
    """Function that starts a trainer of two clumps; its ``answer`` adds to the log and wakes it."""
    trainers = []

    def make(learning):
        x = np.repeat(5 * np.eye(2), 10, axis=0) + np.random.default_rng(0).normal(size=(20, 2))
        items = items_of(x, source="clumps")
        features, ledger = Features(items, tmp_path / "features"), Ledger(items, [])
        lock = threading.RLock()

        def answer():
            with lock:
                ledger.add(ledger.position + 1, Named(labeler="ann", item=items.id[0], name=f"{ledger.position}"))
            trainers[0].wake()

        learning.answer = answer
        trainers.append(Trainer(features, ledger, lock, first=2, seed=0, learning=learning, clock=lambda: learning.now))
        trainers[0].start()
        return trainers[0]

    yield make
    for trainer in trainers:
        trainer.stop()


def test_it_rests_as_long_as_a_fit_took_where_answers_came_meanwhile(made, monkeypatch):
    """At most eight seconds; where nothing came, it waits for something to come instead."""
    rests = []
    monkeypatch.setattr(Trainer, "_rest", lambda _, seconds: rests.append(seconds))
    learning = Slow([0.75, 1.5, 60.0, 1.0], answers=3)
    trainer = made(learning)
    wait_until(lambda: trainer._done == 4)
    trainer.stop()
    assert learning.fits == 4
    assert rests == [0.75, 1.5, 8.0]


def test_it_never_rests_while_somebody_waits(made, monkeypatch):
    monkeypatch.setattr(module, "_REST", 1e6)
    learning = Slow([1e5], answers=1)
    trainer = made(learning)
    wait_until(lambda: trainer._done >= 1)
    assert trainer.settle(timeout=PATIENCE), "it would rest for a day"
    assert (trainer._done, learning.fits) == (2, 2)
