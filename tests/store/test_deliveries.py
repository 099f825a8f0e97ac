"""What is still to be told, on both databases."""

import pytest
import sqlalchemy as sa

from pal.errors import StoreError
from pal.store import Named
from pal.store import deliveries as module
from pal.store.deliveries import Deliveries, queueing
from pal.store.postgres import PostgresStore
from pal.store.sql import SqlStore
from pal.store.tables import WEBHOOKS, Beside
from pal.store.webhooks import Webhooks
from tests.store.logs import ITEMS

ONE, TWO = "https://example.org/1", "https://example.org/2"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    if request.param == "sqlite":
        made = SqlStore(tmp_path / "log.sqlite")
    else:
        made = PostgresStore(request.getfixturevalue("new_database")())
    yield made
    made.close()


@pytest.fixture
def queued(store):
    hooks = Webhooks(store)
    hooks.add(ONE, ("class-named",))
    hooks.add(TWO, ("class-named", "export-done"))
    made = Deliveries(store)
    assert made.queue([("class-named", "a", "A"), ("export-done", "b", "B"), ("page-answered", "c", "C")]) == 3
    return made


def test_each_address_hears_what_it_wants_in_order(queued):
    assert queued.waiting() == {ONE: 1, TWO: 2}
    assert [(d.url, d.body, d.attempts) for d in queued.first()] == [(ONE, "A", 0), (TWO, "A", 0)]
    for delivery in queued.first():
        queued.drop(delivery)
    assert [(d.url, d.body) for d in queued.first()] == [(TWO, "B")]


def test_one_server_takes_a_delivery(queued):
    first, _ = queued.first()
    assert queued.take(first, 3600.0)
    assert not queued.take(first, 3600.0), "another server had looked at the same time"
    taken, _ = queued.first()
    assert taken.due > first.due
    queued.put_off(taken, 3600.0)
    later, _ = queued.first()
    assert (later.attempts, later.position) == (1, first.position)
    queued.begin_again()
    assert [delivery.due for delivery in queued.first()] == [0.0, 0.0]


def test_an_address_taken_away_is_told_nothing_more(store, queued):
    Webhooks(store).remove(TWO)
    assert queued.waiting() == {ONE: 1}
    with store.writing() as connection:  # as a server does that didn't see it queued
        connection.execute(sa.delete(WEBHOOKS))
    queued.tidy()
    assert queued.waiting() == {}


def test_tidying_up_spares_a_webhook_that_is_added_meanwhile(store, queued, monkeypatch):
    with store.writing() as connection:
        connection.execute(sa.delete(WEBHOOKS))
    change = queued._change

    def late(statement):
        Webhooks(store).add(ONE, ("export-done",))
        assert queued.queue([("export-done", "d", "D")]) == 1
        return change(statement)

    monkeypatch.setattr(queued, "_change", late)
    queued.tidy()
    assert queued.waiting() == {ONE: 2}


def test_the_oldest_of_too_many_are_given_up(queued, monkeypatch):
    monkeypatch.setattr(module, "WAITING", 3)
    queued.queue([("export-done", str(number), str(number)) for number in range(4)])
    queued.tidy()
    assert queued.waiting() == {ONE: 1, TWO: 3}
    assert queued.first()[1].body == "1"


def test_what_an_append_writes_beside_is_all_or_nothing(store, queued):
    written = []
    store.beside.append(lambda events: [Beside(queueing("class-named", one.id, "D"), written.append) for one in events])
    event = Named(labeler="ann", item=ITEMS[0], name="x")
    store.append([event, event])
    store.append([event])
    assert written == [2], "for both addresses; what is there already isn't new"
    assert queued.waiting() == {ONE: 2, TWO: 3}

    store.beside[:] = [
        lambda events: [
            Beside(queueing("class-named", events[0].id, "D")),
            Beside(sa.text("INSERT INTO nowhere VALUES (1)")),
        ]
    ]
    with pytest.raises(StoreError, match="nowhere"):
        store.append([Named(labeler="ann", item=ITEMS[0], name="y")])
    assert len(store.read_after(0)) == 1
    assert queued.waiting() == {ONE: 2, TWO: 3}
