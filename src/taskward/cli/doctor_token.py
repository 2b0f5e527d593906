"""`taskward doctor token`: why a token is accepted or refused, told by the code that the service runs."""

import asyncio
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from secrets import token_urlsafe
from time import time
from typing import Any

from pydantic import SecretStr, ValidationError

from taskward.addresses import without_query
from taskward.auth.claims import (
    API,
    Claims,
    Expected,
    check_audience,
    check_issuer,
    check_times,
    one_of,
    user_id_of,
)
from taskward.auth.jwk import ALGORITHMS, Key
from taskward.auth.prevalidation import MAX_TOKEN_LENGTH, Unverified, read, split
from taskward.auth.verify import TokenVerifier, check_signature
from taskward.cli.diagnostics import Diagnostic
from taskward.errors import AuthenticationError, KeysUnavailableError
from taskward.settings import Settings

SAFE = re.compile(r"[\w.:/@|+~-]{1,255}", re.ASCII)  # fit for a line of .env, and for a terminal
OTHER_USER_ID_CLAIMS = ("id", "user_id", "userId", "uid", "oid")
NO_SETTING_HELPS = {"form", "header", "times"}

Result = tuple[Claims | None, list[Diagnostic], list[str]]


def doctor_token(token: str) -> bool:
    """Print what is right and wrong with a token; return whether the service accepts it."""
    settings = Settings.load()
    logging.getLogger("taskward").addHandler(logging.NullHandler())  # what it would say is said below
    if token == "-":  # noqa: S105
        token = sys.stdin.buffer.read(2 * MAX_TOKEN_LENGTH).decode(errors="replace")
    token = re.sub(r"^\s*(Authorization:\s*)?(Bearer\s)?\s*", "", token, flags=re.IGNORECASE).strip()
    claims, diagnostics, lines = asyncio.run(examine_by(settings, token))
    print(*diagnostics, _verdict(claims, diagnostics), sep="\n")
    if lines and claims is None:
        print("These settings would accept it, and let whoever they name be any user:")
    elif lines:
        print("To accept no other service's tokens, set as well:")
    print(*(f"  {line}" for line in lines), sep="\n", end="\n" if lines else "")
    return claims is not None


async def examine_by(settings: Settings, token: str) -> Result:
    """Examine a token as a service with these settings would."""
    unknown = {"jwt_secret_key": SecretStr(token_urlsafe(48))}  # in place of one that a look must not make up
    verifier = TokenVerifier.from_settings(
        settings.model_copy(update=unknown) if settings.secret_is_missing else settings
    )
    async with verifier.keeping_keys_fresh():
        return await examine(token, verifier, settings)


async def examine(token: str, verifier: TokenVerifier, settings: Settings) -> Result:
    """Return the claims if the verifier accepts the token, every step, and settings that would do better."""
    examination = Examination(verifier, settings)
    unverified = await examination.run(token)
    try:
        claims = await verifier.verify(token)
    except (AuthenticationError, KeysUnavailableError):
        claims = None
    lines = [] if unverified is None else list(settings_for(unverified, settings, examination.failed))
    return claims, examination.diagnostics, lines


