"""Tokens of an identity provider: each key by its own algorithm, and the shared secret beside it."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from taskward.auth.claims import Claims
from taskward.auth.jwk import ALGORITHMS, one_name
from taskward.auth.keys import ProviderKeys
from taskward.auth.verify import TokenVerifier
from taskward.errors import KeysUnavailableError, TokenExpiredError, TokenInvalidError
from tests.auth.provider import Clock, KeyServer, Pair
from tests.auth.tokens import HEADER, NOW, PAYLOAD, SECRET, at_once, base64url, json_part, signed

pytestmark = pytest.mark.quick

PAIRS = {algorithm: Pair(algorithm) for algorithm in ALGORITHMS}


@pytest.fixture
async def of_provider(key_server: KeyServer, clock: Clock) -> AsyncIterator[TokenVerifier]:
    """A verifier that takes the tokens of a provider with a key of every algorithm, and no others."""
    key_server.publish(*PAIRS.values())
    provider = ProviderKeys(key_server.url, clock)
    yield TokenVerifier(None, "HS256", provider, clock=clock)
    await provider.close()


@pytest.fixture
def both(of_provider: TokenVerifier, clock: Clock) -> TokenVerifier:
    return TokenVerifier(SECRET, "HS256", of_provider.provider, clock=clock)


async def refusal(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(TokenInvalidError) as refused:
        await verifier.verify(token)
    return refused.value.reason


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_token_of_every_algorithm_is_accepted(of_provider: TokenVerifier, algorithm: str) -> None:
    token = PAIRS[algorithm].token()
    assert await of_provider.verify(token) == Claims("alice", NOW + 930)
    assert at_once(of_provider.verify(token)) == of_provider.cached(token) == Claims("alice", NOW + 930)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_the_key_of_another_signed_it(of_provider: TokenVerifier, algorithm: str) -> None:
    stranger = Pair(algorithm, "stranger")
    assert "another key" in await refusal(of_provider, stranger.token(kid=f"key-{algorithm}"))
    assert "not at JWT_JWKS_URL" in await refusal(of_provider, stranger.token())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("named", [*ALGORITHMS, "HS256", "none", "ES256K", "", "eddsa"])
async def test_a_token_names_the_algorithm_of_its_key(
    of_provider: TokenVerifier, algorithm: str, named: str
) -> None:
    if one_name(algorithm) != one_name(named):
        assert await refusal(of_provider, PAIRS[algorithm].token(alg=named))
        assert await refusal(of_provider, PAIRS[algorithm].token(alg=named, kid=None))


@pytest.mark.parametrize("published", ["EdDSA", "Ed25519", None])
@pytest.mark.parametrize("named", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("kid", ["key-EdDSA", None])
async def test_a_token_of_ed25519_names_it_by_either_name(
    key_server: KeyServer, clock: Clock, published: str | None, named: str, kid: str | None
) -> None:
    pair = PAIRS["EdDSA"]
    key_server.response_json({"keys": [pair.jwk(alg=published), PAIRS["ES256"].jwk()]})
    provider = ProviderKeys(key_server.url, clock)
    verifier = TokenVerifier(None, "HS256", provider, clock=clock)
    token = pair.token(alg=named, kid=kid)
    assert (await verifier.verify(token)).user_id == "alice"
    assert verifier.cached(token) is not None
    for forged in (
        Pair("EdDSA", "stranger").token(alg=named, kid=kid),  # another key
        PAIRS["ES256"].token(alg=named, kid=kid),  # another algorithm under this name
        pair.token(alg="ES256", kid=kid), pair.token(alg="Ed448", kid=kid), pair.token(alg="ed25519", kid=kid),
        signed({"alg": named, "kid": kid or "key-EdDSA"}, PAYLOAD, pair.private.public_key().public_bytes_raw()),
    ):  # fmt: skip
        assert await refusal(verifier, forged)
    await provider.close()


async def test_a_key_that_changes_the_name_of_its_algorithm_keeps_its_tokens(
    of_provider: TokenVerifier, key_server: KeyServer, clock: Clock
) -> None:
    token = PAIRS["EdDSA"].token()
    await of_provider.verify(token)
    key_server.response_json({"keys": [PAIRS["EdDSA"].jwk(alg="Ed25519")]})
    clock.now += 30
    assert of_provider.provider is not None
    await of_provider.provider.refresh()
    assert of_provider.cached(token) is not None
    assert (await of_provider.verify(token)).user_id == "alice"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
async def test_a_public_key_is_no_secret(
    of_provider: TokenVerifier, both: TokenVerifier, algorithm: str, digest: str
) -> None:
    """The confusion of RFC 8725, 2.1: a token that an HMAC of the public key signs."""
    pair = PAIRS[algorithm]
    public = pair.private.public_key()
    forms = [public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), pair.jwk()["kid"].encode()]
    forms.append(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    for secret in forms:
        for alg in (f"HS{digest[3:]}", algorithm):
            token = signed({"alg": alg, "kid": pair.kid}, PAYLOAD, secret, digest)
            assert await refusal(of_provider, token)
            assert await refusal(both, token)


async def test_the_secret_and_the_keys_serve_side_by_side(both: TokenVerifier) -> None:
    assert (await both.verify(signed())).user_id == "alice"
    assert (await both.verify(PAIRS["EdDSA"].token(PAYLOAD | {"sub": "bob"}))).user_id == "bob"
    assert "another secret" in await refusal(both, signed(secret=b"x" * 32))
    assert "another secret" in await refusal(both, signed(HEADER | {"kid": "key-EdDSA"}, secret=b"x" * 32))


async def test_a_token_of_the_secret_waits_for_no_provider(both: TokenVerifier, key_server: KeyServer) -> None:
    assert at_once(both.verify(signed())).user_id == "alice"
    assert key_server.requests == 0


async def test_a_provider_cannot_name_an_account_of_this_service(of_provider: TokenVerifier) -> None:
    account = "usr_" + "a2" * 14
    assert "account's of this service" in await refusal(
        of_provider, PAIRS["EdDSA"].token(PAYLOAD | {"sub": account})
    )
    assert (await of_provider.verify(PAIRS["EdDSA"].token(PAYLOAD | {"sub": "usr_1"}))).user_id == "usr_1"


async def test_an_account_of_this_service_is_named_by_its_secret(both: TokenVerifier) -> None:
    account = "usr_" + "a2" * 14
    token = signed(payload=PAYLOAD | {"sub": account}, secret=SECRET)
    assert (await both.verify(token)).user_id == account


async def test_without_a_secret_its_tokens_are_refused_and_told_why(
    of_provider: TokenVerifier, key_server: KeyServer
) -> None:
    reason = await refusal(of_provider, signed())
    assert "shared secret (HS256)" in reason
    assert "JWT_SECRET_KEY" in reason
    assert key_server.requests == 0


async def test_without_a_provider_its_tokens_are_refused_and_told_why(verifier: TokenVerifier) -> None:
    for pair in PAIRS.values():
        assert "set JWT_JWKS_URL" in await refusal(verifier, pair.token())


async def test_a_token_without_a_kid_is_accepted_where_one_key_does_its_algorithm(
    of_provider: TokenVerifier, key_server: KeyServer, clock: Clock
) -> None:
    token = PAIRS["ES256"].token(kid=None)
    assert (await of_provider.verify(token)).user_id == "alice"
    key_server.publish(*PAIRS.values(), Pair("ES256", "second"))
    clock.now += 30
    assert of_provider.provider is not None
    await of_provider.provider.refresh()
    assert "no 'kid'" in await refusal(of_provider, token)


@pytest.mark.parametrize("kid", [None, 1, True, ["key-EdDSA"], {"kid": "key-EdDSA"}])
async def test_a_kid_is_text(of_provider: TokenVerifier, kid: Any) -> None:
    header = {"alg": "EdDSA", "kid": kid}
    assert "'kid' is no text" in await refusal(of_provider, PAIRS["EdDSA"].signed(header, PAYLOAD))


async def test_a_cached_token_is_forgotten_with_its_key(
    of_provider: TokenVerifier, key_server: KeyServer, clock: Clock
) -> None:
    taken_back, kept = PAIRS["EdDSA"].token(), PAIRS["ES256"].token()
    for token in (taken_back, kept):
        await of_provider.verify(token)
    key_server.publish(PAIRS["ES256"])
    clock.now += 30
    assert of_provider.provider is not None
    assert of_provider.cached(taken_back) is not None
    await of_provider.provider.refresh()
    assert of_provider.cached(taken_back) is None
    assert of_provider.cached(kept) is not None
    assert "not at JWT_JWKS_URL" in await refusal(of_provider, taken_back)


async def test_a_cached_token_is_forgotten_when_its_key_was_last_seen_a_day_ago(
    of_provider: TokenVerifier, key_server: KeyServer, clock: Clock
) -> None:
    token = PAIRS["EdDSA"].token(PAYLOAD | {"exp": NOW + 10**6})
    await of_provider.verify(token)
    key_server.response_bytes(b"", 500)
    clock.now += 24 * 3600 - 1
    assert of_provider.cached(token) is not None
    clock.now += 1
    assert of_provider.cached(token) is None
    with pytest.raises(KeysUnavailableError):
        await of_provider.verify(token)


async def test_a_provider_that_is_away_leaves_nobody_logged_out(
    of_provider: TokenVerifier, key_server: KeyServer
) -> None:
    key_server.response_bytes(b"", 500)
    with pytest.raises(KeysUnavailableError):
        await of_provider.verify(PAIRS["EdDSA"].token())
    for hopeless in (signed(), "x", PAIRS["EdDSA"].token(typ="JWE"), PAIRS["EdDSA"].token(alg="none")):
        assert await refusal(of_provider, hopeless)


async def test_an_expired_token_is_told_as_expired(of_provider: TokenVerifier) -> None:
    with pytest.raises(TokenExpiredError) as refused:
        await of_provider.verify(PAIRS["EdDSA"].token(PAYLOAD | {"exp": 900}))
    assert "1970" in refused.value.reason


async def test_the_cache_of_a_session_is_no_access_token(of_provider: TokenVerifier) -> None:
    payload = PAYLOAD | {"aud": "better-auth:session-cache"}
    reason = await refusal(of_provider, PAIRS["EdDSA"].token(payload, typ="better-auth.session-cache+jwt"))
    assert "cache of Better Auth's session cookie" in reason
    assert "/api/auth/token" in reason
    for audience in ("better-auth:session-cache", ["better-auth:session-cache", "x"]):
        for typ in (None, "JWT"):
            token = PAIRS["EdDSA"].token(PAYLOAD | {"aud": audience}, typ=typ)
            assert "session cookie" in await refusal(of_provider, token)


async def test_a_signature_in_another_form_is_refused(of_provider: TokenVerifier) -> None:
    """ECDSA signatures in DER, as other protocols write them, and an HMAC where a signature belongs."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    message = f"{json_part({'alg': 'ES256', 'kid': 'key-ES256'})}.{json_part(PAYLOAD)}"
    der = PAIRS["ES256"].private.sign(message.encode(), ECDSA(hashes.SHA256()))
    assert await refusal(of_provider, f"{message}.{base64url(der)}")
    for signature in (
        b"\0" * 64,
        b"\xff" * 64,
        b"\0",
        hmac.digest(b"key-ES256", message.encode(), hashlib.sha256),
    ):
        assert await refusal(of_provider, f"{message}.{base64url(signature)}")
