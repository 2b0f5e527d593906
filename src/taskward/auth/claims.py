"""What the payload of a token must say, once its signature is known to be good (RFC 7519)."""

import math
import unicodedata
from dataclasses import dataclass
from typing import Any

from taskward.auth.account_ids import is_account_id
from taskward.errors import TokenExpiredError, TokenInvalidError
from taskward.settings import Settings

LEEWAY_SECONDS = 30
MAX_USER_ID_LENGTH = 255
MAX_SHOWN = 200
SESSION_CACHE_AUDIENCE = "better-auth:session-cache"  # signed with the same keys as access tokens


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: the user, and until when it says so (seconds since 1970, leeway included)."""

    user_id: str
    valid_until: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What tokens must say beyond their times, and what our own say. None: nothing in particular.

    A token is for one of `audiences`, of which our own name the first.
    """

    issuer: str | None = None
    audiences: tuple[str, ...] | None = None
    user_id_claim: str = "sub"

    @classmethod
    def from_settings(cls, settings: Settings) -> "Expected":
        """Return what the settings expect."""
        return cls(settings.jwt_issuer, settings.jwt_audience, settings.jwt_user_id_claim)


def check_claims(
    payload: dict[str, Any], now: float, expected: Expected | None = None, *, from_provider: bool = False
) -> Claims:
    """Return the claims of a payload whose signature is good; raise TokenExpiredError or TokenInvalidError.

    `from_provider` says that an identity provider signed it.
    """
    expected = expected or Expected()
    valid_until = check_times(payload, now)
    check_issuer(payload, expected)
    check_audience(payload, expected)
    return Claims(user_id_of(payload, expected, from_provider=from_provider), valid_until)


def check_times(payload: dict[str, Any], now: float) -> float:
    """Return until when a token is good. The clocks may differ by 30 seconds.

    `exp` is required; `exp`, `nbf` and `iat` are finite numbers (RFC 7519, 2 "NumericDate").
    """
    expires = _time(payload, "exp")
    if expires is None:
        raise TokenInvalidError("The token has no 'exp'. Tokens that never expire are not accepted.")
    if expires + LEEWAY_SECONDS <= now:
        raise TokenExpiredError(_expired(expires))
    for name in ("nbf", "iat"):
        if (start := _time(payload, name)) is not None and start - LEEWAY_SECONDS > now:
            raise TokenInvalidError(f"The token's '{name}' lies in the future. Are the clocks right?")
    return expires + LEEWAY_SECONDS


def check_issuer(payload: dict[str, Any], expected: Expected) -> None:
    """Raise TokenInvalidError unless `iss` is the one of the settings, where one is set."""
    if expected.issuer is not None and payload.get("iss") != expected.issuer:
        raise _unexpected(f"The token's issuer ('iss') must be {expected.issuer!r} (JWT_ISSUER)", payload, "iss")


def check_audience(payload: dict[str, Any], expected: Expected) -> None:
    """Raise TokenInvalidError unless `aud`, a text or a list, names one of the settings, where there are any.

    Better Auth's session cache is refused under any settings.
    """
    named = payload.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if SESSION_CACHE_AUDIENCE in audiences:
        raise TokenInvalidError(
            "The token's 'aud' says that it is the cache of Better Auth's session cookie, and no access token."
        )
    if expected.audiences is not None and not any(each in audiences for each in expected.audiences):
        one = "" if len(expected.audiences) == 1 else "one of "
        wanted = f"The token's audience ('aud') must be {one}{named_audiences(expected.audiences)} (JWT_AUDIENCE)"
        raise _unexpected(wanted, payload, "aud")


def named_audiences(audiences: tuple[str, ...]) -> str:
    """Return audiences as a message names them."""
    return ", ".join(map(repr, audiences))


def user_id_of(payload: dict[str, Any], expected: Expected, *, from_provider: bool) -> str:
    """Return the user id: a text of 1 to 255 characters without control characters.

    Whoever is `from_provider`, an identity provider, may not name an account that is kept here.
    """
    name = expected.user_id_claim
    user_id = payload.get(name)
    if not isinstance(user_id, str) or not 1 <= len(user_id) <= MAX_USER_ID_LENGTH:
        raise TokenInvalidError(f"The token's '{name}' is not a user id of 1 to {MAX_USER_ID_LENGTH} characters.")
    if any(unicodedata.category(character) == "Cc" for character in user_id):
        raise TokenInvalidError(f"The token's '{name}' has control characters.")
    if from_provider and is_account_id(user_id):
        raise TokenInvalidError(f"The token's '{name}' has the form of an account's of this service.")
    return user_id


def _time(payload: dict[str, Any], name: str) -> float | None:
    if name not in payload:
        return None
    value = payload[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenInvalidError(f"The token's '{name}' is not a number of seconds.")
    return value


def _expired(expires: float) -> str:
    if expires < 86_400 * 365:
        return (
            "The token expired in 1970. Whoever made it took milliseconds or a duration for the time of expiry;"
            " 'exp' is seconds since 1970."
        )
    return "The token has expired. Ask for a new one."


def _unexpected(wanted: str, payload: dict[str, Any], name: str) -> TokenInvalidError:
    """Say what the token has instead. Nothing but `iss` and `aud` is ever shown, and to developers alone."""
    if name not in payload:
        return TokenInvalidError(f"{wanted}, and it is missing.")
    shown = str(payload[name])[:MAX_SHOWN]
    return TokenInvalidError(f"{wanted}, and it is {shown!r}.", logged=f"{wanted}, and it is another.")
