"""Announcing: what happens in a project, sent to its webhooks from a thread of its own; nothing waits for it.

Definition. A delivery is a POST of JSON with the headers ``PAL-Delivery`` (its id), ``PAL-Time`` (seconds since the
epoch) and ``PAL-Signature``, HMAC-SHA256(secret, time + "." + body) in hex. It has arrived when the reply's status is
2xx; redirects are not followed, and the body of the reply is not read. What fails is tried again, later each time;
what comes after waits its turn, so that an address hears things in order. Until then deliveries are in the store
(:mod:`pal.store.deliveries`): a server that starts goes on with them, and one may arrive twice.
"""

import contextlib
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from pal.errors import StoreError
from pal.project import Project, report
from pal.project.ledger import is_page
from pal.store.deliveries import Deliveries, Delivery, queueing
from pal.store.events import Answered, Event, Named, new_id
from pal.store.postgres import PostgresStore
from pal.store.tables import Beside
from pal.store.webhooks import Webhook, Webhooks

WAITS = (1.0, 5.0, 30.0, 120.0, 600.0)
"""Seconds until each further attempt; after the last, a delivery is given up."""

_SECONDS = 10.0
"""An attempt takes no longer than this, whatever the other side does."""

_TAKEN = 3 * _SECONDS
"""For so long a delivery is left to the server that tries it."""

_AWAY = 1.0

_LOOK = 5.0
"""Seconds between two looks at whether the target is reached."""

_OTHERS = 30.0
"""Seconds between looks at what another server, on the same database, may have left behind."""


class Announcer:
    """Tells webhooks what happens; off while there are none.

    Parameters
    ----------
    project
        The project; give :meth:`recorded` to :meth:`pal.project.Project.listen`.
    hooks
        Its webhooks, read anew for each thing that happens.
    waits
        Seconds until each further attempt.
    """

    def __init__(self, project: Project, hooks: Webhooks, *, waits: Sequence[float] = WAITS) -> None:
        self._project, self._hooks, self._waits = project, hooks, tuple(waits)
        self._deliveries = Deliveries(hooks.store)
        self._shared = isinstance(hooks.store, PostgresStore)
        self._happened: deque[tuple[str, str, str]] = deque()  # what isn't in the log, and not yet in the store
        self._changed = threading.Condition()
        self._queued: set[str] = set()
        self._stopping, self._news = False, True
        self._looked = -_LOOK
        hooks.store.beside.append(self._beside)
        if not self._shared:
            self._deliveries.begin_again()
        self._thread = threading.Thread(target=self._work, name="pal-announcer", daemon=True)
        self._thread.start()

    def recorded(self, events: Sequence[Event]) -> None:
        """Take note of new events; returns at once."""
        with self._changed:
            queued = {event.id for event in events} & self._queued
            self._queued -= queued
            if queued or time.monotonic() - self._looked >= _LOOK:
                self._news = True
                self._changed.notify_all()

    def exported(self, facts: dict[str, Any]) -> None:
        """Take note of an export; returns at once."""
        with self._changed:
            self._happened.append(self._made("export-done", facts))
            self._news = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread; what still waits is sent when a server starts again."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        self._hooks.store.beside.remove(self._beside)

    def _beside(self, events: Sequence[Event]) -> list[Beside]:
        """Queue what is to be told of new events, in the transaction that writes them."""
        made = [(event.id, self._made(*told)) for event in events if (told := _told(event)) is not None]
        return [Beside(queueing(*one), partial(self._wrote, event)) for event, one in made]

    def _wrote(self, event: str, count: int) -> None:
        if count:
            with self._changed:
                self._queued.add(event)  # the transaction may not be at its end: the thread wakes when it is

    def _made(self, kind: str, facts: dict[str, Any]) -> tuple[str, str, str]:
        delivery = new_id()
        about = {"id": delivery, "kind": kind, "time": time.time(), "project": self._project.directory.name}
        return kind, delivery, json.dumps(about | facts, ensure_ascii=False)

    def _work(self) -> None:
        patience: float | None = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._news, patience)
                if self._stopping:
                    return
                self._news = False
            try:
                patience = self._turn()
            except StoreError:  # away for a moment
                patience = _AWAY

    def _turn(self) -> float | None:
        """Send what is due, one of each address; returns the seconds until there may be more, None for ever."""
        while self._happened:
            self._deliveries.queue([self._happened[0]])
            self._happened.popleft()
        hooks = {hook.url: hook for hook in self._hooks.all()}
        self._deliveries.tidy()
        self._look(hooks)
        for delivery in self._deliveries.first():
            due = delivery.due <= time.time() and delivery.url in hooks and not self._stopping
            if due and self._deliveries.take(delivery, _TAKEN):
                self._send(hooks[delivery.url], delivery)
        left = [delivery.due for delivery in self._deliveries.first()]
        if self._shared and hooks:
            left.append(time.time() + _OTHERS)
        return max(0.0, min(left) - time.time()) if left else None

    def _look(self, hooks: dict[str, Webhook]) -> None:
        """See whether the target is reached now, and was never before."""
        if time.monotonic() - self._looked < _LOOK:
            return
        self._looked = time.monotonic()
        target = self._project.settings().target
        store, note = self._project.store, f"reached {target}"
        if not any("target-reached" in hook.kinds for hook in hooks.values()) or store.get_meta(note):
            return
        items = self._project.items
        found = self._project.present.once(f"target {target}", lambda now: report.report(items, now, "", target=target))
        if found.verdict == "reached":
            facts = {"target": target, "low": found.low, "high": found.high}
            self._deliveries.queue([self._made("target-reached", facts)])
            store.set_meta(note, str(time.time()))

    def _send(self, hook: Webhook, delivery: Delivery) -> None:
        """Try one delivery: one a turn for each address, so that none keeps the others waiting for long."""
        identity = json.loads(delivery.body)["id"]
        failure = attempt(hook, identity, delivery.body.encode())
        if failure is None or delivery.attempts >= len(self._waits):
            self._deliveries.drop(delivery)
            said = "arrived" if failure is None else f"given up: {failure}"
        else:
            self._deliveries.put_off(delivery, self._waits[delivery.attempts])
            said = f"failed {delivery.attempts + 1} times: {failure}"
        if said != hook.said:
            self._hooks.note(hook.url, said)


