"""A client of a served project: pages, answers, names and exports, from a program.

Definition. A link is what ``pal annotate`` or ``pal invite`` printed; it signs in once. What a client may do is what
its account may. An answer has an id that is made here, so one that is sent twice counts once, and a request whose reply
was lost is simply sent again. Relations are +1 alike, −1 unlike, 0 cannot tell.
"""

import hashlib
import hmac
import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from pal.errors import InvalidInputError, StoreError, require_extra

if TYPE_CHECKING:
    import httpx2 as httpx

_ATTEMPTS = 4
_WAIT = 0.25
_EXPORT_SECONDS = 3600.0


@dataclass(frozen=True)
class Tile:
    """An item: its id (SHA-256 of its content), its name, its text if it has one."""

    id: str
    name: str
    text: str | None


@dataclass(frozen=True)
class Page:
    """A page to answer: ``tiles`` are compared with ``template``; ``group`` is the name of its group, or ""."""

    id: str
    template: Tile
    exemplars: tuple[Tile, ...]
    tiles: tuple[Tile, ...]
    mode: str
    group: str
    fetched: float = field(default_factory=time.time)


class Client:
    """Signs in to a served project.

    Parameters
    ----------
    address
        A link with its token or invitation, or the bare address where ``keep`` holds a session already.
    keep
        File for the session, so that the next program needs no new link; readable by its owner only.
    timeout
        Seconds to wait for a reply.

    Raises
    ------
    InvalidInputError
        If the link is no good, or there is neither a link nor a session.
    StoreError
        If the server can't be reached.
    MissingExtraError
        If httpx2 isn't installed.
    """

    def __init__(self, address: str, *, keep: str | Path | None = None, timeout: float = 60.0) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InvalidInputError(f"expected a link like http://127.0.0.1:8642/?token=…, got {address[:60]!r}")
        base = f"{parts.scheme}://{parts.netloc}"
        self._http = _httpx().Client(base_url=base, timeout=timeout, headers={"accept": "application/json"})
        self._why = ""
        try:
            self._sign_in(parse_qs(parts.query), None if keep is None else Path(keep))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- pages -------------------------------------------------------------------------------------------------

    def page(self) -> Page | None:
        """Lease the next page; None if there is none just now (:attr:`why` says why)."""
        reply = self._get("/api/page")
        self._why = reply.get("done", "")
        found = reply.get("page")
        if found is None:
            return None
        template, tiles = _tile(found["template"]), tuple(map(_tile, found["tiles"]))
        return Page(found["id"], template, tuple(map(_tile, found["exemplars"])), tiles, found["mode"], found["group"])

    @property
    def why(self) -> str:
        """Why there was no page the last time, "" if there was one."""
        return self._why

    def answer(
        self, page: Page, relations: Sequence[int] | Mapping[str, int], /, *, seconds: float | None = None
    ) -> str:
        """Answer a page; on the server's disk when this returns.

        Parameters
        ----------
        page
            The page.
        relations
            One a tile, in their order; or by item id, 0 for those left out.
        seconds
            How long it took; by default since the page was fetched.

        Returns
        -------
        str
            Id of the event, for :meth:`retract`.
        """
        listed = relations if isinstance(relations, Sequence) else [relations.get(t.id, 0) for t in page.tiles]
        event = _event(
            "answered",
            page=page.id,
            template=page.template.id,
            items=[tile.id for tile in page.tiles],
            relations=[int(relation) for relation in listed],
            mode=page.mode,
            seconds=max(0.0, time.time() - page.fetched) if seconds is None else seconds,
        )
        return self._send(event)

    def retract(self, event: str, /) -> None:
        """Take back an event of one's own."""
        self._send(_event("retracted", event=event))

    def name(self, item: str, name: str, /) -> str:
        """Name the group of an item; takes a reviewer. Returns the event's id."""
        return self._send(_event("named", item=item, name=name))

    def flag(self, item: str, /, *, reason: str = "unsuitable") -> str:
        """Take an item out of the questions, as "unsuitable" or "broken". Returns the event's id."""
        return self._send(_event("flagged", item=item, reason=reason))

    # --- where things stand --------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """How far the project is: items by source of their label, groups, pages, answers."""
        return self._get("/api/progress")

    def groups(self) -> list[dict[str, Any]]:
        """Every group, largest first; takes a reviewer."""
        found: list[dict[str, Any]] = self._get("/api/groups")["groups"]
        return found

    def picture(self, item: str, /, *, size: int = 256) -> bytes:
        """Picture of an item, at most 96, 256 or 768 pixels on a side."""
        return bytes(self._ask("GET", f"/thumbnails/{item}", params={"size": size}).content)

    def export(self, to: Path, /, *, formats: Sequence[str] = ("csv",)) -> Path:
        """Have an export written, and download it as one zip; takes an administrator."""
        made = self._ask("POST", "/api/export", json={"formats": list(formats)}, timeout=_EXPORT_SECONDS, again=False)
        half = to.with_name(f"{to.name}.half")
        with self._http.stream("GET", f"/exports/{made.json()['id']}.zip") as reply, half.open("wb") as file:
            _check(reply)
            for chunk in reply.iter_bytes():
                file.write(chunk)
        half.replace(to)
        return to

    # --- parts -------------------------------------------------------------------------------------------------

    def _sign_in(self, query: dict[str, list[str]], keep: Path | None) -> None:
        if "invite" in query:
            self._ask("POST", "/api/join", json={"invite": query["invite"][0]}, again=False)
        elif "token" in query:
            reply = self._ask("GET", "/", params={"token": query["token"][0]}, again=False)
            if not self._http.cookies:
                _check(reply)
        elif keep is not None and keep.is_file():
            self._http.cookies.update(json.loads(keep.read_text(encoding="utf-8")))
        else:
            raise InvalidInputError("no session: give a link that pal annotate or pal invite printed")
        self._get("/api/progress")
        if keep is not None and self._http.cookies:
            handle = os.open(keep, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(dict(self._http.cookies), file)

    def _send(self, event: dict[str, Any]) -> str:
        self._ask("POST", "/api/events", json={"events": [event]})
        return str(event["id"])

    def _get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("GET", path).json()
        return found

    def _ask(self, method: str, path: str, *, again: bool = True, **how: Any) -> "httpx.Response":
        """Ask until there is an answer; a server in trouble is asked again where that is harmless."""
        transport_error = _httpx().TransportError
        for left in range(_ATTEMPTS if again else 1, 0, -1):
            try:
                reply = self._http.request(method, path, **how)
            except transport_error as error:
                trouble: str = f"the server {self._http.base_url} can't be reached: {error}; is it running?"
            else:
                if reply.status_code < 500:
                    return _check(reply)
                trouble = _detail(reply)
            if left > 1:
                time.sleep(_WAIT * 2 ** (_ATTEMPTS - left))
        raise StoreError(trouble)


def genuine(secret: str, headers: Mapping[str, str], body: bytes, /, *, within: float = 300.0) -> bool:
    """Whether a webhook's delivery was signed with a secret, at most ``within`` seconds ago; for whoever receives one.

    Parameters
    ----------
    secret
        What ``pal webhook add`` printed.
    headers, body
        Of the request, the body as it came.
    """
    found = {name.lower(): value for name, value in headers.items()}
    when, given = found.get("pal-time", ""), found.get("pal-signature", "")
    made = hmac.new(secret.encode(), when.encode() + b"." + body, hashlib.sha256).hexdigest()
    good = hmac.compare_digest(made.encode(), given.encode())
    return good and when.isdecimal() and abs(time.time() - int(when)) <= within


def _check(reply: "httpx.Response") -> "httpx.Response":
    """Turn a refusal into an error with the server's own sentence."""
    if reply.status_code < 400:
        return reply
    reply.read()
    raise (StoreError if reply.status_code >= 500 else InvalidInputError)(_detail(reply))


def _detail(reply: "httpx.Response") -> str:
    try:
        said = reply.json()
    except ValueError:
        said = None
    if isinstance(said, dict) and isinstance(said.get("detail"), str):
        return str(said["detail"])
    return f"expected JSON, got status {reply.status_code} from {reply.url.path}; is this a server of pal?"


def _tile(values: Mapping[str, Any]) -> Tile:
    return Tile(values["id"], values["name"], values["text"])


def _event(kind: str, **values: Any) -> dict[str, Any]:
    return {"kind": kind, "id": uuid.uuid4().hex, "time": time.time()} | values


def _httpx() -> Any:
    try:
        import httpx2
    except ImportError:
        raise require_extra("httpx2", "client") from None
    return httpx2
