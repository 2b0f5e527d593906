import hashlib
from contextlib import suppress

import pytest

from taskward.auth import verify
from taskward.auth.claims import Claims
from taskward.auth.verify import MAX_CACHED, TokenVerifier
from taskward.errors import TokenExpiredError, TokenInvalidError
from tests.auth.tokens import NOW, SECRET, at_once, signed, with_claims

pytestmark = pytest.mark.quick


class CountingVerifier(TokenVerifier):
    """Counts how often a token is verified, and not cached."""

    def __init__(self, secret: bytes = SECRET) -> None:
        self.now: float = NOW
        self.verifications = 0
        super().__init__(secret, "HS256", clock=lambda: self.now)

    def ask(self, token: str) -> Claims:
        """Do as a request does."""
        return self.cached(token) or at_once(self.verify(token))

    async def verify(self, token: str) -> Claims:
        self.verifications += 1
        return await super().verify(token)


def test_a_token_is_verified_once() -> None:
    verifier = CountingVerifier()
    assert [verifier.ask(signed()).user_id for _ in range(3)] == ["alice"] * 3
    assert verifier.verifications == 1


def test_each_token_is_its_own_user() -> None:
    verifier = CountingVerifier()
    for _ in range(2):
        for user in ("alice", "bob", "charlie"):
            assert verifier.ask(with_claims(sub=user)).user_id == user
    assert verifier.verifications == 3


def test_a_cached_token_expires_by_the_clock() -> None:
    verifier = CountingVerifier()
    token = with_claims(exp=NOW + 900)
    verifier.ask(token)
    verifier.now = NOW + 900 + 29.9
    verifier.ask(token)
    assert verifier.verifications == 1
    verifier.now = NOW + 900 + 30
    for _ in range(2):
        with pytest.raises(TokenExpiredError):
            verifier.ask(token)
    assert verifier.verifications == 1, "that it has expired is known"


def test_a_token_that_came_too_late_is_verified_once() -> None:
    verifier = CountingVerifier()
    token = with_claims(exp=NOW - 60)
    for _ in range(5):
        with pytest.raises(TokenExpiredError):
            verifier.ask(token)
    assert verifier.verifications == 1


@pytest.mark.parametrize("seen", [NOW - 60, NOW + 3600])
def test_an_expired_token_is_good_again_when_the_clock_was_wrong(seen: float) -> None:
    verifier = CountingVerifier()
    token = with_claims(exp=NOW + 900)
    for verifier.now in (seen, NOW + 3600):
        with suppress(TokenExpiredError):
            verifier.ask(token)
    verifier.now = NOW
    assert verifier.ask(token).user_id == "alice"
    assert verifier.verifications == 2


def test_an_expired_token_whose_key_is_not_trusted_any_more_is_verified_anew() -> None:
    verifier = CountingVerifier()
    token = with_claims(exp=NOW - 60)
    with pytest.raises(TokenExpiredError):
        verifier.ask(token)
    ((_, key, _),) = vars(verifier)["_expired"].values()
    key.trusted_until = NOW
    with pytest.raises(TokenExpiredError):
        verifier.ask(token)
    assert verifier.verifications == 2


def test_the_memory_is_bounded_and_drops_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_CACHED == 10_000
    monkeypatch.setattr(verify, "MAX_CACHED", 3)
    verifier = CountingVerifier()
    tokens = [with_claims(sub=f"user_{number}") for number in range(5)]
    for token in tokens:
        verifier.ask(token)
    assert [verifier.cached(token) is not None for token in tokens] == [False, False, True, True, True]
    for token in tokens[2:]:
        verifier.ask(token)
    assert verifier.verifications == 5, "the three newest are cached"
    verifier.ask(tokens[0])
    assert verifier.verifications == 6, "the oldest was dropped"


def test_the_memory_of_expired_tokens_is_bounded_and_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MAX_CACHED", 3)
    verifier = CountingVerifier()
    verifier.ask(signed())
    for number in range(5):
        with pytest.raises(TokenExpiredError):
            verifier.ask(with_claims(sub=f"user_{number}", exp=NOW - 60))
    assert len(vars(verifier)["_expired"]) == 3
    assert verifier.cached(signed()) is not None, "what has expired drives out nothing that is good"


@pytest.mark.parametrize("token", ["", "x", signed(secret=b"y" * 32), with_claims(sub="")])
def test_a_refused_token_is_not_cached(token: str) -> None:
    verifier = CountingVerifier()
    for _ in range(2):
        with pytest.raises(TokenInvalidError):
            verifier.ask(token)
    assert verifier.verifications == 2
    assert verifier.cached(token) is None


def test_the_memory_holds_no_usable_token() -> None:
    verifier = CountingVerifier()
    token = signed()
    verifier.ask(token)
    memory = repr(vars(verifier))
    assert repr(hashlib.sha256(token.encode()).digest()) in memory
    assert token.split(".")[2] not in memory


def test_a_token_of_another_secret_is_refused_although_its_twin_is_cached() -> None:
    verifier = CountingVerifier()
    verifier.ask(signed())
    with pytest.raises(TokenInvalidError):
        verifier.ask(signed(secret=b"y" * 32))


def test_a_lone_surrogate_in_a_token_is_refused() -> None:
    with pytest.raises(TokenInvalidError):
        CountingVerifier().ask(signed() + "\ud800")
