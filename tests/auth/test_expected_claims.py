"""Issuer, audience and the claim that names the user, where the settings ask for them."""

from typing import Any

import pytest

from taskward.auth.claims import Expected
from taskward.auth.issue import issue_token
from taskward.auth.verify import TokenVerifier
from taskward.errors import TokenInvalidError
from taskward.settings import Settings
from tests.auth.provider import KeyServer, Pair
from tests.auth.tokens import NOW, PAYLOAD, SECRET, at_once, signed

pytestmark = pytest.mark.quick

ISSUER, AUDIENCE = "https://example.com", "https://api.example.com"
GOOD = PAYLOAD | {"iss": ISSUER, "aud": AUDIENCE}


def verifier(**expected: Any) -> TokenVerifier:
    return TokenVerifier(SECRET, "HS256", expected=Expected(**expected), clock=lambda: NOW)


def refusal(verifier: TokenVerifier, **claims: Any) -> str:
    payload = {name: value for name, value in (GOOD | claims).items() if value != "absent"}
    with pytest.raises(TokenInvalidError) as refused:
        at_once(verifier.verify(signed(payload=payload)))
    return refused.value.reason


@pytest.mark.parametrize(
    "issuer", ["absent", "", None, 1, "https://example.com/", "https://Example.com", [ISSUER]]
)
def test_another_issuer_is_refused_and_both_are_named(issuer: Any) -> None:
    reason = refusal(verifier(issuer=ISSUER), iss=issuer)
    assert f"must be '{ISSUER}' (JWT_ISSUER)" in reason
    assert "missing" in reason if issuer == "absent" else repr(str(issuer)) in reason


@pytest.mark.parametrize(
    "audience", ["absent", "", None, 1, [], [None], [1], f"{AUDIENCE}/", [[AUDIENCE]], {AUDIENCE: 1}]
)
def test_another_audience_is_refused_and_both_are_named(audience: Any) -> None:
    reason = refusal(verifier(audiences=(AUDIENCE,)), aud=audience)
    assert f"must be '{AUDIENCE}' (JWT_AUDIENCE)" in reason
    assert "missing" in reason if audience == "absent" else repr(str(audience)) in reason


@pytest.mark.parametrize(
    "audience", [AUDIENCE, [AUDIENCE], ["https://other.example.com", AUDIENCE], [None, AUDIENCE]]
)
def test_the_audience_may_be_one_of_several(audience: Any) -> None:
    good = verifier(issuer=ISSUER, audiences=(AUDIENCE,))
    assert at_once(good.verify(signed(payload=GOOD | {"aud": audience}))).user_id == "alice"


SEVERAL = ("https://a.example", AUDIENCE, "tasks")


@pytest.mark.parametrize("audience", [*SEVERAL, *([each] for each in SEVERAL), ["x", "tasks"]])
def test_a_token_for_one_of_several_audiences_is_accepted(audience: Any) -> None:
    good = verifier(audiences=SEVERAL)
    assert at_once(good.verify(signed(payload=GOOD | {"aud": audience}))).user_id == "alice"


@pytest.mark.parametrize(
    "audience",
    ["absent", "", None, [], "x", "https://a.example,tasks", ",".join(SEVERAL), "task", "tasks,", ["x", None],
     [list(SEVERAL)], {"tasks": 1}, "TASKS"],
)  # fmt: skip
def test_a_token_for_none_of_several_audiences_is_refused_and_all_are_named(audience: Any) -> None:
    reason = refusal(verifier(audiences=SEVERAL), aud=audience)
    assert "must be one of 'https://a.example', 'https://api.example.com', 'tasks' (JWT_AUDIENCE)" in reason


def test_with_several_audiences_the_cache_of_a_session_is_refused_all_the_same() -> None:
    cache = "better-auth:session-cache"
    assert "session cookie" in refusal(verifier(audiences=(cache, "tasks")), aud=["tasks", cache])


def test_no_audience_at_all_lets_nobody_in() -> None:
    assert "JWT_AUDIENCE" in refusal(verifier(audiences=()))


def test_tokens_of_the_service_are_for_the_first_audience() -> None:
    token = issue_token("alice", SECRET, "HS256", 60, Expected(audiences=SEVERAL))
    for audience in SEVERAL:
        other = TokenVerifier(SECRET, "HS256", expected=Expected(audiences=(audience,)))
        if audience == SEVERAL[0]:
            assert at_once(other.verify(token)).user_id == "alice"
        else:
            with pytest.raises(TokenInvalidError):
                at_once(other.verify(token))


def test_the_settings_separate_audiences_by_commas() -> None:
    expected = Expected.from_settings(Settings(JWT_AUDIENCE=" https://a.example ,tasks,tasks,"))
    assert expected.audiences == ("https://a.example", "tasks")
    assert Expected.from_settings(Settings()).audiences is None


CLIENTS = ("web", "app")
OF_CLIENT = PAYLOAD | {"client_id": "app", "token_use": "access"}  # as Amazon Cognito makes them


@pytest.mark.parametrize("audiences", [None, (AUDIENCE,)])
@pytest.mark.parametrize("client_id", CLIENTS)
def test_a_token_without_an_audience_may_be_of_a_known_client(audiences: Any, client_id: str) -> None:
    good = verifier(client_ids=CLIENTS, audiences=audiences)
    token = signed(payload=OF_CLIENT | {"client_id": client_id})
    assert at_once(good.verify(token)).user_id == "alice"
    assert good.cached(token) is not None


