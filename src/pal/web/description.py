"""The description of the HTTP interface: what every route has in common, and what the gate answers by itself."""

from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException
from pydantic import BaseModel

from pal.web import replies, shapes

TITLE = "PAL"

SUMMARY = """\
One project, served for labelling. Items are named by the SHA-256 of their content, events by a UUID that the client
makes: sending one twice is harmless. Every error is one sentence, `{"detail": "…"}`.

Signing in: `GET /?token=…` with the word that `pal annotate` prints, or `POST /api/join` with that of an invitation,
sets a cookie. Writes are JSON and, from a browser, of this origin only. A body has at most 1 MiB.
"""

TAGS = {
    "people": "Signing in, and who may do what.",
    "pages": "The next page to answer, leases, progress.",
    "events": "Answers on their way into the log; what was accepted is on disk.",
    "groups": "What answers and model put together, and corrections.",
    "review": "What is worth another look.",
    "reports": "How far, how accurate; the map, and pages made of a selection.",
    "thumbnails": "Small pictures of items.",
    "export": "Results, for administrators.",
}

_ERRORS = {
    400: "The host name isn't served here.",
    401: "Nobody is signed in.",
    403: "The role doesn't allow it, or the request came from another site.",
    404: "There is no such thing.",
    413: "The body is too large.",
    415: "The body isn't application/json; or an item has no picture.",
    422: "The request makes no sense; nothing was written.",
    503: "The log didn't answer; try again.",
}


def gives(model: type[BaseModel], /) -> dict[str, Any]:
    """How a route says what it replies with; replies aren't checked while they are sent."""
    return {"response_model": None, "responses": {200: {"model": model}}}


def errors() -> dict[int | str, dict[str, Any]]:
    """Errors that every route may answer with."""
    return {status: {"model": replies.Error, "description": words} for status, words in _ERRORS.items()}


def joining() -> APIRouter:
    """Description of the one route that the gate answers itself."""
    router = APIRouter(tags=["people"])

    @router.post("/api/join", **gives(replies.Joined))
    def join(sent: shapes.JoinIn) -> None:  # noqa: ARG001
        """Exchange an invitation for a cookie."""
        raise HTTPException(404, "nobody is invited here")

    return router


def describe(app: FastAPI, /) -> None:
    """Give every operation a summary, its first sentence, and a name of its own."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            for path, methods in plain()["paths"].items():
                for method, operation in methods.items():
                    words = operation.get("description", "").split("\n")[0]
                    operation["summary"] = words.rstrip(".").split(";")[0]
                    operation["operationId"] = f"{method}_{path}".replace("/", "_").translate(_NO_BRACES)
        assert app.openapi_schema is not None  # noqa: S101
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


_NO_BRACES = str.maketrans({"{": None, "}": None, ".": "_", "-": "_"})
