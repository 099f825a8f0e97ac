"""Signing in: a token that works once, signed cookies, and the keys that sign them.

The terminal prints an address with a token. Whoever opens it first gets a cookie, and the token is spent. The cookie
is ``expires.nonce.mac`` with mac = HMAC-SHA256(secret, expires.nonce); the secret lies beside the log, so a cookie
outlives a restart of the server and a token doesn't.
"""

import hashlib
import hmac
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pal.errors import StoreError

SESSION_SECONDS = 30 * 24 * 3600

INVITE_KEY = "invite.key"
"""File in the project's folder with the key that signs invitations."""

SESSION_KEY = "session.key"
"""File in the project's folder with the key that signs cookies."""


class OneTimeToken:
    """A token that works once.

    Parameters
    ----------
    token
        The secret word, at least 16 characters; None means that nobody can sign in with a token.
    """

    def __init__(self, token: str | None) -> None:
        if token is not None and len(token) < 16:
            raise ValueError(f"a token needs at least 16 characters, got {len(token)}; use secrets.token_urlsafe()")
        self._token = token
        self._lock = threading.Lock()

    def redeem(self, offered: str) -> bool:
        """Spend the token if ``offered`` equals it; a wrong guess doesn't spend it."""
        with self._lock:
            # compare_digest takes the same time wherever the first difference is.
            right = self._token is not None and hmac.compare_digest(self._token.encode(), offered.encode())
            if right:
                self._token = None
            return right


class Sessions:
    """Signed cookies.

    Parameters
    ----------
    secret
        Key of the signature, 32 bytes.
    clock
        Seconds since the epoch; replaced in tests.
    """

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def issue(self, key: str = "") -> str:
        """Make a new cookie value, for the account with a key or for whoever had the token."""
        claim = f"{int(self._clock()) + SESSION_SECONDS}.{secrets.token_hex(8)}" + (f".{key}" if key else "")
        return f"{claim}.{self._mac(claim)}"

    def valid(self, value: str) -> bool:
        """Tell whether ``value`` was issued with this secret and hasn't expired."""
        claim, _, mac = value.rpartition(".")
        if not hmac.compare_digest(self._mac(claim).encode(), mac.encode()):
            return False
        return int(claim.partition(".")[0]) > self._clock()

    def key(self, value: str) -> str:
        """Key of the account that a valid ``value`` was issued for; empty for whoever had the token."""
        return value.split(".")[2] if value.count(".") == 3 else ""

    def _mac(self, claim: str) -> str:
        return hmac.new(self._secret, claim.encode(), hashlib.sha256).hexdigest()


def load_secret(path: Path) -> bytes:
    """Read the cookie secret, or make it: 32 random bytes in a file only its owner can read.

    Raises
    ------
    StoreError
        If the file is there and isn't 32 bytes.
    """
    try:
        # Born with its mode: readable by others not even for a moment.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_bytes()
        if len(secret) != 32:
            raise StoreError(
                f"expected 32 bytes in {path}, got {len(secret)}; delete the file and sign in again"
            ) from None
        return secret
    secret = secrets.token_bytes(32)
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
    return secret
