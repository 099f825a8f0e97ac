"""Accounts: who may take part in a project, and in which role.

A person gets a link, signed elsewhere (:mod:`pal.web.invitations`), that names an account's ``key`` and a word, the
``invite``. The word works once. A new invitation changes the role at once and replaces the word before; an account
that is removed and made again has another key, so what its cookies were good for ends with it.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from pal.errors import InvalidInputError
from pal.store.tables import ACCOUNTS, SqlLog

ROLES = ("annotator", "reviewer", "administrator")
"""Each may do what those before it may."""

_MAX_NAME = 60
_IMPORTS = "import "
"""Imports are logged under such names; nobody may take them back but by pal import."""

_FRESH = 5.0
"""Seconds after which accounts are read anew though nobody told of a change: a notification may be lost."""


@dataclass(frozen=True)
class Account:
    """A person: the name their answers are logged under, a key that is in their cookie, and their role."""

    name: str
    key: str
    role: str

    def may(self, role: str) -> bool:
        """Whether this person may do what takes a role."""
        return ROLES.index(self.role) >= ROLES.index(role)


class _Read(NamedTuple):
    """Accounts by key, as they were when the store had a stamp, and when that was (time.monotonic)."""

    accounts: Mapping[str, Account]
    stamp: object
    time: float


class Accounts:
    """Accounts of a store; kept until it tells of a change, which so counts at once, on every server."""

    def __init__(self, store: SqlLog) -> None:
        self._store = store
        self._read: _Read | None = None

    @property
    def stale(self) -> bool:
        """Whether they must be read anew before anybody is let in."""
        last = self._read
        return last is None or last.stamp != self._store.stamp() or time.monotonic() - last.time > _FRESH

    def refresh(self) -> None:
        """Read all accounts."""
        stamp, now = self._store.stamp(), time.monotonic()  # before: a change meanwhile makes them stale
        self._read = _Read({account.key: account for account in self.all()}, stamp, now)

    def invite(self, name: str, role: str) -> tuple[Account, str]:
        """Make an account, or give one another role; returns it and a new word for its link.

        Raises
        ------
        InvalidInputError
            If the name or the role won't do, or somebody has nearly the same name.
        """
        name = " ".join(name.split())
        if not 1 <= len(name) <= _MAX_NAME or not name.isprintable():
            raise InvalidInputError(f"a name must have 1 to {_MAX_NAME} printable characters, got {name[:80]!r}")
        if role not in ROLES:
            raise InvalidInputError(f"role must be one of {', '.join(ROLES)}, got {role!r}")
        if name.casefold().startswith(_IMPORTS):
            raise InvalidInputError(f"names that begin with {_IMPORTS!r} are those of imports, got {name!r}")
        word = secrets.token_urlsafe(16)
        with self._store.changing() as connection:
            others = {row.name: row for row in connection.execute(sa.select(ACCOUNTS))}
            if name not in others:
                twin = next((other for other in others if other.casefold() == name.casefold()), None)
                if twin is not None:
                    raise InvalidInputError(
                        f"there is an account {twin!r}; use that name, or one that isn't so like it"
                    )
                row = {"name": name, "key": secrets.token_hex(16), "role": role, "invite": word}
                connection.execute(sa.insert(ACCOUNTS), row)
                return Account(name, row["key"], role), word
            connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.name == name).values(role=role, invite=word))
        return Account(name, others[name].key, role), word

    def change(self, name: str, role: str) -> None:
        """Change a role; an open link stays good.

        Raises
        ------
        InvalidInputError
            If there is no such role or account.
        """
        if role not in ROLES:
            raise InvalidInputError(f"role must be one of {', '.join(ROLES)}, got {role!r}")
        self._set(name, role=role)

    def withdraw(self, name: str) -> None:
        """End the open link of an account.

        Raises
        ------
        InvalidInputError
            If there is no such account.
        """
        self._set(name, invite=None)

    def invited(self) -> set[str]:
        """Names of those who have a link that wasn't used."""
        with self._store.reading() as connection:
            return set(connection.execute(sa.select(ACCOUNTS.c.name).where(ACCOUNTS.c.invite.is_not(None))).scalars())

    def join(self, key: str, word: str) -> Account | None:
        """Spend the word of an invitation; None if it is no longer good."""
        with self._store.changing() as connection:
            mine = (ACCOUNTS.c.key == key) & (ACCOUNTS.c.invite == word)
            spent = connection.execute(sa.update(ACCOUNTS).where(mine).values(invite=None)).rowcount
        return next((account for account in self.all() if account.key == key), None) if spent == 1 else None

    def find(self, key: str) -> Account | None:
        """Account with a key, as of the last :meth:`refresh`: nobody waits for the store."""
        return None if self._read is None else self._read.accounts.get(key)

    def all(self) -> list[Account]:
        """Every account, by name."""
        rows = self._store.rows(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.name))
        return [Account(row.name, row.key, row.role) for row in rows]

    def remove(self, name: str) -> None:
        """Take an account away; the answers stay.

        Raises
        ------
        InvalidInputError
            If there is none.
        """
        with self._store.changing() as connection:
            gone = connection.execute(sa.delete(ACCOUNTS).where(ACCOUNTS.c.name == name)).rowcount
        if not gone:
            raise InvalidInputError(f"no account {name!r}; nothing to remove")

    def _set(self, name: str, **values: str | None) -> None:
        with self._store.changing() as connection:
            mine = sa.update(ACCOUNTS).where(ACCOUNTS.c.name == name).values(**values)
            if not connection.execute(mine).rowcount:
                raise InvalidInputError(f"no account {name!r}; invite them first")