def sign(secret: str, when: str, body: bytes, /) -> str:
    """Signature of a delivery, in hex."""
    return hmac.new(secret.encode(), when.encode() + b"." + body, hashlib.sha256).hexdigest()


def attempt(hook: Webhook, delivery: str, body: bytes, /) -> str | None:
    """Send one delivery; None if it arrived, else what went wrong."""
    parts, when = urlsplit(hook.url), str(int(time.time()))
    headers = {
        "content-type": "application/json",
        "user-agent": "pal",
        "pal-delivery": delivery,
        "pal-time": when,
        "pal-signature": sign(hook.secret, when, body),
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(parts.scheme, str(parts.hostname), parts.port)
    timer = threading.Timer(_SECONDS, lambda: _hang_up(connection))
    timer.daemon = True
    timer.start()
    try:
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        timer.cancel()
        connection.close()
    if 200 <= status < 300:
        return None
    return f"status {status}" + ("; redirects aren't followed" if 300 <= status < 400 else "")


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=_SECONDS)


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """End an attempt that drips: each byte in time, the whole never."""
    with contextlib.suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)


def _told(event: Event) -> tuple[str, dict[str, Any]] | None:
    """Kind of an event and what is told of it; None for one that nobody is told of."""
    about = {"event": event.id, "labeler": event.labeler}
    if isinstance(event, Answered) and is_page(event):
        counts = {name: event.relations.count(r) for name, r in (("alike", 1), ("unlike", -1), ("unsure", 0))}
        return "page-answered", {**about, "page": event.page, "template": event.template, **counts}
    if isinstance(event, Named) and event.name:
        return "class-named", {**about, "item": event.item, "name": event.name}
    return None
