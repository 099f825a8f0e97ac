"""Roles: what a person may ask for. What isn't named here takes a reviewer, so that nothing new is open by accident."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from pal.project.ledger import CHECKS, CORRECTIONS, GOLD, IMPORT
from pal.store.accounts import Account
from pal.store.events import Answered, Event, Named

ANNOTATOR = (
    "/",
    "/api/events",
    "/api/flag",
    "/api/join",
    "/api/page",
    "/api/progress",
    "/api/release",
    "/api/renew",
    "/api/undo",
    "/api/welcomed",
)
"""Exact addresses that are open to everybody with an account; pictures are too."""

ADMINISTRATOR = ("/export", "/exports", "/api/export", "/api/openapi.json", "/team", "/api/team")
"""Addresses, with what lies under them, that take an administrator."""


def needed(path: str, /) -> str:
    """Role that an address takes."""
    if path in ANNOTATOR or path.startswith(("/static/", "/thumbnails/", "/sounds/")):
        return "annotator"
    if any(path == place or path.startswith((f"{place}/", f"{place}.")) for place in ADMINISTRATOR):
        return "administrator"
    return "reviewer"


def account(request: Request) -> Account:
    """Who makes a request, as the gate found out."""
    found: Account = request.scope["state"]["account"]
    return found


def caller(request: Request) -> str:
    """Name of who makes a request; never the client's word."""
    return account(request).name


def may(request: Request) -> Callable[[str], bool]:
    """Whether who makes a request may open an address; for the navigation."""
    return lambda address: account(request).may(needed(address))


def check(event: Event, by: Account, /) -> None:
    """Refuse events that take a reviewer and came through the door for answers."""
    if isinstance(event, Answered) and event.page in (GOLD, IMPORT) and not by.may("administrator"):
        raise HTTPException(403, "this takes an administrator; ask one")
    told_elsewhere = isinstance(event, Answered) and event.page in (*CORRECTIONS, *CHECKS)
    if (told_elsewhere or isinstance(event, Named)) and not by.may("reviewer"):
        raise HTTPException(403, "names, merges, splits and checks take a reviewer; ask one, or an administrator")


async def _caller(request: Request) -> str:
    return caller(request)


async def _account(request: Request) -> Account:
    return account(request)


# Asynchronous, so that they take no thread: two more would have to be waited for with each request.
Caller = Annotated[str, Depends(_caller)]
By = Annotated[Account, Depends(_account)]
