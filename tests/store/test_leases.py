"""Leases in PostgreSQL: no item on two open pages, whichever server asks."""

import threading
import time

import pytest

from pal.store.leases import StoredLeases
from pal.store.postgres import PostgresStore
from pal.store.tables import LEASES
from tests.store.logs import ITEMS


@pytest.fixture
def servers(new_database):
    """Leases of one database through two connections, as two servers have them."""
    address = new_database()
    stores = [PostgresStore(address), PostgresStore(address)]
    yield [StoredLeases(store, 60.0) for store in stores]
    for store in stores:
        store.close()


def rows(leases):
    with leases._store.transaction() as connection:
        return connection.execute(LEASES.select().order_by(LEASES.c.page)).all()


def test_a_lease_keeps_others_away_until_released(servers):
    one, other = servers
    before = time.time()
    expires, mine = one.grant("p", ITEMS[:3])
    assert mine == list(ITEMS[:3])
    assert before + 59 < expires < time.time() + 61
    assert other.grant("q", ITEMS[2:5])[1] == list(ITEMS[3:5])
    assert set(one.items()) == set(other.items()) == set(ITEMS[:5])
    other.release(["p"])
    assert set(one.items()) == set(ITEMS[3:5])
    assert other.grant("r", ITEMS[:4])[1] == list(ITEMS[:3])
    one.release(["unknown"])
    one.renew([])


def test_leases_end_and_are_not_revived(servers):
    one, other = servers
    one.seconds = -1.0  # ended as soon as granted
    one.grant("p", ITEMS[:2])
    one.seconds = 60.0
    one.renew(["p", "unknown"])
    assert one.items() == []
    assert other.grant("q", ITEMS[:2])[1] == list(ITEMS[:2])


def test_renewing_lengthens(servers):
    one, other = servers
    first, _ = one.grant("p", ITEMS[:2])
    other.seconds = 7200.0
    other.renew(["p"])
    (row,) = rows(other)
    assert (row.page, row.items) == ("p", " ".join(ITEMS[:2]))
    assert row.expires > first + 7000
    assert other.grant("q", ITEMS[:2])[1] == []


def test_a_lease_that_is_sent_again_is_its_own(servers):
    """A connection may be lost when the lease is kept already."""
    one, other = servers
    one.grant("p", ITEMS[:3])
    other.grant("q", ITEMS[3:5])
    assert one.grant("p", ITEMS[:4])[1] == list(ITEMS[:3])
    assert len(rows(one)) == 2
    assert one.grant("r", ITEMS[:4]) == (0.0, []), "nothing is free, and nothing is kept"
    assert len(rows(one)) == 2


def test_the_order_of_a_page_stays(servers):
    one, other = servers
    other.grant("q", [ITEMS[2]])
    assert one.grant("p", [ITEMS[4], ITEMS[2], ITEMS[0], ITEMS[3]])[1] == [ITEMS[4], ITEMS[0], ITEMS[3]]


def test_what_has_ended_is_cleared_away(servers):
    one, other = servers
    one.seconds = -1.0
    one.grant("p", ITEMS[:2])
    assert [row.page for row in rows(one)] == ["p"]
    other.grant("q", ITEMS[2:4])
    assert [row.page for row in rows(one)] == ["q"]


def test_items_of_a_page_are_sent_once(servers, monkeypatch):
    one, other = servers
    one.grant("p", ITEMS[:2])
    assert set(other.items()) == set(ITEMS[:2])
    one.grant("q", ITEMS[2:4])
    sent, together = [], other._store.together

    def watched(*statements):
        came = together(*statements)
        sent.extend(items for _, items in came[0].rows)
        return came

    monkeypatch.setattr(other._store, "together", watched)
    assert set(other.items()) == set(ITEMS[:4])
    assert sorted(sent) == ["", " ".join(ITEMS[2:4])]
    one.release(["p"])
    assert set(other.items()) == set(ITEMS[2:4])


def test_many_at_once_never_share_an_item(servers):
    granted, errors = [], []

    def work(number):
        try:
            for i in range(10):
                page = f"{number}.{i}"
                _, items = servers[number % 2].grant(page, ITEMS[number % 3 :] if i % 2 else ITEMS[::-1])
                granted.append(items)
                servers[number % 2].renew([page])
                with lock:
                    assert not open_now & set(items)
                    open_now.update(items)
                time.sleep(0.003)
                with lock:
                    open_now.difference_update(items)
                servers[number % 2].release([page])
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    open_now, lock = set(), threading.Lock()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sum(map(len, granted)) >= len(ITEMS)