class Examination:
    """The steps of `TokenVerifier.verify`, in its order, except that a failed one does not end it."""

    def __init__(self, verifier: TokenVerifier, settings: Settings) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._verifier = verifier
        self._settings = settings

    @property
    def failed(self) -> set[str]:
        """The steps that the token does not pass."""
        return {diagnostic.subject for diagnostic in self.diagnostics if diagnostic.level == "problem"}

    async def run(self, token: str) -> Unverified | None:
        """Take every step that can be taken; return what the token says, if it can be read."""
        unverified: Unverified | None = None
        key: Key | None = None
        with self._step("form") as say:
            parts = split(token)
            say(f"three parts of canonical base64url, {len(token)} characters")
        if not self.failed:
            with self._step("header") as say:
                unverified = read(*parts)
                say(f"algorithm {unverified.algorithm}, {_named('key', unverified.kid)}")
        if unverified is None:
            return None
        with self._step("key") as say:
            key = await self._verifier.find_key(unverified)
            say(self._origin(key))
        if key is None:
            self._note_keys_that_are_not_used()
        else:
            with self._step("signature") as say:
                check_signature(token, key)
                say(f"good, by {key.algorithm}")
        self._claims(unverified.payload, from_provider=unverified.algorithm in ALGORITHMS)
        return unverified

    def _claims(self, payload: dict[str, Any], *, from_provider: bool) -> None:
        expected = self._verifier.expected
        with self._step("times") as say:
            say(f"good until {_date(check_times(payload, time()))}, leeway included")
        with self._step("issuer") as say:
            check_issuer(payload, expected)
            say(f"{expected.issuer!r}" if expected.issuer is not None else "any, as JWT_ISSUER is not set")
        with self._step("audience") as say:
            say(_audience(payload, expected, check_audience(payload, expected)))
        with self._step("user id") as say:
            say(f"{user_id_of(payload, expected, from_provider=from_provider)!r}, from '{expected.user_id_claim}'")

    def _note_keys_that_are_not_used(self) -> None:
        provider = self._verifier.provider
        for reason in [] if provider is None else provider.refused:
            self.diagnostics.append(Diagnostic("note", "key", f"At {self._provider}, {reason}."))

    @contextmanager
    def _step(self, subject: str) -> Iterator[Callable[[str], None]]:
        told: list[str] = []
        try:
            yield told.append
        except AuthenticationError as error:
            self.diagnostics.append(Diagnostic("problem", subject, error.reason))
        except KeysUnavailableError:
            provider = self._verifier.provider
            why = "" if provider is None or provider.problem is None else f": {provider.problem}"
            self.diagnostics.append(Diagnostic("problem", subject, f"There is no key at {self._provider}{why}."))
        else:
            self.diagnostics.append(Diagnostic("ok", subject, told[0]))

    @property
    def _provider(self) -> str:
        return without_query(self._settings.jwt_jwks_url or "")

    def _origin(self, key: Key) -> str:
        if key.algorithm in ALGORITHMS:
            return f"{_named('key', key.kid)} for {key.algorithm}, from {self._provider}"
        if self._settings.jwt_secret_key is not None:
            return f"the secret of {self._settings.variable_of_the_secret()}"
        if self._settings.secret_is_missing:
            return f"no secret yet: the service makes one up and keeps it in {self._settings.data_dir}"
        return f"the secret that was made up and is kept in {self._settings.data_dir}"


def settings_for(unverified: Unverified, settings: Settings, failed: set[str]) -> Iterator[str]:
    """Yield the settings that would make the token good or, if it is, those that would keep others out."""
    issuer, audience, client_id = (unverified.payload.get(name) for name in ("iss", "aud", "client_id"))
    audience = audience[0] if isinstance(audience, list) and audience else audience
    from_provider = unverified.algorithm in ALGORITHMS
    strange = not failed.isdisjoint({"key", "signature"})
    if strange and from_provider and isinstance(issuer, str):
        address = f"{issuer.rstrip('/')}/api/auth/jwks"  # where Better Auth has them
        if address != settings.jwt_jwks_url and _may_be_fetched(address):
            yield f"JWT_JWKS_URL={address}"
    elif strange and unverified.algorithm == "HS256":
        yield "JWT_SECRET_KEY=<the secret that it was signed with>"
    if _fits(issuer) and (("issuer" in failed) or (from_provider and settings.jwt_issuer is None)):
        yield f"JWT_ISSUER={issuer}"
    if _fits(audience) and (("audience" in failed) or (from_provider and settings.jwt_audience is None)):
        yield f"JWT_AUDIENCE={audience}"
    unbound = from_provider and settings.jwt_audience is None and settings.jwt_client_id is None
    if "aud" not in unverified.payload and _fits(client_id) and ("audience" in failed or unbound):
        yield f"JWT_CLIENT_ID={client_id}"
    if "user id" in failed:
        others = (name for name in OTHER_USER_ID_CLAIMS if isinstance(unverified.payload.get(name), str))
        yield from (f"JWT_USER_ID_CLAIM={name}" for name in list(others)[:1])


def _verdict(claims: Claims | None, diagnostics: list[Diagnostic]) -> str:
    if claims is not None:
        return f"Accepted. Whoever sends it is {claims.user_id!r}."
    failed = {diagnostic.subject for diagnostic in diagnostics if diagnostic.level == "problem"}
    return "Refused." if failed.isdisjoint(NO_SETTING_HELPS) else "Refused, and only a new token helps."


def _may_be_fetched(address: str) -> bool:
    try:
        Settings(JWT_JWKS_URL=address)
    except ValidationError:
        return False
    return _fits(address)


def _fits(value: object) -> bool:
    return isinstance(value, str) and SAFE.fullmatch(value) is not None


def _audience(payload: dict[str, Any], expected: Expected, places: frozenset[str]) -> str:
    """Return by what a token is for this service, once that is known."""
    if API not in places:
        return f"{expected.resource!r}, so it is good at /mcp alone"
    if expected.audiences is None and expected.client_ids is None:
        return "any, as neither JWT_AUDIENCE nor JWT_CLIENT_ID is set"
    if "aud" in payload:
        return one_of(expected.audiences or ())
    return f"none, and 'client_id' is {one_of(expected.client_ids or ())}"


def _named(what: str, name: str | None) -> str:
    return f"no {what} named" if name is None else f"{what} {name[:64]!r}"


def _date(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")
    except (OverflowError, ValueError, OSError):
        return "a time beyond all calendars"
