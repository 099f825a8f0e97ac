"""``pal invite``: accounts by signed links."""

from contextlib import closing
from pathlib import Path

import typer

from pal.errors import InvalidInputError
from pal.project.opening import is_project, open_store, project_of
from pal.store.tables import SqlLog

ADDRESS = "address"
"""Note in the store: where people find the server."""

_DEFAULT = "http://127.0.0.1:8642"


def invite(directory: Path, store: str | None, name: str, role: str, address: str | None, *, remove: bool) -> None:
    """Make or change an account and print its link, or take it away."""
    from pal.store.accounts import Accounts
    from pal.web.gate import PERSON
    from pal.web.invitations import DAYS, Invitations
    from pal.web.sessions import INVITE_KEY, load_secret

    directory = project_of(directory)
    if name.strip().casefold() == PERSON:
        raise InvalidInputError(f"{PERSON!r} is whoever opens the address of the terminal; give another name")
    with closing(open_store(directory, store)) as log:
        assert isinstance(log, SqlLog)  # noqa: S101
        accounts = Accounts(log)
        if remove:
            accounts.remove(name)
            typer.echo(f"{name} is out, at once; the answers stay")
            return
        account, word = accounts.invite(name, role)
        base = (address or log.get_meta(ADDRESS) or _DEFAULT).rstrip("/")
    link = Invitations(load_secret(directory / INVITE_KEY)).sign(account.key, word)
    typer.echo(f"{base}/?invite={link}")
    typer.echo(f"{account.name} is {account.role}; the link works once, for {DAYS} days", err=True)


def require_accounts(directory: Path, store: str | None, host: str) -> None:
    """Refuse to serve other computers while there are no accounts.

    Raises
    ------
    InvalidInputError
        If there are none.
    """
    from pal.store.accounts import Accounts

    if store is not None or is_project(directory):
        with closing(open_store(directory, store)) as log:
            assert isinstance(log, SqlLog)  # noqa: S101
            if Accounts(log).all():
                return
    raise InvalidInputError(
        f"--host {host} lets other computers in, which takes accounts: label once on this computer, "
        f"then run pal invite {directory} --name NAME --role administrator; or forward the port over ssh"
    )
