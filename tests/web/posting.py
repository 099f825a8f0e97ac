"""What the browser would post, for tests without one."""

import time
import uuid


def new_id():
    return uuid.uuid4().hex


def answered(page, digit, **changes):
    """The right answer to a page, as the browser would send it."""
    kind = digit[page["template"]["id"]]
    return {
        "kind": "answered",
        "id": new_id(),
        "time": time.time(),
        "page": page["id"],
        "template": page["template"]["id"],
        "items": [tile["id"] for tile in page["tiles"]],
        "relations": [1 if digit[tile["id"]] == kind else -1 for tile in page["tiles"]],
        "mode": page["mode"],
        "seconds": 4.5,
        "toggles": [[page["tiles"][0]["id"], 1.25]],
        "note": "",
    } | changes


def send(client, *events):
    return client.post("/api/events", json={"events": list(events)})


def checked(template, item, relation, *, page="check"):
    """An answer about one pair."""
    return {
        "kind": "answered",
        "id": new_id(),
        "time": time.time(),
        "page": page,
        "template": template,
        "items": [item],
        "relations": [relation],
        "mode": "same",
        "seconds": 1.5,
    }
