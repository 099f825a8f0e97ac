"""Invitations: links that name an account and a word that works once, signed with a key in the project's folder.

A link that is forged, changed, older than its days, or from another project (which has another key) says nothing.
"""

import hashlib

from itsdangerous import BadData, URLSafeTimedSerializer

DAYS = 7
"""How long a link is good for."""

_SALT = "pal-invitation"


class Invitations:
    """Signs and reads links.

    Parameters
    ----------
    secret
        Key of the signature, 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt=_SALT, signer_kwargs={"digest_method": hashlib.sha256})

    def sign(self, key: str, word: str) -> str:
        """Text for a link: the account's key and the word."""
        return str(self._signer.dumps([key, word]))

    def read(self, text: str) -> tuple[str, str] | None:
        """Key and word of a link; None if the link isn't good."""
        try:
            found = self._signer.loads(text, max_age=DAYS * 24 * 3600)
        except BadData:
            return None
        if isinstance(found, list) and len(found) == 2 and all(isinstance(part, str) for part in found):
            return found[0], found[1]
        return None
