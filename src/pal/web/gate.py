"""Who may talk to the annotator: a gate in front of every request.

The gate checks, in this order: Host (against DNS rebinding), the request's origin (against other sites), the size of
the body, the session (:mod:`pal.web.sessions`) and the role. It adds the security headers to every reply, refusals
included.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pal.store.accounts import Account, Accounts
from pal.web.invitations import Invitations
from pal.web.roles import needed
from pal.web.sessions import SESSION_SECONDS, OneTimeToken, Sessions

MAX_BODY = 1 << 20
"""Largest request body, in bytes: some two hundred pages of answers."""

JOIN = "/api/join"

_NOBODY = Account("", "", "annotator")

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

# No inline script or style, nothing from another host, never in a frame. Trusted Types turn an accidental
# innerHTML into an error instead of a hole.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}

PERSON = "person"
"""Name of whoever opens the address that the terminal prints."""

SIGN_IN = (
    "This address needs a sign-in: open the address that pal printed in the terminal, "
    "or start pal annotate again for a new one; no answer is lost. "
    "If you had an invitation, ask an administrator for a new one."
)

NO_INVITATION = "This invitation was used, has ended or isn't for this project; ask an administrator for a new one."


@dataclass(frozen=True)
class Guests:
    """People with accounts: who they are, how links are read, and the page behind a link."""

    accounts: Accounts
    invitations: Invitations
    page: Callable[[Request], Response]


class Gate:
    """ASGI middleware: let a request through or refuse it, and harden every reply.

    Parameters
    ----------
    app
        What stands behind the gate.
    token
        The one-time token; ``sessions`` None means that no session is needed (tests, or a proxy that signs people in).
    sessions
        Checks cookies, or None.
    allowed_hosts
        Host names a request may name, without port; IPv6 in brackets.
    cookie
        Name of the cookie; cookies don't know ports, so each project has its own name.
    refuse
        Builds the page a person sees when signed out.
    owner
        Who has the token.
    guests
        Others who may come in; None if there are none.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: OneTimeToken,
        sessions: Sessions | None,
        allowed_hosts: Collection[str],
        cookie: str,
        refuse: Callable[[Request, str], Response],
        max_body: int = MAX_BODY,
        owner: Account = Account(PERSON, "", "administrator"),  # noqa: B008  frozen
        guests: Guests | None = None,
    ) -> None:
        self._app = app
        self._token = token
        self._sessions = sessions
        self._hosts = frozenset(host.lower() for host in allowed_hosts)
        self._cookie = cookie
        self._refuse = refuse
        self._max_body = max_body
        self._owner = owner
        self._guests = guests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def harden(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        request = Request(scope)
        refusal = self._check(request)
        if refusal is None:
            await self._know(request)
            refusal = self._enter(request)
        if refusal is None and request.method not in ("GET", "HEAD"):
            body = await _read(receive, self._max_body)
            if body is None:
                refusal = _error(413, f"a request may carry at most {self._max_body} bytes; send fewer events at once")
            else:
                receive = _replay(body, receive)
                if request.url.path == JOIN:
                    refusal = await run_in_threadpool(self._join, request, body)
        await (refusal or self._app)(scope, receive, harden)

    def _check(self, request: Request) -> Response | None:
        if not self._host_allowed(request.headers):
            return _error(400, "this host name isn't served here; open the address that pal printed in the terminal")
        if _from_elsewhere(request):
            return _error(403, "this request came from another site and was refused; open the page itself")
        if request.method not in ("GET", "HEAD"):
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                return _error(415, "expected a body of type application/json; send JSON")
        return None

    def _host_allowed(self, headers: Headers) -> bool:
        hosts = headers.getlist("host")
        return len(hosts) == 1 and _without_port(hosts[0]) in self._hosts

    def _enter(self, request: Request) -> Response | None:
        """Find out who asks and whether they may; a refusal, or None."""
        state = request.scope.setdefault("state", {})
        state["account"] = _NOBODY
        if self._sessions is None:
            state["account"] = self._owner
            return None
        path = request.url.path
        if path.startswith("/static/") or (path == JOIN and request.method == "POST"):
            return None
        account = self._account(request)
        if path == "/" and "invite" in request.query_params and self._guests is not None and account is None:
            return self._guests.page(request)
        refusal = self._check_session(request, signed_in=account is not None)
        if refusal is not None or account is None:
            return refusal
        state["account"] = account
        if not account.may(needed(path)):
            why = f"{account.name} is {account.role} here, and this takes a role that may do more; ask an administrator"
            return self._refuse(request, why) if wants_page(request) else _error(403, why)
        return None

    async def _know(self, request: Request) -> None:
        """Read accounts anew, in a thread, if they may have changed and the request is of one of them."""
        if self._sessions is None or self._guests is None or not self._guests.accounts.stale:
            return
        value = request.cookies.get(self._cookie, "")
        if self._sessions.valid(value) and self._sessions.key(value):
            await run_in_threadpool(self._guests.accounts.refresh)

    def _account(self, request: Request) -> Account | None:
        value = request.cookies.get(self._cookie, "")
        if self._sessions is None or not self._sessions.valid(value):
            return None
        key = self._sessions.key(value)
        if not key:
            return self._owner
        return None if self._guests is None else self._guests.accounts.find(key)

    def _join(self, request: Request, body: bytes) -> Response:
        """Exchange an invitation for a cookie."""
        try:
            text = json.loads(body)["invite"]
        except (ValueError, KeyError, TypeError):
            return _error(422, "expected an invitation; send the one of the link")
        read = self._guests.invitations.read(text) if self._guests is not None and isinstance(text, str) else None
        account = None if read is None or self._guests is None else self._guests.accounts.join(*read)
        if account is None:
            return _error(403, NO_INVITATION)
        return self._signed_in(request, JSONResponse({"name": account.name, "role": account.role}), account.key)

    def _signed_in(self, request: Request, reply: Response, key: str = "") -> Response:
        assert self._sessions is not None  # noqa: S101
        reply.set_cookie(
            self._cookie,
            self._sessions.issue(key),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return reply

    def _check_session(self, request: Request, *, signed_in: bool) -> Response | None:
        if request.url.path == "/" and "token" in request.query_params and request.method == "GET":
            if self._token.redeem(request.query_params["token"]):
                return self._signed_in(request, RedirectResponse("/", status_code=303))
            # The address again in a browser that is signed in: no harm, and the token leaves the address bar.
            return RedirectResponse("/", status_code=303) if signed_in else self._signed_out(request)
        return None if signed_in else self._signed_out(request)

    def _signed_out(self, request: Request) -> Response:
        if wants_page(request):
            return self._refuse(request, SIGN_IN)
        return _error(401, SIGN_IN)


def wants_page(request: Request) -> bool:
    """Tell a person's browser, that shows pages, from a program."""
    return "text/html" in request.headers.get("accept", "")


def _without_port(host: str) -> str:
    host = host.lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _from_elsewhere(request: Request) -> bool:
    """Tell whether a browser says that another site made this request."""
    headers = request.headers
    # Following a link to a page is fine; reading data or pictures, or writing, from another site isn't.
    site = headers.get("sec-fetch-site", "none")
    if site not in ("same-origin", "none") and headers.get("sec-fetch-mode") != "navigate":
        return True
    if request.method in ("GET", "HEAD"):
        return False
    # Browsers always name the origin of a write; a program that isn't a browser has no cookie of somebody else's.
    origin = headers.get("origin")
    return origin is not None and origin != f"{request.url.scheme}://{headers.get('host', '')}"


def _error(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status_code=status)


async def _read(receive: Receive, limit: int) -> bytes | None:
    """Read a body, or None as soon as it passes ``limit``; the length a client declares is not believed."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
