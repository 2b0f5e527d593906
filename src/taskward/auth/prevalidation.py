"""What must be true of a token before any library looks at it (RFC 7515, RFC 7519, RFC 8725)."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from taskward.errors import TokenInvalidError
from taskward.strict_json import MalformedJsonError, decode

MAX_TOKEN_LENGTH = 8192
MAX_HEADER_LENGTH = 1024
PART = re.compile(r"[A-Za-z0-9_-]+\Z")
TYPES = {"jwt", "at+jwt"}  # at+jwt: RFC 9068
SESSION_CACHE_TYPE = "better-auth.session-cache+jwt"  # signed with the same keys as access tokens
OPAQUE_SESSION = re.compile(r"[A-Za-z0-9]{32}(\.[A-Za-z0-9+/=%_-]+)?\Z")  # alone, or as the cookie signs it


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a well-formed token says of itself. Nothing of it may be believed yet."""

    algorithm: str
    kid: str | None
    payload: dict[str, Any]


def prevalidate(token: str) -> Unverified:
    """Return what a well-formed compact JWS says.

    Raises TokenInvalidError: longer than 8,192 characters; not three parts of canonical base64url; a header or
    a payload that is not one JSON object without repeated names; an `alg` or `kid` that is no text, a `crit`,
    or a `typ` that is no access token's. Keys that a token brings along (`jwk`, `jku`, `x5u`, `x5c`) are never
    looked at. Whether `alg` is the algorithm of the key is for whoever finds the key.
    """
    return read(*split(token))


def split(token: str) -> tuple[bytes, bytes]:
    """Return header and payload of a compact JWS as bytes; raise TokenInvalidError."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenInvalidError(f"The token is longer than {MAX_TOKEN_LENGTH} characters.")
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenInvalidError(_not_a_jwt(token, len(parts)))
    header_bytes, payload_bytes, _ = (canonical_base64url(part) for part in parts)
    if len(header_bytes) > MAX_HEADER_LENGTH:
        raise TokenInvalidError(f"The token's header is longer than {MAX_HEADER_LENGTH} bytes.")
    return header_bytes, payload_bytes


def read(header_bytes: bytes, payload_bytes: bytes) -> Unverified:
    """Return what header and payload say; raise TokenInvalidError."""
    header = _json_object(header_bytes, "header")
    _check_header(header)
    return Unverified(header["alg"], header.get("kid"), _json_object(payload_bytes, "payload"))


def canonical_base64url(part: str) -> bytes:
    """Decode unpadded base64url that encodes back to itself (RFC 4648, 3.5); raise TokenInvalidError.

    A decoder that ignores the unused bits at the end would take several spellings of one signature.
    """
    if PART.match(part):
        try:
            decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        except binascii.Error:
            pass
        else:
            if base64.urlsafe_b64encode(decoded).rstrip(b"=") == part.encode():
                return decoded
    raise TokenInvalidError("A part of the token is not canonical base64url.")


def _json_object(data: bytes, name: str) -> dict[str, Any]:
    try:
        value = decode(data)
    except MalformedJsonError as error:
        raise TokenInvalidError(f"The token's {name} is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise TokenInvalidError(f"The token's {name} is not a JSON object.")
    return value


def _check_header(header: dict[str, Any]) -> None:
    if not isinstance(header.get("alg"), str):
        raise TokenInvalidError("The token's header names no algorithm: its 'alg' is missing, or no text.")
    if "crit" in header:
        raise TokenInvalidError("The token's header has 'crit', and no extension is understood here.")
    kind = _media_type(header.get("typ", "JWT"))
    if kind == SESSION_CACHE_TYPE:
        raise TokenInvalidError(
            "The token's 'typ' says that it is the cache of Better Auth's session cookie, and no access token."
            " The front end gets one from /api/auth/token, or from the set-auth-jwt header."
        )
    if kind not in TYPES:
        raise TokenInvalidError("The token's 'typ' says that it is no access token.")
    if "kid" in header and not isinstance(header["kid"], str):
        raise TokenInvalidError("The token's 'kid' is no text.")


def _media_type(kind: object) -> str | None:
    """Return a `typ` as it is compared: in any case, with or without `application/` (RFC 7515, 4.1.9)."""
    return kind.lower().removeprefix("application/") if isinstance(kind, str) else None


def _not_a_jwt(token: str, parts: int) -> str:
    if OPAQUE_SESSION.match(token):
        return (
            "This looks like Better Auth's opaque session token. Send the JWT instead: the front end gets it"
            " from /api/auth/token, or from the set-auth-jwt header."
        )
    if parts == 5:
        return "This has five parts, as an encrypted token (JWE) has. Send a signed one, which has three."
    return f"A JWT has three parts separated by dots; this has {parts}."
