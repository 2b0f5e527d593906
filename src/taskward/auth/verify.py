"""Whose token is it: gate, signature, claims; remembered until the token expires."""

import hashlib
import math
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from taskward.auth.gate import pass_gate
from taskward.errors import TokenExpiredError, TokenInvalidError

LEEWAY_SECONDS = 30
MAX_USER_ID_LENGTH = 255
MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: the user, and until when it says so (seconds since 1970, leeway included)."""

    user_id: str
    valid_until: float


class TokenVerifier:
    """Verifies HS256 tokens against one secret."""

    def __init__(self, secret: bytes, algorithm: str, clock: Callable[[], float] = time.time) -> None:
        """Take the secret, the one algorithm it may be used with, and a clock of seconds since 1970."""
        self._secret = secret
        self._algorithm = algorithm
        self._clock = clock
        self._remembered: dict[bytes, Claims] = {}

    def verify(self, token: str) -> Claims:
        """Return the claims of a good token; raise TokenExpiredError or TokenInvalidError.

        Remembered by hash, so that the memory of the process holds no usable token.
        """
        claims = self.remembered(token)
        if claims is None:
            claims = self._verify(token)
            if len(self._remembered) >= MAX_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]  # the one remembered longest
            self._remembered[_digest(token)] = claims
        return claims

    def remembered(self, token: str) -> Claims | None:
        """Return the claims of a token that was verified before; raise TokenExpiredError."""
        claims = self._remembered.get(_digest(token))
        if claims is not None and claims.valid_until <= self._clock():
            del self._remembered[_digest(token)]
            raise TokenExpiredError("The token has expired. Ask for a new one.")
        return claims

    def _verify(self, token: str) -> Claims:
        payload = pass_gate(token, self._algorithm)
        try:
            jwt.PyJWS().decode(token, self._secret, algorithms=[self._algorithm])
        except jwt.InvalidSignatureError:
            raise TokenInvalidError(
                "The signature does not match. The token was signed with another secret than JWT_SECRET_KEY."
            ) from None
        except jwt.PyJWTError as error:
            raise TokenInvalidError(f"The token cannot be verified: {error}.") from None
        return check_claims(payload, self._clock())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def check_claims(payload: dict[str, Any], now: float) -> Claims:
    """Return the claims of a payload whose signature is good; raise TokenExpiredError or TokenInvalidError.

    `exp` is required; `exp`, `nbf` and `iat` are finite numbers (RFC 7519, 2 "NumericDate"); `sub` is a string
    of 1 to 255 characters without control characters. The clocks may differ by 30 seconds.
    """
    expires = _time(payload, "exp")
    if expires is None:
        raise TokenInvalidError("The token has no 'exp'. Tokens that never expire are not accepted.")
    if expires + LEEWAY_SECONDS <= now:
        raise TokenExpiredError(_expired(expires))
    for name in ("nbf", "iat"):
        if (start := _time(payload, name)) is not None and start - LEEWAY_SECONDS > now:
            raise TokenInvalidError(f"The token's '{name}' lies in the future. Are the clocks right?")
    return Claims(_user_id(payload), expires + LEEWAY_SECONDS)


def _time(payload: dict[str, Any], name: str) -> float | None:
    if name not in payload:
        return None
    value = payload[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenInvalidError(f"The token's '{name}' is not a number of seconds.")
    return value


def _user_id(payload: dict[str, Any]) -> str:
    user_id = payload.get("sub")
    if not isinstance(user_id, str) or not 1 <= len(user_id) <= MAX_USER_ID_LENGTH:
        raise TokenInvalidError(f"The token's 'sub' is not a user id of 1 to {MAX_USER_ID_LENGTH} characters.")
    if any(unicodedata.category(character) == "Cc" for character in user_id):
        raise TokenInvalidError("The token's 'sub' has control characters.")
    return user_id


def _expired(expires: float) -> str:
    if expires < 86_400 * 365:
        return (
            "The token expired in 1970. Whoever made it took milliseconds or a duration for the time of expiry;"
            " 'exp' is seconds since 1970."
        )
    return "The token has expired. Ask for a new one."
