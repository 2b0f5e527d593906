"""ID tokens and answers of a provider that must not be believed; nobody is logged in by any of them."""

import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import psycopg
import pytest

from taskward.settings import Settings
from tests.auth.provider import Pair
from tests.auth.tokens import json_part
from tests.client import Client
from tests.conftest import SECRET
from tests.oidc.conftest import CLIENT, PUBLIC_URL
from tests.oidc.hostile import PAIR, HostileProvider, as_json
from tests.oidc.people import CHALLENGE, begin, come_back, exchange

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def hostile() -> Iterator[HostileProvider]:
    with HostileProvider() as provider:
        yield provider


@pytest.fixture
def settings(served_url: str, hostile: HostileProvider) -> Settings:
    return Settings.model_validate(
        {
            "DATABASE_URL": served_url, "JWT_SECRET_KEY": SECRET, "DB_POOL_SIZE": 2, "DB_MAX_OVERFLOW": 6,
            "PUBLIC_URL": PUBLIC_URL, "OIDC_ISSUER": hostile.url, **CLIENT,
        }
    )  # fmt: skip


async def outcome(client: Client, hostile: HostileProvider) -> dict[str, str]:
    return await come_back(client, hostile.log_in(await begin(client)))


def without(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda claims: PAIR.token({each: value for each, value in claims.items() if each != name})


def saying(**said: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: PAIR.token(claims | said)


def by_the_public_key(claims: dict[str, Any]) -> str:
    """Return a token whose HMAC has the published key for its secret, which libraries refuse to make."""
    message = f"{json_part({'alg': 'HS256', 'kid': PAIR.kid})}.{json_part(claims)}"
    return f"{message}.{json_part(hmac.digest(json.dumps(PAIR.jwk()).encode(), message.encode(), 'sha256'))}"


def altered(token: str) -> str:
    """Return a token that says it is about somebody else, with the signature that it had."""
    header, payload, signature = token.split(".")
    claims = json.loads(urlsafe_b64decode(payload + "=="))
    return f"{header}.{json_part(claims | {'sub': 'bob'})}.{signature}"


BELIEVED: dict[str, Callable[[dict[str, Any]], str]] = {
    "as it is": PAIR.token,
    "a list of one audience": saying(aud=["taskward"]),
    "this party among several audiences": saying(aud=["taskward", "other"], azp="taskward"),
}
REFUSED: dict[str, Callable[[dict[str, Any]], str]] = {
    **{f"no {name}": without(name) for name in ("iss", "sub", "aud", "exp", "iat", "nonce")},
    "another issuer": saying(iss="https://evil.example.com"),
    "an issuer with a slash": lambda claims: PAIR.token(claims | {"iss": claims["iss"] + "/"}),
    "another audience": saying(aud="other"),
    "another audience, though issued to this party": saying(aud="other", azp="taskward"),
    "other audiences, though issued to this party": saying(aud=["other", "another"], azp="taskward"),
    "several audiences and no party": saying(aud=["taskward", "other"]),
    "another party": saying(azp="other"),
    "another nonce": saying(nonce="another"),
    "an empty nonce": saying(nonce=""),
    "expired": lambda claims: PAIR.token(claims | {"exp": claims["iat"] - 31}),
    "of the future": lambda claims: PAIR.token(claims | {"iat": claims["iat"] + 60}),
    "an expiry in words": saying(exp="tomorrow"),
    "an empty subject": saying(sub=""),
    "a subject that is a number": saying(sub=7),
    "a subject with a line end": saying(sub="alice\n"),
    "a subject with a null byte": saying(sub="alice\x00"),
    "a subject that is too long": saying(sub="a" * 256),
    "a hash of another access token": saying(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "another key": lambda claims: Pair("ES256", "other").token(claims),
    "another key of the same name": lambda claims: Pair("EdDSA", PAIR.kid).token(claims),
    "another key of the same name and kind": lambda claims: Pair("ES256", "other").token(claims, kid=PAIR.kid),
    "a claim that was altered after it was signed": lambda claims: altered(PAIR.token(claims)),
    "no signature": lambda claims: jwt.encode(claims, "", algorithm="none"),
    "the secret of the client": lambda claims: jwt.encode(
        claims, CLIENT["OIDC_CLIENT_SECRET"] * 2, algorithm="HS256"
    ),
    "the public key as a secret": by_the_public_key,
    "the secret of the service": lambda claims: jwt.encode(claims, SECRET, algorithm="HS256"),
    "no token": lambda _: "x",
}


@pytest.mark.parametrize("case", BELIEVED)
async def test_a_sound_token_is_believed(anonymous: Client, hostile: HostileProvider, case: str) -> None:
    hostile.make_token = BELIEVED[case]
    code = (await outcome(anonymous, hostile))["code"]
    assert (await exchange(anonymous, code)).status_code == 200


@pytest.mark.parametrize("case", REFUSED)
async def test_any_other_is_refused(
    anonymous: Client, hostile: HostileProvider, superuser: psycopg.Connection, case: str
) -> None:
    hostile.make_token = REFUSED[case]
    assert await outcome(anonymous, hostile) == {"error": "refused"}
    assert superuser.execute("SELECT count(*) FROM accounts").fetchone() == (0,)


METADATA: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://evil.example.com"},
    "no token endpoint": {"token_endpoint": None},
    "a token endpoint elsewhere": {"token_endpoint": "https://evil.example.com/token"},
    "keys in clear": {"jwks_uri": "http://evil.example.com/jwks"},
    "no web address": {"authorization_endpoint": "javascript:alert(1)"},
}


@pytest.mark.parametrize("case", METADATA)
async def test_what_a_provider_says_of_itself_is_looked_at(
    anonymous: Client, hostile: HostileProvider, case: str
) -> None:
    hostile.answers[DISCOVERY] = lambda: as_json(hostile.metadata | METADATA[case])
    assert await begin(anonymous) == f"{PUBLIC_URL}/#log-in-error=refused"
    assert [path for path, _ in hostile.asked] == [DISCOVERY]


@pytest.mark.parametrize("path", [DISCOVERY, "/token"])
async def test_answers_that_are_none_end_in_a_word_for_the_page(
    anonymous: Client, hostile: HostileProvider, path: str
) -> None:
    for answer, word in (
        ((302, {"Location": f"{hostile.url}/elsewhere"}, b""), "refused"),
        ((200, {}, b"<html>"), "refused"),
        ((200, {}, b"[" * 100_000), "refused"),
        ((200, {}, b"[]"), "refused"),
        ((503, {}, b""), "away"),
    ):
        hostile.answers = {path: lambda answer=answer: answer}  # type: ignore[misc]
        address = await begin(anonymous)
        if path == DISCOVERY:
            assert address == f"{PUBLIC_URL}/#log-in-error={word}"
        else:
            assert await come_back(anonymous, hostile.log_in(address)) == {"error": word}
    assert "/elsewhere" not in {asked for asked, _ in hostile.asked}


async def test_a_provider_that_is_away_is_told_of_to_page_and_program(
    anonymous: Client, hostile: HostileProvider
) -> None:
    address = hostile.log_in(await begin(anonymous))
    hostile.go_away()
    assert await come_back(anonymous, address) == {"error": "away"}


async def test_the_code_goes_to_the_provider_with_its_verifier_and_the_secret_of_the_client(
    anonymous: Client, hostile: HostileProvider
) -> None:
    await outcome(anonymous, hostile)
    ((_, body),) = [asked for asked in hostile.asked if asked[0] == "/token"]
    assert "code=a-code" in body
    assert "code_verifier=" in body
    assert CHALLENGE not in body
    assert "secret" not in body  # it is in a header, unless the provider says otherwise
