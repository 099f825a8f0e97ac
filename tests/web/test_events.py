"""Answers on their way into the log: durable, idempotent, and refused in one sentence when they make no sense."""

import time

import pytest
from posting import answered, new_id, send

from pal.store.events import Answered, Flagged, Named, Retracted


def pages(client):
    return client.get("/api/progress").json()["pages"]


@pytest.fixture
def page(client):
    return client.get("/api/page").json()["page"]


def test_an_answer_is_in_the_log_when_the_reply_comes(client, log, page, digit):
    event = answered(page, digit)
    before = pages(client)
    reply = send(client, event)
    assert reply.status_code == 200, reply.text
    assert reply.json()["accepted"] == [event["id"]]
    assert reply.json()["progress"]["pages"] == before + 1
    (written,) = log()
    assert isinstance(written, Answered)
    assert written.items == tuple(event["items"])
    assert written.relations == tuple(event["relations"])
    assert written.toggles == ((page["tiles"][0]["id"], 1.25),)


def test_sending_again_changes_nothing(client, log, page, digit):
    event = answered(page, digit)
    for _ in range(3):
        assert send(client, event).json()["accepted"] == [event["id"]]
    assert len(log()) == 1


def test_an_edited_page_is_a_retraction_and_a_new_answer(client, log, page, digit):
    told = client.get("/api/progress").json()["told"]
    first = answered(page, digit)
    send(client, first)
    unsure = answered(page, digit, relations=[0] * 15)
    retracted = {"kind": "retracted", "id": new_id(), "time": time.time(), "event": first["id"]}
    reply = send(client, retracted, unsure)
    assert reply.json()["accepted"] == [retracted["id"], unsure["id"]]
    assert [type(event) for event in log()] == [Answered, Retracted, Answered]
    assert reply.json()["progress"]["told"] == told


def test_names_and_flags(client, log, page):
    item = page["template"]["id"]
    name = {"kind": "named", "id": new_id(), "time": 1.0, "item": item, "name": "Größe <b>"}
    flag = {"kind": "flagged", "id": new_id(), "time": 2.0, "item": page["tiles"][0]["id"], "reason": "broken"}
    assert send(client, name, flag).status_code == 200
    assert [type(event) for event in log()] == [Named, Flagged]
    assert client.get("/api/progress").json()["flagged"] >= 1


def test_the_labeler_is_the_servers_word(client, log, page, digit):
    assert send(client, answered(page, digit, labeler="somebody else")).status_code == 422
    send(client, answered(page, digit))
    assert {event.labeler for event in log()} == {"person"}


def test_a_late_answer_to_a_page_of_a_server_that_is_gone_counts(client, page, digit):
    before = pages(client)
    assert send(client, answered(page, digit) | {"page": new_id()}).json()["progress"]["pages"] == before + 1


@pytest.mark.parametrize(
    "change",
    [
        {"relations": [1]},
        {"relations": [2] * 15},
        {"items": ["0" * 64] * 15},
        {"template": "f" * 64},
        {"template": "../../etc/passwd"},
        {"id": ""},
        {"id": "x" * 32},
        {"time": -1},
        {"seconds": -1},
        {"mode": "both"},
        {"note": "x" * 10_000},
        {"kind": "placed"},
        {"extra": 1},
    ],
)
def test_nonsense_is_refused_in_a_sentence_and_nothing_is_written(client, log, page, digit, change):
    good = answered(page, digit)
    reply = send(client, good, answered(page, digit) | change)
    assert reply.status_code == 422
    detail = reply.json()["detail"]
    assert isinstance(detail, str)
    assert 10 < len(detail) < 600
    assert log() == []  # all or none


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"events": 3}', b'{"events": [null]}', b"\xff\xfe", b"[" * 100_000]
)
def test_broken_bodies_are_refused(client, body):
    reply = client.post("/api/events", content=body, headers={"content-type": "application/json"})
    assert reply.status_code in (400, 422)


def test_numbers_that_json_does_not_know_are_refused(client, page, digit):
    import json

    for value in ("NaN", "Infinity", "1e999"):
        body = json.dumps({"events": [answered(page, digit)]}).replace('"seconds": 4.5', f'"seconds": {value}')
        reply = client.post("/api/events", content=body, headers={"content-type": "application/json"})
        assert reply.status_code == 422, value


def test_lone_surrogates_are_refused(client, page):
    body = '{"events": [{"kind": "named", "id": "%s", "time": 1, "item": "%s", "name": "\\ud800"}]}'
    body %= (new_id(), page["template"]["id"])
    reply = client.post("/api/events", content=body, headers={"content-type": "application/json"})
    assert reply.status_code in (400, 422)


def test_undo_retracts_the_latest(client, log, page, digit):
    before = pages(client)
    event = answered(page, digit)
    send(client, event)
    reply = client.post("/api/undo", json={})
    assert reply.status_code == 200
    last = log()[-1]
    assert isinstance(last, Retracted)
    assert last.event == event["id"]
    assert reply.json()["progress"]["pages"] == before


def test_flagged_items_are_not_asked_about(client, page):
    item = page["tiles"][0]["id"]
    assert client.post("/api/flag", json={"item": item, "reason": "unsuitable"}).status_code == 200
    seen = set()
    hold = []
    for _ in range(10):
        other = client.get("/api/page", params={"hold": ",".join(hold)}).json()["page"]
        hold.append(other["id"])
        seen |= {tile["id"] for tile in other["tiles"]} | {other["template"]["id"]}
    assert item not in seen
