"""Tokens made by hand: validly signed, and wrong in whatever way a test wants."""

import base64
import hashlib
import hmac
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

SECRET = b"a secret for tokens, of more than 32 bytes"
NOW = 1_800_000_000
HEADER = {"alg": "HS256", "typ": "JWT"}
PAYLOAD = {"sub": "alice", "exp": NOW + 900}

T = TypeVar("T")


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that has nothing to wait for, and fail if it waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    coroutine.close()
    raise AssertionError("it waits")


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def json_part(value: Any) -> str:
    """Encode a part of a token; bytes are taken as they are, so that they need not be JSON."""
    return base64url(value if isinstance(value, bytes) else json.dumps(value).encode())


def signed_parts(header: str, payload: str, secret: bytes = SECRET, digest: str = "sha256") -> str:
    """Sign two parts that are encoded already, however badly."""
    signature = hmac.new(secret, f"{header}.{payload}".encode(), getattr(hashlib, digest)).digest()
    return f"{header}.{payload}.{base64url(signature)}"


def signed(header: Any = HEADER, payload: Any = PAYLOAD, secret: bytes = SECRET, digest: str = "sha256") -> str:
    return signed_parts(json_part(header), json_part(payload), secret, digest)


def with_claims(**claims: Any) -> str:
    return signed(payload=PAYLOAD | claims)


def with_header(**parameters: Any) -> str:
    return signed(header=HEADER | parameters)


def without_claim(name: str) -> str:
    return signed(payload={key: value for key, value in PAYLOAD.items() if key != name})
