"""What a service gives away to get it back: encrypted, authenticated, and good for a while.

By Fernet, the recipe of the library `cryptography`: AES-CBC with HMAC-SHA256 and a time. The key is derived from
the secret of the service for one purpose: what was sealed for one is nothing to another, and any worker opens it.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping

import orjson
from cryptography.fernet import Fernet, InvalidToken


class Sealed:
    """Seals texts by name, and opens them."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        """Take the secret of the service, and what the sealed texts are for."""
        key = hmac.digest(secret, f"taskward {purpose}".encode(), "sha256")
        self._fernet = Fernet(urlsafe_b64encode(key))

    def seal(self, texts: Mapping[str, str | int | None]) -> str:
        """Return all as one text of base64url, which says nothing but its length and when it was made."""
        return self._fernet.encrypt(orjson.dumps(texts)).decode().rstrip("=")

    def open(self, text: str, seconds: int) -> dict[str, str] | None:
        """Return what was sealed, or None where it was not sealed here, or longer ago than so many seconds."""
        try:
            opened = self._fernet.decrypt(text + "=" * (-len(text) % 4), ttl=seconds)
        except (InvalidToken, ValueError):
            return None
        said: dict[str, str] = orjson.loads(opened)
        return said