@pytest.mark.parametrize("audiences", [None, (AUDIENCE,)])
@pytest.mark.parametrize(
    "client_id", ["absent", "", None, "other", "WEB", "we", "web,app", ["web"], {"web": 1}, 0]
)
def test_a_token_of_another_client_is_refused(audiences: Any, client_id: Any) -> None:
    reason = refusal(verifier(client_ids=CLIENTS, audiences=audiences), aud="absent", client_id=client_id)
    assert "its 'client_id' must be one of 'web', 'app' (JWT_CLIENT_ID)" in reason
    assert "missing" in reason if client_id == "absent" else repr(str(client_id)) in reason


@pytest.mark.parametrize("audience", ["", None, [], "other", ["other"], "web", ["web"]])
def test_a_known_client_makes_up_for_no_audience_that_is_another(audience: Any) -> None:
    """A client gets tokens for other services too: its name says nothing about those."""
    both = verifier(client_ids=CLIENTS, audiences=(AUDIENCE,))
    assert "(JWT_AUDIENCE)" in refusal(both, aud=audience, client_id="web")
    alone = verifier(client_ids=CLIENTS)
    assert "JWT_AUDIENCE is not set" in refusal(alone, aud=audience, client_id="web")


def test_a_token_for_the_audience_needs_no_client() -> None:
    both = verifier(client_ids=CLIENTS, audiences=(AUDIENCE,))
    for client_id in ({}, {"client_id": "other"}):
        assert at_once(both.verify(signed(payload=GOOD | client_id))).user_id == "alice"


def test_without_known_clients_a_client_is_no_audience() -> None:
    assert "must be 'https://api.example.com'" in refusal(
        verifier(audiences=(AUDIENCE,)), aud="absent", client_id=AUDIENCE
    )


def test_a_claim_of_a_client_is_no_way_around_the_session_cache() -> None:
    cache = "better-auth:session-cache"
    assert "session cookie" in refusal(verifier(client_ids=CLIENTS), aud=cache, client_id="web")


@pytest.mark.parametrize("audiences", [None, (AUDIENCE,)])
def test_tokens_of_the_service_are_of_its_first_client_where_there_is_no_audience(audiences: Any) -> None:
    expected = Expected(audiences=audiences, client_ids=CLIENTS)
    token = issue_token("alice", SECRET, "HS256", 60, expected)
    assert at_once(TokenVerifier(SECRET, "HS256", expected=expected).verify(token)).user_id == "alice"
    others = Expected(audiences=("x",), client_ids=("app",))
    with pytest.raises(TokenInvalidError):
        at_once(TokenVerifier(SECRET, "HS256", expected=others).verify(token))


def test_the_settings_separate_client_ids_by_commas() -> None:
    assert Expected.from_settings(Settings(JWT_CLIENT_ID=" web,app,")).client_ids == CLIENTS
    assert Expected.from_settings(Settings()).client_ids is None


def test_a_long_issuer_is_shown_in_part_and_other_claims_are_not_shown() -> None:
    reason = refusal(verifier(issuer=ISSUER, audiences=(AUDIENCE,)), iss="i" * 5000, email="alice@example.com")
    assert "i" * 200 in reason
    assert len(reason) < 400
    assert "alice" not in refusal(verifier(audiences=(AUDIENCE,)), aud="other", email="alice@example.com")


def test_the_claim_that_names_the_user_can_be_another() -> None:
    other = verifier(user_id_claim="https://example.com/uid")
    payload = PAYLOAD | {"https://example.com/uid": "bob"}
    assert at_once(other.verify(signed(payload=payload))).user_id == "bob"
    assert "no 'https://example.com/uid' (JWT_USER_ID_CLAIM)" in refusal(other)


@pytest.mark.parametrize("secret", [None, "s" * 32])
async def test_the_settings_say_what_is_expected_of_every_token(
    key_server: KeyServer, pair: Pair, secret: str | None
) -> None:
    settings = Settings(
        JWT_JWKS_URL=key_server.url, JWT_ISSUER=ISSUER, JWT_AUDIENCE=AUDIENCE, JWT_USER_ID_CLAIM="uid",
        JWT_SECRET_KEY=secret,
    )  # fmt: skip
    verifier = TokenVerifier.from_settings(settings)
    good = GOOD | {"uid": "bob", "exp": 10**10}
    async with verifier.keeping_keys_fresh():
        assert (await verifier.verify(pair.token(good))).user_id == "bob"
        for bad in (good | {"iss": "x"}, good | {"aud": "x"}, PAYLOAD | {"exp": 10**10}):
            with pytest.raises(TokenInvalidError):
                await verifier.verify(pair.token(bad))
            if secret is not None:
                with pytest.raises(TokenInvalidError):
                    await verifier.verify(signed(payload=bad, secret=secret.encode()))


def test_the_tokens_of_the_service_say_what_it_expects() -> None:
    expected = Expected(ISSUER, (AUDIENCE,), "uid")
    token = issue_token("alice", SECRET, "HS256", 60, expected)
    assert at_once(TokenVerifier(SECRET, "HS256", expected=expected).verify(token)).user_id == "alice"
    for other in (
        Expected("x", (AUDIENCE,), "uid"),
        Expected(ISSUER, ("x",), "uid"),
        Expected(ISSUER, (AUDIENCE,)),
    ):
        with pytest.raises(TokenInvalidError):
            at_once(TokenVerifier(SECRET, "HS256", expected=other).verify(token))
