"""What the payload of a token must say, once its signature is known to be good (RFC 7519)."""

import math
import unicodedata
from dataclasses import dataclass
from typing import Any

from taskward.auth.account_ids import is_account_id
from taskward.auth.log_ins import log_in_called
from taskward.auth.personal_tokens import implied
from taskward.errors import TokenExpiredError, TokenInvalidError
from taskward.settings import Settings

LEEWAY_SECONDS = 30
MAX_USER_ID_LENGTH = 255
MAX_SHOWN = 200
TYPES = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
SESSION_CACHE_AUDIENCE = "better-auth:session-cache"  # signed with the same keys as access tokens
API, AGENTS = "the API", "/mcp"  # where a token is good
EVERYWHERE = frozenset({API, AGENTS})


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: the user, and until when it says so (seconds since 1970, leeway included).

    And of which log-in it is, where that was one to an account of this service. Of a personal token, that is its
    hash, and `scopes` are what it is good for; None is everything. `places` are where it is good.
    """

    user_id: str
    valid_until: float
    log_in: bytes | None = None
    scopes: frozenset[str] | None = None
    places: frozenset[str] = EVERYWHERE

    def allow(self, scope: str | None) -> bool:
        """Tell whether they are good for a scope; None is what no personal token is good for."""
        return self.scopes is None or scope in self.scopes


@dataclass(frozen=True, slots=True)
class Expected:
    """What tokens must say beyond their times, and what our own say. None: nothing in particular.

    A token is for one of `audiences`, of which our own name the first. One without an `aud` was made for one of
    `client_ids`, where these are given: providers such as Cognito name no audience. One for `resource`, the
    address of `/mcp` (RFC 8707), is good there.
    """

    issuer: str | None = None
    audiences: tuple[str, ...] | None = None
    user_id_claim: str = "sub"
    client_ids: tuple[str, ...] | None = None
    resource: str | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> "Expected":
        """Return what the settings expect."""
        return cls(
            settings.jwt_issuer,
            settings.jwt_audience,
            settings.jwt_user_id_claim,
            settings.jwt_client_id,
            settings.agents_address,
        )

    @property
    def said(self) -> tuple[str, ...]:
        """The audiences that the settings name; none where they name none."""
        return self.audiences or ()


def check_claims(
    payload: dict[str, Any], now: float, expected: Expected | None = None, *, from_provider: bool = False
) -> Claims:
    """Return the claims of a payload whose signature is good; raise TokenExpiredError or TokenInvalidError.

    `from_provider` says that an identity provider signed it.
    """
    expected = expected or Expected()
    valid_until = check_times(payload, now)
    check_issuer(payload, expected)
    places = check_audience(payload, expected)
    user_id = user_id_of(payload, expected, from_provider=from_provider)
    log_in = log_in_called(payload.get("sid")) if is_account_id(user_id) else None
    return Claims(user_id, valid_until, log_in, scopes_of(payload, expected), places)


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


def check_audience(payload: dict[str, Any], expected: Expected) -> frozenset[str]:
    """Return where a token is good; raise TokenInvalidError unless it is for this service.

    `aud`, a text or a list, must name one of the audiences (RFC 7519, 4.1.3), where the settings say which are. A
    token without `aud` is measured by its `client_id` (RFC 8693, 4.3) instead, where client ids are set. Better
    Auth's session cache is refused under any settings.

    A token that names the resource was made for an agent (RFC 8707, 2), and is good at `/mcp` alone unless it
    names an audience as well. One that names others alone is not good there, whatever the settings leave open.
    """
    audiences = _audiences(payload)
    if SESSION_CACHE_AUDIENCE in audiences:
        raise TokenInvalidError(
            "The token's 'aud' says that it is the cache of Better Auth's session cookie, and no access token."
        )
    named = any(each in audiences for each in expected.said)
    if expected.resource is not None and expected.resource in audiences:
        return EVERYWHERE if named else frozenset({AGENTS})
    if "aud" not in payload and expected.client_ids is not None:
        _check_client_id(payload, expected.client_ids)
    elif expected.audiences is not None and not named:
        wanted = f"The token's audience ('aud') must be {one_of(expected.audiences)} (JWT_AUDIENCE)"
        raise _unexpected(wanted, payload, "aud")
    elif expected.audiences is None and expected.client_ids is not None:
        raise _unexpected("JWT_AUDIENCE is not set, so the token must have no audience ('aud')", payload, "aud")
    return EVERYWHERE if named or "aud" not in payload or expected.resource is None else frozenset({API})


def scopes_of(payload: dict[str, Any], expected: Expected) -> frozenset[str] | None:
    """Return what a token is good for: None, which is all, unless it names the resource.

    Then it is an agent's, and good for what its user agreed to: its `scope` (RFC 8693, 4.2), without one nothing.
    """
    if expected.resource is None or expected.resource not in _audiences(payload):
        return None
    scope = payload.get("scope")
    return implied(scope.split(" ")) if isinstance(scope, str) else frozenset()


def _audiences(payload: dict[str, Any]) -> list[Any]:
    named = payload.get("aud")
    return named if isinstance(named, list) else [named]


def _check_client_id(payload: dict[str, Any], client_ids: tuple[str, ...]) -> None:
    if payload.get("client_id") not in client_ids:
        wanted = (
            f"The token has no audience ('aud'), so its 'client_id' must be {one_of(client_ids)} (JWT_CLIENT_ID)"
        )
        raise _unexpected(wanted, payload, "client_id")


def one_of(names: tuple[str, ...]) -> str:
    """Return names as a message says that one of them is wanted."""
    return ("" if len(names) == 1 else "one of ") + ", ".join(map(repr, names))


def user_id_of(payload: dict[str, Any], expected: Expected, *, from_provider: bool) -> str:
    """Return the user id: a text of 1 to 255 characters without control characters.

    Whoever is `from_provider`, an identity provider, may not name an account that is kept here.
    """
    name = expected.user_id_claim
    user_id = _text(payload, name, "JWT_USER_ID_CLAIM")
    if any(unicodedata.category(character) == "Cc" for character in user_id):
        raise TokenInvalidError(f"The token's '{name}' has control characters.")
    if from_provider and is_account_id(user_id):
        raise TokenInvalidError(f"The token's '{name}' has the form of an account's of this service.")
    return user_id


def _text(payload: dict[str, Any], name: str, setting: str) -> str:
    """Return a claim that is a text of 1 to 255 characters, or say whether it is missing, no text, or too long."""
    if name not in payload:
        raise TokenInvalidError(f"The token has no '{name}' ({setting}).")
    value = payload[name]
    if not isinstance(value, str):
        raise TokenInvalidError(f"The token's '{name}' ({setting}) must be text, not {TYPES[type(value)]}.")
    if not value:
        raise TokenInvalidError(f"The token's '{name}' ({setting}) is empty.")
    if (length := len(value)) > MAX_USER_ID_LENGTH:
        raise TokenInvalidError(
            f"The token's '{name}' ({setting}) has {length} characters, and can have up to {MAX_USER_ID_LENGTH}."
        )
    return value


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
    """Say what the token has instead. None but `iss`, `aud`, `client_id` are shown, and to developers alone."""
    if name not in payload:
        return TokenInvalidError(f"{wanted}, and it is missing.")
    shown = str(payload[name])[:MAX_SHOWN]
    return TokenInvalidError(f"{wanted}, and it is {shown!r}.", logged=f"{wanted}, and it is another.")
