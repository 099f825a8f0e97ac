"""The time that the server took is on every reply."""

import re

import pytest
from starlette.testclient import TestClient

from pal.web.app import create_app
from pal.web.timing import Timing

SHAPE = re.compile(r"total;dur=\d+\.\d\d")


@pytest.mark.parametrize(
    "place", ["/", "/api/progress", "/static/base.css", "/nowhere", "/api/page?hold=" + "x" * 5000]
)
def test_every_reply_says_how_long_it_took(client, place):
    assert SHAPE.fullmatch(client.get(place).headers["server-timing"])


def test_refusals_too(project):
    with TestClient(create_app(project, token="a-token-that-is-long-enough"), base_url="http://127.0.0.1") as client:
        reply = client.get("/api/page")
        assert reply.status_code == 401
        assert SHAPE.fullmatch(reply.headers["server-timing"])


def test_the_time_is_that_of_the_reply(monkeypatch):
    """From the head of the request to the head of the reply, by the clock."""
    ticks = iter([100.0, 100.5])
    monkeypatch.setattr("pal.web.timing.perf_counter", lambda: next(ticks))

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    assert TestClient(Timing(app)).get("/").headers["server-timing"] == "total;dur=500.00"
