"""Refresh tokens: 48 bytes in base64url, of which the database knows only hashes.

The first 16 bytes name the family, which is what began with one log-in. The next 16 are the secret, and each use
replaces them: 128 bits that nobody guesses (RFC 6749, 10.10). The last 16 authenticate the others with a key that
only the service has. So a token that was made here is told from one that was made up, without asking the database,
and whoever knows the name of a family can do nothing with it.

The next secret is derived from the token it replaces, with another such key: whoever repeats a request because the
response was lost is given the same token again, and a family stays one chain.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

FAMILY_BYTES = SECRET_BYTES = MAC_BYTES = 16
FORM = re.compile(r"[A-Za-z0-9_-]{64}\Z")  # 48 bytes have no bits to spare, so this is the one spelling
PURPOSE = b"taskward refresh tokens"
AUTHENTICATION = b"taskward refresh tokens: authentication"


@dataclass(frozen=True, slots=True, repr=False)
class RefreshToken:
    """One token of a family. Without a `repr`, so that no log can show it by accident.

    `authentic` says that it was made here, with the secret of today. One made before there was this proof, or with
    another secret, is not: it is as good as any while the database knows its hash, and proves nothing after that.
    """

    text: str
    authentic: bool

    @property
    def family_hash(self) -> bytes:
        """What the database knows of the family: 32 bytes."""
        return hashlib.sha256(urlsafe_b64decode(self.text)[:FAMILY_BYTES]).digest()

    @property
    def hash(self) -> bytes:
        """What the database knows of the token: 32 bytes."""
        return hashlib.sha256(self.text.encode()).digest()


class RefreshTokens:
    """Makes refresh tokens, and recognises them."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret of the service; keys for these purposes alone are derived from it."""
        self._key = hmac.digest(secret, PURPOSE, "sha256")
        self._authentication_key = hmac.digest(secret, AUTHENTICATION, "sha256")

    def first(self, family: bytes | None = None) -> RefreshToken:
        """Return the first token of a new family; of one with this name of 16 bytes, where it is given."""
        family = family or secrets.token_bytes(FAMILY_BYTES)
        return self._made(family + secrets.token_bytes(SECRET_BYTES))

    def after(self, token: RefreshToken) -> RefreshToken:
        """Return the token that replaces `token`: always the same one."""
        family = urlsafe_b64decode(token.text)[:FAMILY_BYTES]
        return self._made(family + hmac.digest(self._key, token.text.encode(), "sha256")[:SECRET_BYTES])

    def read(self, text: str) -> RefreshToken | None:
        """Return the token that `text` could be, or None when it cannot be one."""
        if not FORM.match(text):
            return None
        data = urlsafe_b64decode(text)
        return RefreshToken(text, hmac.compare_digest(data[-MAC_BYTES:], self._mac(data[:-MAC_BYTES])))

    def _made(self, data: bytes) -> RefreshToken:
        return RefreshToken(urlsafe_b64encode(data + self._mac(data)).decode(), authentic=True)

    def _mac(self, data: bytes) -> bytes:
        return hmac.digest(self._authentication_key, data, "sha256")[:MAC_BYTES]
