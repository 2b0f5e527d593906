"""Codes that end a log-in with another provider, for the page or a program to exchange for tokens.

A code is sealed: who reads an address that it stands in learns nothing. It says whose account it is, and names the
log-in that it begins. A log-in begins once, in the database, so a code is good once, and nothing else is stored of
it. It is bound to a verifier that only who began the log-in knows (RFC 7636): nobody else's code can be slipped
in, and a code that somebody else reads is of no use to them.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from taskward.auth.refresh import FAMILY_BYTES
from taskward.auth.sealed import Sealed

PURPOSE = "log-in codes"
SECONDS = 60
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")  # RFC 7636, 4.2: the SHA-256 of a verifier
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")  # RFC 7636, 4.1


@dataclass(frozen=True, slots=True)
class Granted:
    """What a code is for: an account, and the name of the log-in that it begins."""

    account_id: str
    family: bytes


class LogInCodes:
    """Makes such codes, and reads them."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret of the service."""
        self._sealed = Sealed(secret, PURPOSE)

    def new(self, account_id: str, challenge: str) -> str:
        """Return a code for an account, bound to a challenge."""
        family = urlsafe_b64encode(secrets.token_bytes(FAMILY_BYTES)).decode()
        return self._sealed.seal({"account": account_id, "family": family, "challenge": challenge})

    def read(self, code: str, verifier: str) -> Granted | None:
        """Return what a code is for, or None where it is none, has ended, or the verifier is not its own."""
        said = self._sealed.open(code, SECONDS)
        if said is None or not VERIFIER.match(verifier):
            return None
        if not hmac.compare_digest(challenge_of(verifier), said["challenge"]):
            return None
        return Granted(said["account"], urlsafe_b64decode(said["family"]))


def challenge_of(verifier: str) -> str:
    """Return the challenge of a verifier (RFC 7636, 4.2, S256)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
