"""Before the first model: the server answers, every screen is there, and the first page comes when it can."""

import threading

import numpy as np
import pytest
from starlette.testclient import TestClient

from pal.errors import InvalidInputError
from pal.project import NoPage, Page, Project, paging
from pal.project.learning import Here
from pal.web.app import create_app
from pal.web.pages import SCREENS
from tests.test_project import three_clumps


class Slow(Here):
    """Makes nothing before it is told to."""

    def __init__(self):
        super().__init__()
        self.go = threading.Event()

    def prepare(self, raw, /, *, reduce, seed):
        self.go.wait()
        return super().prepare(raw, reduce=reduce, seed=seed)

    def close(self):
        self.go.set()


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
def early(tmp_path, slow):
    x, labels = three_clumps()
    np.savez(tmp_path / "clumps.npz", x=x, y=labels)
    with Project.create_or_open(tmp_path / "clumps.npz", page_size=5, learning=slow, wait=False) as opened:
        yield opened


READ = [
    "/api/progress", "/api/groups", "/api/groups/same", "/api/report", "/api/map", "/api/review", "/api/team",
    "/api/exports", "/api/openapi.json", "/api/groups/{item}/members", "/api/items/{item}",
    "/api/groups/against?a={item}&b={item}",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("place", [*READ, *(address for _, address, _ in SCREENS)])
def test_every_screen_is_there_before_the_first_model(early, place):
    with TestClient(create_app(early, token=None), base_url="http://127.0.0.1") as client:
        reply = client.get(place.replace("{item}", early.items.id[0]))
        assert reply.status_code in (200, 404), reply.text
        again = client.get(place.replace("{item}", early.items.id[0]))
    assert again.status_code == reply.status_code


def test_the_first_page_is_waited_for(early, slow):
    got = []
    asking = threading.Thread(target=lambda: got.append(early.page("ann")))
    asking.start()
    slow.go.set()
    asking.join()
    early.begin()
    assert isinstance(got[0], Page)
    assert early.progress().n_groups


def test_a_page_that_does_not_come_in_time_says_why(early, monkeypatch):
    monkeypatch.setattr(paging, "_FIRST_PAGE", 0.01)
    found = early.page("ann")
    assert isinstance(found, NoPage)
    assert "first page is being made" in found.reason


def test_whoever_waits_for_the_first_model_is_let_go(early, slow):
    waiting = threading.Thread(target=early.begin)
    waiting.start()
    early.close()
    waiting.join()
    assert not early.model().rows.size or slow.go.is_set()


def test_answers_from_before_the_model_count(early, slow):
    labels, ids = early.items.labels, early.items.id
    same = np.flatnonzero(labels == labels[0])
    early.merge(ids[same[0]], ids[same[1]], "ann")
    assert early.standing().label[same[0]] == early.standing().label[same[1]] >= 0
    slow.go.set()
    early.begin()
    early.settle()
    assert early.standing().label[same[0]] == early.standing().label[same[1]] >= 0


def test_a_model_that_cannot_be_is_told_to_who_waits_and_who_asks(tmp_path, slow):
    def fails(*_, **__):
        raise InvalidInputError("nothing to learn from")

    slow.prepare = fails
    x, _ = three_clumps()
    np.save(tmp_path / "x.npy", x)
    with Project.create_or_open(tmp_path / "x.npy", learning=slow, wait=False) as opened:
        with pytest.raises(InvalidInputError, match="nothing to learn from"):
            opened.begin()
        with pytest.raises(InvalidInputError, match="nothing to learn from"):
            opened.page("ann")
