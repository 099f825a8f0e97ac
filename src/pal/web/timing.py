"""Timing: how long the server took for a reply, in the header ``Server-Timing``, which browsers show.

The time runs from when a request's head is read until the reply's head is sent: waiting for a thread and for the log
counts, the network and the browser don't. So what a busy client adds can be told from what the server takes.
"""

from time import perf_counter

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Timing:
    """ASGI middleware that adds the header ``Server-Timing: total;dur=MILLISECONDS``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                took = (perf_counter() - start) * 1000.0
                MutableHeaders(scope=message)["server-timing"] = f"total;dur={took:.2f}"
            await send(message)

        await self._app(scope, receive, timed)
