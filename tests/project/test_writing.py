"""Events that come at once are written as one, in one order, and none suffers from another."""

import threading

import pytest

from pal.errors import InvalidInputError, StoreError
from pal.project.ledger import Ledger
from pal.project.writing import Writing, exchange_of
from pal.store import MemoryStore, Named, Retracted
from tests.test_project import toy_items
from tests.waiting import wait_until


class Log:
    """A log whose disk is slow until it is let go; keeps what was appended together."""

    def __init__(self):
        self.store = MemoryStore()
        self.go = threading.Event()
        self.busy = threading.Event()
        self.batches = []

    def exchange(self, events, position):
        self.busy.set()
        assert self.go.wait(60)
        if any(event.name == "bad" for event in events if isinstance(event, Named)):
            raise StoreError("no room for it; free some")
        self.batches.append([event.id for event in events])
        return exchange_of(self.store)(events, position)


@pytest.fixture
def items():
    return toy_items()


@pytest.fixture
def log():
    return Log()


def at_once(writing, log, batches):
    """Write lists of events in threads: the first has the disk to itself, the others wait for it together."""
    came = {}

    def work(number):
        try:
            came[number] = writing(batches[number])
        except StoreError as error:
            came[number] = error

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(batches))]
    threads[0].start()
    assert log.busy.wait(60)
    for thread in threads[1:]:
        thread.start()
    wait_until(lambda: len(writing._waiting) == len(batches))
    log.go.set()
    for thread in threads:
        thread.join()
    return [came[number] for number in range(len(batches))]


def named(items, name):
    return Named(labeler="ann", item=items.id[0], name=name)


def test_who_comes_meanwhile_is_written_as_one(items, log):
    ledger = Ledger(items)
    writing = Writing(log.exchange, ledger, threading.RLock(), lambda: None)
    batches = [[named(items, str(number)), named(items, f"{number} again")] for number in range(4)]
    came = at_once(writing, log, batches)
    assert [len(batch) for batch in log.batches] == [2, 6], "the disk is waited for twice, not four times"
    assert [new for new, _ in came] == batches
    assert came[0][1] == 2
    assert [position for _, position in came[1:]] == [8, 8, 8]
    assert list(ledger.events) == [event.id for _, event in log.store.read_after(0)], "the ledger is the log"
    assert writing.settled() == 8
    assert writing._waiting == []


def test_what_can_not_be_written_keeps_nobody_else_from_it(items, log):
    ledger = Ledger(items)
    writing = Writing(log.exchange, ledger, threading.RLock(), lambda: None)
    first, good, bad = ([named(items, name)] for name in ("first", "good", "bad"))
    came = at_once(writing, log, [first, good, bad])
    assert [new for new, _ in came[:2]] == [first, good]
    assert isinstance(came[2], StoreError)
    assert set(ledger.events) == {first[0].id, good[0].id}


def test_an_event_sent_again_is_not_new(items):
    store = MemoryStore()
    writing = Writing(exchange_of(store), Ledger(items), threading.RLock(), lambda: None)
    event = named(items, "x")
    assert writing([event]) == ([event], 1)
    assert writing([event]) == ([], 1)
    assert writing([]) == ([], 1)


def test_what_another_server_wrote_can_be_taken_back(items):
    """A retraction of something unknown is looked up in the log before it is refused."""
    event, ledger, lock = named(items, "x"), Ledger(items), threading.RLock()
    store, looked = MemoryStore(), []
    store.append([event])

    def follow():
        looked.append(True)
        for position, one in store.read_after(ledger.position):
            ledger.add(position, one)

    writing = Writing(exchange_of(store), ledger, lock, follow)
    assert writing([Retracted(labeler="ann", event=event.id)])[1] == 2
    assert writing([named(items, "y")])[1] == 3
    assert looked == [True], "an answer needs no look"
    with pytest.raises(InvalidInputError, match="no such event"):
        writing([Retracted(labeler="ann", event="nothing")])
    assert len(store.read_after(0)) == 3
