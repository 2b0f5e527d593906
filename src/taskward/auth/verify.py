"""Whose token is it: form, key, signature, claims; cached until the token expires."""

import hashlib
import math
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import TypeVar

import jwt
from jwt.algorithms import OKPAlgorithm

from taskward.auth.claims import Claims, Expected, check_claims
from taskward.auth.jwk import ALGORITHMS, Key, names_of, one_name
from taskward.auth.keys import ProviderKeys
from taskward.auth.log_ins import LogIns
from taskward.auth.personal_tokens import PREFIX, FindToken, check_form
from taskward.auth.prevalidation import Unverified, prevalidate
from taskward.errors import TokenExpiredError, TokenInvalidError
from taskward.settings import Settings

MAX_CACHED = 10_000
MAX_PERSONAL_SECONDS = 30.0  # for which a personal token is not looked for again
HAS_EXPIRED = "The token has expired. Ask for a new one."
PERSONAL_HAS_EXPIRED = "The personal token has expired. Make a new one."
T = TypeVar("T")
JWS = jwt.PyJWS()
JWS.register_algorithm("Ed25519", OKPAlgorithm())  # RFC 9864; the library knows the older name, EdDSA


class TokenVerifier:
    """Verifies tokens: those of the shared secret against the secret, those of a provider against its keys."""

    def __init__(
        self,
        secret: bytes | None,
        algorithm: str,
        provider: ProviderKeys | None = None,
        expected: Expected | None = None,
        clock: Callable[[], float] = time.time,
        log_ins: LogIns | None = None,
        find_token: FindToken | None = None,
    ) -> None:
        """Take a secret with the one algorithm it may be used with, a provider, and a clock of seconds since 1970.

        Without a secret or without a provider, tokens that would need it are refused, and personal ones without
        `find_token`. Without `log_ins`, it is not looked whether those of accounts go on.
        """
        self.provider = provider
        self.expected = expected or Expected()
        self._shared = Key(algorithm, secret) if secret is not None else None
        self._clock = clock
        self._log_ins = log_ins
        self._find_token = find_token
        if log_ins is not None:
            log_ins.forget = self.forget
        self._cached: dict[bytes, tuple[Claims, Key]] = {}
        self._expired: dict[bytes, tuple[float, Key, str]] = {}  # when it was seen to have, and what was said

    @classmethod
    def from_settings(
        cls, settings: Settings, log_ins: LogIns | None = None, find_token: FindToken | None = None
    ) -> "TokenVerifier":
        """Return the verifier that the settings ask for; raise InvalidSettingsError for a secret that is none."""
        return cls(
            settings.signing_secret if settings.has_secret else None,
            settings.algorithm,
            ProviderKeys(settings.jwt_jwks_url) if settings.jwt_jwks_url is not None else None,
            Expected.from_settings(settings),
            log_ins=log_ins,
            find_token=find_token,
        )

    @asynccontextmanager
    async def keeping_keys_fresh(self) -> AsyncIterator[None]:
        """Fetch the provider's keys now and then, for as long as the block runs."""
        if self.provider is not None:
            self.provider.open()
        try:
            yield
        finally:
            if self.provider is not None:
                await self.provider.close()

    def cached(self, token: str) -> Claims | None:
        """Return the claims of a token that was verified before and is still good, without waiting for anything.

        Raises TokenExpiredError. A token is cached by its hash, so that the memory of the process holds no
        usable token, and with its key, so that it is forgotten when the key is no longer trusted.
        """
        digest = _digest(token)
        found = self._cached.get(digest)
        now = self._clock()
        if found is None:
            self._raise_if_expired(digest, now)
            return None
        claims, key = found
        if claims.valid_until > now and key.trusted_until > now:
            return claims
        del self._cached[digest]
        if claims.valid_until <= now:
            _cache(self._expired, digest, (claims.valid_until, key, HAS_EXPIRED))
            self._raise_if_expired(digest, now)
        return None

    def seconds_left(self, claims: Claims) -> float:
        """Return how long claims are good yet, as far as their expiry says."""
        return claims.valid_until - self._clock()

    def _raise_if_expired(self, digest: bytes, now: float) -> None:
        """Raise TokenExpiredError for a token that was verified and has expired, which costs no signature.

        One that the clock has been set back for, and one whose key is no longer trusted, are verified anew.
        """
        since, key, reason = self._expired.get(digest, (math.inf, None, ""))
        if key is not None and since <= now < key.trusted_until:
            raise TokenExpiredError(reason)

    async def verify(self, token: str) -> Claims:
        """Return the claims of a good token, and cache them.

        Waits where a provider's key is missing, and for the database where it is of a log-in, or personal. Raises
        TokenExpiredError, TokenInvalidError, KeysUnavailableError, DatabaseUnavailableError.
        """
        if token.startswith(PREFIX):  # as no JWT does: it would begin with the base64url of a brace
            return await self._verify_personal(token)
        unverified = prevalidate(token)
        key = await self.find_key(unverified)
        check_signature(token, key)
        from_provider = key is not self._shared
        now = self._clock()
        try:
            claims = check_claims(unverified.payload, now, self.expected, from_provider=from_provider)
            if claims.log_in is not None and self._log_ins is not None:
                await self._log_ins.check(claims.user_id, claims.log_in)
        except TokenExpiredError as error:
            _cache(self._expired, _digest(token), (now, key, error.reason))
            raise
        _cache(self._cached, _digest(token), (claims, key))
        return claims

    async def _verify_personal(self, token: str) -> Claims:
        """Return what a personal token is good for. It is cached for a while alone, as a key that may go is."""
        check_form(token)
        digest, now = _digest(token), self._clock()
        found = await self._find_token(digest) if self._find_token else None
        if found is None:
            raise TokenInvalidError("There is no such personal token, or it was revoked.")
        key = Key(PREFIX, None, trusted_until=now + MAX_PERSONAL_SECONDS)
        if found.seconds_left <= 0:
            _cache(self._expired, digest, (now, key, PERSONAL_HAS_EXPIRED))
            raise TokenExpiredError(PERSONAL_HAS_EXPIRED)
        claims = Claims(found.user_id, now + found.seconds_left, log_in=digest, scopes=found.scopes)
        _cache(self._cached, digest, (claims, key))
        return claims

    def forget(self, log_ins: Collection[bytes] | None) -> None:
        """Forget the tokens of these log-ins, and personal ones by their hash; None for all.

        Should one come again, it is verified anew.
        """
        if log_ins is None:
            self._cached = {digest: found for digest, found in self._cached.items() if found[0].log_in is None}
        elif log_ins:
            self._cached = {
                digest: found for digest, found in self._cached.items() if found[0].log_in not in log_ins
            }

    async def find_key(self, unverified: Unverified) -> Key:
        """Return the one key that may have signed a token: its algorithm is the one that the token names.

        Raises TokenInvalidError, and KeysUnavailableError when the provider's keys are not to be had.
        """
        algorithm = unverified.algorithm
        if self._shared is not None and algorithm == self._shared.algorithm:
            return self._shared
        if self.provider is not None and algorithm in ALGORITHMS:
            return await self.provider.find(one_name(algorithm), unverified.kid)
        raise TokenInvalidError(self._wrong_algorithm(algorithm))

    def _wrong_algorithm(self, algorithm: str) -> str:
        if self.provider is None:
            problem = "The token is not signed with HS256."
            if algorithm in ALGORITHMS:
                problem += " It is an identity provider's: set JWT_JWKS_URL to where that publishes its keys."
            return problem
        if algorithm == "HS256":
            return (
                "The token is signed with a shared secret (HS256), and only tokens of the keys at JWT_JWKS_URL are"
                " accepted. To accept both, set JWT_SECRET_KEY as well."
            )
        return f"The token is signed with none of the algorithms that are accepted: {', '.join(ALGORITHMS)}."


def check_signature(token: str, key: Key) -> None:
    """Raise TokenInvalidError unless `key` signed the token, by the algorithm of the key under any name."""
    try:
        JWS.decode(token, key.material, algorithms=names_of(key.algorithm))
    except jwt.InvalidSignatureError:
        whose = "another secret than JWT_SECRET_KEY" if key.algorithm == "HS256" else "another key than it names"
        raise TokenInvalidError(f"The signature does not match. The token was signed with {whose}.") from None
    except jwt.PyJWTError as error:
        raise TokenInvalidError(f"The token cannot be verified: {error}.") from None


def _cache(cache: dict[bytes, T], digest: bytes, value: T) -> None:
    if len(cache) >= MAX_CACHED and digest not in cache:
        del cache[next(iter(cache))]  # the one cached longest
    cache[digest] = value


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
