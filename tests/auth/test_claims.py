from typing import Any

import pytest

from taskward.auth.verify import TokenVerifier
from taskward.errors import TokenExpiredError
from tests.auth.test_prevalidation import Refusal
from tests.auth.tokens import NOW, PAYLOAD, SECRET, at_once, signed, with_claims, without_claim

pytestmark = pytest.mark.quick

TIMES = ["exp", "nbf", "iat"]


def test_a_token_that_never_expires_is_refused(refusal: Refusal) -> None:
    assert "no 'exp'" in refusal(without_claim("exp"))


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("value", [True, False, "1800000900", None, [], {}, ""])
def test_a_time_that_is_no_number_is_refused(refusal: Refusal, name: str, value: Any) -> None:
    assert f"'{name}' is not a number" in refusal(with_claims(**{name: value}))


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "0x7", "01"])
def test_a_time_that_is_not_finite_is_refused(refusal: Refusal, name: str, value: str) -> None:
    payload = f'{{"sub":"alice","exp":{NOW + 900},"{name}":{value}}}'.replace(f'"exp":{NOW + 900},"exp"', '"exp"')
    assert "not valid JSON" in refusal(signed(payload=payload.encode()))


def test_a_time_far_away_is_a_time(verifier: TokenVerifier) -> None:
    for far in (10**18, 10**30, 10**300, 1e300):
        assert at_once(verifier.verify(with_claims(exp=far))).user_id == "alice"
    for past in (-1, -(10**300), 0.5):
        assert at_once(verifier.verify(with_claims(iat=past, nbf=past))).user_id == "alice"


@pytest.mark.parametrize("expires", [NOW - 30, NOW - 31, NOW - 30.5, 900, 0, -1, -(10**30)])
def test_an_expired_token_is_refused_as_expired(verifier: TokenVerifier, expires: float) -> None:
    with pytest.raises(TokenExpiredError) as refused:
        at_once(verifier.verify(with_claims(exp=expires)))
    assert ("1970" in refused.value.reason) is (expires < 86_400)


@pytest.mark.parametrize("expires", [NOW - 29, NOW - 29.5, NOW])
def test_a_token_lives_up_to_30_seconds_longer(verifier: TokenVerifier, expires: float) -> None:
    assert at_once(verifier.verify(with_claims(exp=expires))).valid_until == expires + 30


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_from_the_future_is_good_30_seconds_ahead(
    verifier: TokenVerifier, refusal: Refusal, name: str
) -> None:
    assert at_once(verifier.verify(with_claims(**{name: NOW + 30}))).user_id == "alice"
    assert f"'{name}' lies in the future" in refusal(with_claims(**{name: NOW + 31}))
    assert f"'{name}' lies in the future" in refusal(with_claims(**{name: NOW + 30.5}))
    assert f"'{name}' lies in the future" in refusal(with_claims(**{name: 10**300}))


def test_a_token_from_the_future_is_good_when_its_time_has_come() -> None:
    now = NOW
    verifier = TokenVerifier(SECRET, "HS256", clock=lambda: now)
    token = with_claims(nbf=NOW + 60, exp=NOW + 600)
    with pytest.raises(Exception, match="no valid access token"):
        at_once(verifier.verify(token))
    now = NOW + 60
    assert at_once(verifier.verify(token)).user_id == "alice"


@pytest.mark.parametrize(
    "user_id", ["a", "auth0|abc", "alice@example.com", "x" * 255, "ünïcødé 🎈", " alice ", "0"]
)
def test_a_user_id_is_taken_as_it_is(verifier: TokenVerifier, user_id: str) -> None:
    assert at_once(verifier.verify(with_claims(sub=user_id))).user_id == user_id


# the user id: what is wrong with it
NO_USER_IDS: list[tuple[Any, str]] = [
    ("", "is empty"), ("x" * 256, "has 256 characters, and can have up to 255"),
    (1, "must be text, not a number"), (1.5, "must be text, not a number"),
    (True, "must be text, not true or false"), (None, "must be text, not null"),
    (["alice"], "must be text, not a list"), ({"id": "alice"}, "must be text, not an object"),
]  # fmt: skip


@pytest.mark.parametrize(("user_id", "problem"), NO_USER_IDS)
def test_a_user_id_is_text_of_1_to_255_characters(refusal: Refusal, user_id: Any, problem: str) -> None:
    assert refusal(with_claims(sub=user_id)) == f"The token's 'sub' (JWT_USER_ID_CLAIM) {problem}."


def test_a_token_without_a_user_is_refused(refusal: Refusal) -> None:
    assert refusal(without_claim("sub")) == "The token has no 'sub' (JWT_USER_ID_CLAIM)."


@pytest.mark.parametrize("character", ["\0", "\n", "\r", "\t", "\x1f", "\x7f", "\x80", "\x9f"])
def test_a_user_id_has_no_control_characters(refusal: Refusal, character: str) -> None:
    for user_id in (character, f"alice{character}", f"{character}alice"):
        assert "control characters" in refusal(with_claims(sub=user_id))


def test_other_claims_change_nothing(verifier: TokenVerifier) -> None:
    extra = {"id": "bob", "user_id": "bob", "email": "bob@example.com", "iss": 1, "aud": ["x"], "name": "\0"}
    assert at_once(verifier.verify(signed(payload=extra | PAYLOAD))).user_id == "alice"
