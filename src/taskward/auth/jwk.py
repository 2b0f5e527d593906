"""Public keys as an identity provider publishes them (RFC 7517), and which of them are taken."""

import math
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from taskward.auth.weak_rsa import weakness
from taskward.strict_json import MalformedJsonError, decode

MAX_KEYS = 32
MIN_RSA_BITS = 2048  # RFC 7518, 3.3 and 3.5
MAX_RSA_BITS = 16_384  # OpenSSL checks no signature by a longer one
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}  # RFC 7518, 6

# Which kind of key (kty, crv) an algorithm needs. The first of a kind is the algorithm of a key that names none.
ALGORITHMS = {
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
}

# Newer names of the same thing (RFC 9864, 2.2), in tokens and keys alike. EdDSA has two curves, and here only one.
OTHER_NAMES = {"Ed25519": "EdDSA"}


class UnusableKeyError(ValueError):
    """A published key is not one that tokens may be checked with; the message says why, as 'it …'."""


class InvalidKeySetError(ValueError):
    """What was published is no set of keys."""


@dataclass(eq=False, slots=True)
class Key:
    """A key that checks signatures, and the one algorithm it does that by, under the first of its names."""

    algorithm: str
    material: Any
    kid: str | None = None
    trusted_until: float = math.inf  # seconds since 1970; a key that its provider has taken back: 0

    def is_the_same_as(self, other: "Key") -> bool:
        """Tell whether this is the key that was published before."""
        return (self.kid, self.algorithm, self.material) == (other.kid, other.algorithm, other.material)


def one_name(algorithm: str) -> str:
    """Return the name under which keys are for an algorithm, of those that are the same."""
    return OTHER_NAMES.get(algorithm, algorithm)


def names_of(algorithm: str) -> list[str]:
    """Return every name that a token may have for the algorithm of a key."""
    return [algorithm, *(other for other, first in OTHER_NAMES.items() if first == algorithm)]


def read_key_set(document: bytes) -> tuple[list[Key], list[str]]:
    """Return the first 32 keys of a JWK Set that may be used, and for each that is not taken why not.

    No more than 32 reasons are given. Raises InvalidKeySetError: no strict JSON, no list of `keys`.
    """
    try:
        value = decode(document, most=len(document))  # which is limited, and fetched by one request for many
    except MalformedJsonError as error:
        raise InvalidKeySetError(f"the response is not valid JSON: {error}") from None
    published = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(published, list):
        raise InvalidKeySetError("the response is no key set: it has no list of 'keys'")
    return _usable(published)


def _usable(published: list[Any]) -> tuple[list[Key], list[str]]:
    keys: list[Key] = []
    refused: list[str] = []
    for number, jwk in enumerate(published, 1):
        if len(keys) == MAX_KEYS:
            refused.append(f"key {number} and those after it are not used: {MAX_KEYS} keys before them serve")
            break
        try:
            key = read_key(jwk)
        except UnusableKeyError as error:
            refused.append(f"key {number} is not used: {error}")
        else:
            if not any(key.is_the_same_as(other) for other in keys):
                keys.append(key)
    return keys, _in_part(refused)


def _in_part(reasons: list[str]) -> list[str]:
    more = len(reasons) - MAX_KEYS
    return reasons if more <= 0 else [*reasons[:MAX_KEYS], f"and {more} more are not used"]


def read_key(jwk: Any) -> Key:
    """Return one published key; raise UnusableKeyError.

    Its algorithm is its `alg`. Without one it is that of its curve, and RS256 for RSA: a key that could be used
    by two algorithms would be used by whichever a token names (RFC 8725, 3.1).
    """
    if not isinstance(jwk, dict):
        raise UnusableKeyError("it is no JSON object")
    if jwk.get("kty") == "oct" or not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise UnusableKeyError("it is secret, and must not be published")
    if jwk.get("use", "sig") != "sig":
        raise UnusableKeyError("its 'use' is not 'sig'")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise UnusableKeyError("its 'key_ops' has no 'verify'")
    kid = jwk.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise UnusableKeyError("its 'kid' is no text")
    algorithm = _algorithm(jwk)
    return Key(algorithm, _material(jwk, algorithm), kid)


def _algorithm(jwk: dict[str, Any]) -> str:
    kind = (jwk.get("kty"), jwk.get("crv"))
    for algorithm, needed in ALGORITHMS.items():
        if needed == kind and jwk.get("alg", algorithm) == algorithm:
            return one_name(algorithm)
    raise UnusableKeyError("its 'kty', 'crv' and 'alg' do not go together here")


def _material(jwk: dict[str, Any], algorithm: str) -> Any:
    if not all(isinstance(jwk.get(name, ""), str) for name in ("n", "e", "x", "y")):
        raise UnusableKeyError("its 'n', 'e', 'x' or 'y' is not a string")
    try:
        key = jwt.PyJWK(jwk, algorithm).key
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError):  # whose message would hold the key
        raise UnusableKeyError("its numbers do not make a key") from None
    if isinstance(key, RSAPublicKey) and (why := _rsa_weakness(key)):
        raise UnusableKeyError(why)
    return key


def _rsa_weakness(key: RSAPublicKey) -> str | None:
    if key.key_size < MIN_RSA_BITS:
        return f"it is shorter than {MIN_RSA_BITS} bits"
    if key.key_size > MAX_RSA_BITS:
        return f"it is longer than {MAX_RSA_BITS} bits"
    return weakness(key.public_numbers().n)
