"""ID tokens: whom a provider means, verified completely (OpenID Connect Core, 3.1.3.7)."""

import re
import time
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError

from taskward.accounts.identities import Person
from taskward.auth.claims import LEEWAY_SECONDS, check_times
from taskward.auth.jwk import ALGORITHMS, one_name
from taskward.auth.keys import ProviderKeys
from taskward.auth.prevalidation import Unverified, prevalidate
from taskward.auth.verify import check_signature
from taskward.errors import AuthenticationError, KeysUnavailableError
from taskward.field_types import MAX_EMAIL, an_address
from taskward.oidc.errors import LogInFailedError, Problem

SUBJECT = re.compile(r"[\x20-\x7e]{1,255}\Z")  # OpenID Connect Core, 2: at most 255 ASCII characters
MAX_NAME = 200


async def read_id_token(
    token: str, keys: ProviderKeys, issuer: str, client_id: str, nonce: str, access_token: object = None
) -> Person:
    """Return whom an ID token is about; raise LogInFailedError, which repeats nothing of the token.

    It is signed by a key of the provider, with the one algorithm of that key: never `none`, and no shared secret.
    It is from this issuer, for this client alone or as the party that it is issued to, for this very log-in, and
    has not expired.
    """
    unverified = await _signed(token, keys)
    claims = CodeIDToken(
        unverified.payload,
        {"alg": one_name(unverified.algorithm)},
        {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}},
        {"nonce": nonce, "client_id": client_id, "access_token": access_token},
    )
    try:
        check_times(claims, time.time())
        claims.validate(now=int(time.time()), leeway=LEEWAY_SECONDS)
    except (JoseError, AuthenticationError, ValueError, TypeError) as error:
        said = error.logged if isinstance(error, AuthenticationError) else getattr(error, "description", None)
        raise _refused(said or "a claim is malformed") from None
    subject = claims["sub"]
    if not isinstance(subject, str) or not SUBJECT.match(subject):
        raise _refused("its 'sub' is no text of 1 to 255 ASCII characters")
    return Person(issuer, subject, _verified_address(claims), _name(claims))


async def _signed(token: str, keys: ProviderKeys) -> Unverified:
    """Return what a token says that a key of the provider has signed."""
    try:
        unverified = prevalidate(token)
        if unverified.algorithm not in ALGORITHMS:
            raise _refused("it is signed with an algorithm that is not accepted")
        check_signature(token, await keys.find(one_name(unverified.algorithm), unverified.kid))
    except KeysUnavailableError:
        raise LogInFailedError(Problem.AWAY, f"its keys: {keys.problem}") from None
    except AuthenticationError as error:
        raise _refused(error.logged) from None
    return unverified


def _refused(reason: str) -> LogInFailedError:
    return LogInFailedError(Problem.REFUSED, f"the ID token: {reason}")


def _verified_address(claims: dict[str, Any]) -> str | None:
    """Return an e-mail address that the provider has verified; what is none is nobody's."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str) or len(email) > MAX_EMAIL:
        return None
    try:
        return an_address(email)
    except ValueError:
        return None


def _name(claims: dict[str, Any]) -> str | None:
    name = claims.get("name")
    if not isinstance(name, str) or not name.isprintable():
        return None
    return name.strip()[:MAX_NAME].strip() or None
