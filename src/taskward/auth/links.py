"""Tokens for links that are good once, of which nothing is stored.

A token is a subject, when it ends in seconds since 1970, and an HMAC-SHA256 over its purpose, these two and a
state: what using it changes. So it is void as soon as it was used, or the same has been changed otherwise, and one
for a purpose is none for another. The key is derived from the secret of the service.
"""

import hmac
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Literal

Purpose = Literal["invite", "reset", "verify"]

KEY = b"taskward links"
FORM = re.compile(r"([a-z0-9_]{1,40})\.([1-9][0-9]{9,10})\.[A-Za-z0-9_-]{43}\Z", re.ASCII)


def reset_state(password_hash: str, link_made: str) -> str:
    """Return the state of a token for a new password: the one of now, and when the newest link was made."""
    return f"{password_hash}\0{link_made}"


def verify_state(email: str) -> str:
    """Return the state of a token that proves an address. That it is used once is for the database to see to."""
    return email.casefold()


class LinkTokens:
    """Makes such tokens, and recognises them."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        """Take the secret of the service, and a clock of seconds since 1970."""
        self._key = hmac.digest(secret, KEY, "sha256")
        self._clock = clock

    def new(self, purpose: Purpose, subject: str, state: str, seconds: int) -> str:
        """Return a token that is good for so many seconds, and as long as the state of its subject is this one."""
        return self._token(purpose, subject, int(self._clock()) + seconds, state)

    def subject_of(self, token: str) -> str | None:
        """Return whom a token says that it is for, or None where it is none or has ended. Proves nothing yet."""
        found = FORM.match(token)
        return found[1] if found and int(found[2]) > self._clock() else None

    def is_good(self, token: str, purpose: Purpose, state: str) -> bool:
        """Tell whether a token was made here for this purpose, has not ended, and the state is as it was then."""
        found = FORM.match(token)
        if not found or int(found[2]) <= self._clock():
            return False
        expected = self._token(purpose, found[1], int(found[2]), state)  # as text, of which there is one spelling
        return hmac.compare_digest(token.encode(), expected.encode())

    def _token(self, purpose: Purpose, subject: str, ends: int, state: str) -> str:
        mac = hmac.digest(self._key, "\0".join((purpose, subject, str(ends), state)).encode(), "sha256")
        return f"{subject}.{ends}.{urlsafe_b64encode(mac).decode().rstrip('=')}"
