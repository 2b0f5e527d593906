"""Refresh tokens: 48 random bytes in base64url, of which the database knows only hashes.

The first 16 bytes name the family, which is what began with one log-in. The other 32 are the secret, and each use
replaces them. The next secret is derived from the token it replaces, with a key that only the service has: whoever
repeats a request because the response was lost is given the same token again, and a family stays one chain.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

FAMILY_BYTES = 16
SECRET_BYTES = 32
FORM = re.compile(r"[A-Za-z0-9_-]{64}\Z")  # 48 bytes have no bits to spare, so this is the one spelling
PURPOSE = b"taskward refresh tokens"


@dataclass(frozen=True, slots=True, repr=False)
class RefreshToken:
    """One token of a family. Without a `repr`, so that no log can show it by accident."""

    text: str

    @property
    def family_hash(self) -> bytes:
        """What the database knows of the family: 32 bytes."""
        return hashlib.sha256(urlsafe_b64decode(self.text)[:FAMILY_BYTES]).digest()

    @property
    def hash(self) -> bytes:
        """What the database knows of the token: 32 bytes."""
        return hashlib.sha256(self.text.encode()).digest()


class RefreshTokens:
    """Makes refresh tokens, and recognises their form."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret of the service; a key for this purpose alone is derived from it."""
        self._key = hmac.digest(secret, PURPOSE, "sha256")

    def first(self) -> RefreshToken:
        """Return the first token of a new family."""
        return RefreshToken(urlsafe_b64encode(secrets.token_bytes(FAMILY_BYTES + SECRET_BYTES)).decode())

    def after(self, token: RefreshToken) -> RefreshToken:
        """Return the token that replaces `token`: always the same one."""
        family = urlsafe_b64decode(token.text)[:FAMILY_BYTES]
        return RefreshToken(
            urlsafe_b64encode(family + hmac.digest(self._key, token.text.encode(), "sha256")).decode()
        )

    def read(self, text: str) -> RefreshToken | None:
        """Return the token that `text` could be, or None when it cannot be one."""
        return RefreshToken(text) if FORM.match(text) else None
