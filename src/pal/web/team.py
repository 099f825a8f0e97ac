"""The team: invitations and roles, the rule, gold, and what an administrator sets for everybody."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, HTTPException

from pal.errors import InvalidInputError
from pal.project import Project
from pal.project.report import people
from pal.project.snapshot import Snapshot
from pal.store.accounts import Account, Accounts
from pal.store.tables import SqlLog
from pal.store.webhooks import Webhooks
from pal.web import replies, roles, shapes
from pal.web.description import gives
from pal.web.invitations import DAYS, Invitations

_WELCOMED = "welcomed"
_NO_ACCOUNTS = "this server keeps no accounts; start it with pal annotate"


def team(project: Project, accounts: Accounts | None, invitations: Invitations, *, owner: str) -> APIRouter:
    """Routes for administrators; ``owner`` is the name of whoever opens the terminal's address."""
    router = APIRouter(prefix="/api/team", tags=["people"])

    @router.get("", **gives(replies.Team))
    def overview(by: roles.By) -> dict[str, Any]:
        """Who takes part, what they did, and what is set for everybody."""
        did = project.present.once("people", lambda now: _people(project, now))
        return {
            "accounts": _accounts(accounts, by),
            "people": did,
            "settings": shapes.shown(project.settings()),
            "gold": [shapes.shown(project.tile(row)) for row in project.checking.gold().rows.tolist()],
            "webhooks": _webhooks(project),
            "me": by.name,
        }

    @router.post("/invite", **gives(replies.Invited))
    def invite(by: roles.By, sent: shapes.InviteIn) -> dict[str, Any]:
        """Make an account or change its role, and sign a link for it; the one before ends."""
        name = " ".join(sent.name.split())
        if name.casefold() in (by.name.casefold(), owner.casefold()):
            raise InvalidInputError(f"{name!r} is your own name or the owner's; give another name")
        account, word = _of(accounts).invite(name, sent.role)
        link = f"/?invite={invitations.sign(account.key, word)}"
        return {"name": account.name, "role": account.role, "link": link, "days": DAYS}

    @router.post("/role", **gives(replies.Joined))
    def change(by: roles.By, sent: shapes.InviteIn) -> dict[str, Any]:
        """Change the role of an account, at once."""
        _not_oneself(by, sent.name)
        _of(accounts).change(sent.name, sent.role)
        return {"name": sent.name, "role": sent.role}

    @router.post("/withdraw", **gives(replies.Named))
    def withdraw(sent: shapes.NameIn) -> dict[str, Any]:
        """End the open link of an account; who is signed in stays."""
        _of(accounts).withdraw(sent.name)
        return {"name": sent.name}

    @router.post("/remove", **gives(replies.Named))
    def remove(by: roles.By, sent: shapes.NameIn) -> dict[str, Any]:
        """Take an account away, at once; its answers stay."""
        _not_oneself(by, sent.name)
        _of(accounts).remove(sent.name)
        return {"name": sent.name}

    @router.post("/settings", **gives(replies.Settings))
    def change_settings(sent: shapes.SettingsIn) -> dict[str, Any]:
        """Change what is set for everybody; what isn't sent stays."""
        project.settings.set(replace(project.settings(), **sent.model_dump(exclude_none=True)))
        found: dict[str, Any] = shapes.shown(project.settings())
        return found

    @router.post("/gold", **gives(replies.Written))
    def gild(labeler: roles.Caller, sent: shapes.GoldIn) -> dict[str, Any]:
        """Say that an item's label is right, so that others can be measured by it; or take that back."""
        made = project.gild(sent.item, labeler) if sent.gold else project.ungild(sent.item, labeler)
        if not made:
            raise InvalidInputError("only who marked an item as gold can take that back")
        return {"events": [event.id for event in made], "progress": shapes.progress(project.progress())}

    return router


def welcome(project: Project) -> APIRouter:
    """Route by which somebody says that they have seen the start screen."""
    router = APIRouter(prefix="/api", tags=["people"])

    @router.post("/welcomed", **gives(replies.Named))
    def seen(by: roles.By) -> dict[str, Any]:
        """Say that one knows what to do: the start screen isn't shown again by itself."""
        if not welcomed(project, by):
            project.store.set_meta(_note(by), "1")
        return {"name": by.name}

    return router


def welcomed(project: Project, by: Account, /) -> bool:
    """Whether somebody has seen the start screen."""
    return project.store.get_meta(_note(by)) is not None


def _note(by: Account) -> str:
    return f"{_WELCOMED} {by.key or 'owner'}"


def _of(accounts: Accounts | None) -> Accounts:
    if accounts is None:
        raise HTTPException(404, _NO_ACCOUNTS)
    return accounts


def _not_oneself(by: Account, name: str) -> None:
    if name == by.name:
        raise InvalidInputError("this is your own account; another administrator can change it")


def _accounts(accounts: Accounts | None, by: Account) -> list[dict[str, Any]]:
    if accounts is None:
        return []
    invited = accounts.invited()
    return [
        {"name": one.name, "role": one.role, "invited": one.name in invited, "me": one.key == by.key}
        for one in accounts.all()
    ]


def _people(project: Project, now: Snapshot) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shapes.shown(people(now, project.checking.measured(now)))
    return found


def _webhooks(project: Project) -> list[dict[str, Any]]:
    if not isinstance(project.store, SqlLog):
        return []
    return [{"url": hook.url, "kinds": hook.kinds, "said": hook.said} for hook in Webhooks(project.store).all()]
