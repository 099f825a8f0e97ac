"""Announcing: what happens in a project, sent to its webhooks from a thread of its own; nothing waits for it.

Definition. A delivery is a POST of JSON with the headers ``PAL-Delivery`` (its id), ``PAL-Time`` (seconds since the
epoch) and ``PAL-Signature``, HMAC-SHA256(secret, time + "." + body) in hex. It has arrived when the reply's status is
2xx; redirects are not followed, and the body of the reply is not read. What fails is tried again, later each time;
what comes after waits its turn, so that an address hears things in order. At most ``WAITING`` deliveries wait for an
address: then the oldest is given up. They are in memory, and end with the server.
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
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pal.errors import StoreError
from pal.project import Project, report
from pal.project.ledger import is_page
from pal.store.events import Answered, Event, Named, new_id
from pal.store.webhooks import Webhook, Webhooks

WAITS = (1.0, 5.0, 30.0, 120.0, 600.0)
"""Seconds until each further attempt; after the last, a delivery is given up."""

WAITING = 1_000

_SECONDS = 10.0
"""An attempt takes no longer than this, whatever the other side does."""

_AWAY = 1.0

_LOOK = 5.0
"""Seconds between two looks at whether the target is reached."""


@dataclass
class _Line:
    """What waits for one address: bodies in order, attempts at the first of them, and when the next is due."""

    waiting: deque[tuple[str, bytes]] = field(default_factory=lambda: deque(maxlen=WAITING))
    attempts: int = 0
    due: float = 0.0


class Announcer:
    """Tells webhooks what happens; off while there are none.

    Parameters
    ----------
    project
        The project; give :meth:`recorded` to :meth:`pal.project.Project.listen`.
    hooks
        Its webhooks, read anew for each thing that happens.
    target
        Share of right labels that "target-reached" waits for.
    waits
        Seconds until each further attempt.
    """

    def __init__(
        self, project: Project, hooks: Webhooks, *, target: float = 0.98, waits: Sequence[float] = WAITS
    ) -> None:
        self._project, self._hooks, self._target, self._waits = project, hooks, target, tuple(waits)
        self._happened: deque[tuple[str, dict[str, Any]]] = deque(maxlen=WAITING)
        self._lines: dict[str, _Line] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._looked = -_LOOK
        self._thread = threading.Thread(target=self._work, name="pal-announcer", daemon=True)
        self._thread.start()

    def recorded(self, events: Sequence[Event]) -> None:
        """Take note of new events; returns at once."""
        for event in events:
            if isinstance(event, Answered):
                self._happen("page-answered" if is_page(event) else "", _page(event))
            elif isinstance(event, Named) and event.name:
                self._happen("class-named", {"event": event.id, **_by(event), "item": event.item, "name": event.name})

    def exported(self, facts: dict[str, Any]) -> None:
        """Take note of an export; returns at once."""
        self._happen("export-done", facts)

    def stop(self) -> None:
        """End the thread; what still waits is given up."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _happen(self, kind: str, facts: dict[str, Any]) -> None:
        with self._changed:
            self._happened.append((kind, facts))
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._happened, self._patience())
                if self._stopping:
                    return
                happened = list(self._happened)
                self._happened.clear()
            try:
                self._tell(happened)
            except StoreError:  # away for a moment: what happened just now is lost to webhooks, and to nothing else
                time.sleep(_AWAY)

    def _tell(self, happened: list[tuple[str, dict[str, Any]]]) -> None:
        hooks = {hook.url: hook for hook in self._hooks.all()}
        self._lines = {url: line for url, line in self._lines.items() if url in hooks}
        if happened and hooks:
            self._queue(hooks, [*happened, *self._reached(hooks)])
        for url, line in self._lines.items():
            if line.waiting and line.due <= time.monotonic() and not self._stopping:
                self._send(hooks[url], line)

    def _patience(self) -> float | None:
        due = [line.due for line in self._lines.values() if line.waiting]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _queue(self, hooks: dict[str, Webhook], happened: list[tuple[str, dict[str, Any]]]) -> None:
        for kind, facts in happened:
            delivery = new_id()
            about = {"id": delivery, "kind": kind, "time": time.time(), "project": self._project.directory.name}
            body = json.dumps(about | facts, ensure_ascii=False).encode()
            for hook in hooks.values():
                if kind in hook.kinds:
                    self._lines.setdefault(hook.url, _Line()).waiting.append((delivery, body))

    def _reached(self, hooks: dict[str, Webhook]) -> list[tuple[str, dict[str, Any]]]:
        """Whether the target is reached now, and was never before."""
        store, note = self._project.store, f"reached {self._target}"
        wanted = any("target-reached" in hook.kinds for hook in hooks.values())
        if not wanted or time.monotonic() - self._looked < _LOOK or store.get_meta(note):
            return []
        self._looked = time.monotonic()
        items = self._project.items
        found = self._project.present.once("target", lambda now: report.report(items, now, "", target=self._target))
        if found.verdict != "reached":
            return []
        store.set_meta(note, str(time.time()))
        return [("target-reached", {"target": self._target, "low": found.low, "high": found.high})]

    def _send(self, hook: Webhook, line: _Line) -> None:
        """Send the first of what waits for an address: one a turn, so that none keeps the others waiting for long."""
        delivery, body = line.waiting[0]
        failure = attempt(hook, delivery, body)
        if failure is None or line.attempts >= len(self._waits):
            line.waiting.popleft()
            line.attempts = 0
            said = "arrived" if failure is None else f"given up: {failure}"
        else:
            line.due = time.monotonic() + self._waits[line.attempts]
            line.attempts += 1
            said = f"failed {line.attempts} times: {failure}"
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


def _page(event: Answered) -> dict[str, Any]:
    counts = {name: event.relations.count(r) for name, r in (("alike", 1), ("unlike", -1), ("unsure", 0))}
    return {"event": event.id, **_by(event), "page": event.page, "template": event.template, **counts}


def _by(event: Event) -> dict[str, Any]:
    return {"labeler": event.labeler}
