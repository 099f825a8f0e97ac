"""Webhooks: addresses that an administrator typed, to be told what happens in a project.

They are added on the server's own command line and nowhere else, each with a secret that signs what is sent to it. No
restore brings them back: a copy of a project tells nobody.
"""

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

import sqlalchemy as sa

from pal.errors import InvalidInputError
from pal.store.tables import DELIVERIES, WEBHOOKS, SqlLog

KINDS = ("page-answered", "class-named", "target-reached", "export-done")
"""What a webhook may be told of."""

_MAX_URL = 500


@dataclass(frozen=True)
class Webhook:
    """An address, the secret that signs what it is sent, what it wants to know, and what came of the last attempt."""

    url: str
    secret: str
    kinds: tuple[str, ...]
    said: str = ""


class Webhooks:
    """Webhooks of a store."""

    def __init__(self, store: SqlLog) -> None:
        self.store = store

    def add(self, url: str, kinds: tuple[str, ...] = KINDS, /) -> Webhook:
        """Add an address with a new secret; one that is there gets another secret.

        Raises
        ------
        InvalidInputError
            If it is no address of HTTP, carries a password, or a kind is unknown.
        """
        made = Webhook(checked(url), secrets.token_urlsafe(32), tuple(dict.fromkeys(kinds)))
        unknown = sorted(set(kinds) - set(KINDS))
        if unknown or not kinds:
            raise InvalidInputError(f"unknown kind {', '.join(unknown)!r}; choose from {', '.join(KINDS)}")
        row = {"url": made.url, "secret": made.secret, "kinds": ",".join(made.kinds), "said": ""}
        with self.store.writing() as connection:
            connection.execute(sa.delete(WEBHOOKS).where(WEBHOOKS.c.url == made.url))
            connection.execute(sa.insert(WEBHOOKS), row)
        return made

    def all(self) -> list[Webhook]:
        """Every webhook, by address."""
        with self.store.reading() as connection:
            rows = connection.execute(sa.select(WEBHOOKS).order_by(WEBHOOKS.c.url)).all()
        return [Webhook(row.url, row.secret, tuple(row.kinds.split(",")), row.said) for row in rows]

    def note(self, url: str, said: str) -> None:
        """Keep what came of the last attempt."""
        with self.store.writing() as connection:
            connection.execute(sa.update(WEBHOOKS).where(WEBHOOKS.c.url == url).values(said=said[:_MAX_URL]))

    def remove(self, url: str) -> None:
        """Take an address away, and what it was still to be told.

        Raises
        ------
        InvalidInputError
            If there is none.
        """
        with self.store.writing() as connection:
            gone = connection.execute(sa.delete(WEBHOOKS).where(WEBHOOKS.c.url == url)).rowcount
            connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.url == url))
        if not gone:
            raise InvalidInputError(f"no webhook {url}; pal webhook list shows those there are")


def checked(url: str, /) -> str:
    """An address to which a request can be sent as it stands.

    Raises
    ------
    InvalidInputError
        If it is none.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or len(url) > _MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInputError(f"expected an address like https://example.org/hook, got {url[:80]!r}")
    if "@" in parts.netloc or parts.fragment:
        raise InvalidInputError("an address must carry no password and no fragment; check the signature instead")
    return url
