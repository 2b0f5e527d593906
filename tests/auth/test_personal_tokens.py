"""The form of personal tokens: a typo or a part of one is refused without a question to anybody."""

import hashlib
import re
import zlib

import pytest

from taskward.auth.jwk import Key
from taskward.auth.log_ins import LogIns
from taskward.auth.personal_tokens import DIGITS, FoundToken, check_form, implied, new_token
from taskward.auth.verify import MAX_PERSONAL_SECONDS, TokenVerifier
from taskward.errors import TokenExpiredError, TokenInvalidError

pytestmark = pytest.mark.quick

READ = frozenset({"tasks:read"})


class Tokens:
    """What is kept of tokens, and how often it was asked for."""

    def __init__(self, *tokens: str, seconds_left: float = 1000.0) -> None:
        self.kept = {hashlib.sha256(token.encode()).digest() for token in tokens}
        self.seconds_left = seconds_left
        self.asked = 0

    async def find(self, token_hash: bytes) -> FoundToken | None:
        self.asked += 1
        return FoundToken("alice", self.seconds_left, READ) if token_hash in self.kept else None


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def verifier_of(tokens: Tokens, clock: Clock) -> TokenVerifier:
    return TokenVerifier(b"x" * 32, "HS256", clock=clock, find_token=tokens.find)


def test_a_token_has_256_random_bits_and_the_checksum_that_scanners_know() -> None:
    tokens = [new_token() for _ in range(100)]
    assert len({token[4:10] for token in tokens}) == 100
    for token in tokens:
        found = re.fullmatch(r"twp_([0-9A-Za-z]{43})([0-9A-Za-z]{6})", token)
        assert found is not None
        value = 0
        for digit in found[2]:
            value = value * 62 + DIGITS.index(digit)
        assert value == zlib.crc32(found[1].encode())
        number = 0
        for digit in found[1]:
            number = number * 62 + DIGITS.index(digit)
        assert number < 2**256
        check_form(token)


async def test_no_token_with_another_character_is_asked_about() -> None:
    token = new_token()
    tokens = Tokens(token)
    verifier = verifier_of(tokens, Clock())
    for place in range(len(token)):
        for other in (*DIGITS, "-", "_", ".", "é", "\0"):
            if other != token[place]:
                with pytest.raises(TokenInvalidError):
                    await verifier.verify(token[:place] + other + token[place + 1 :])
    assert tokens.asked == 0
    assert (await verifier.verify(token)).user_id == "alice"


async def test_no_part_of_a_token_and_nothing_around_one_is_asked_about() -> None:
    token = new_token()
    tokens = Tokens(token)
    verifier = verifier_of(tokens, Clock())
    parts = [token[:end] for end in range(len(token))] + [token[begin:] for begin in range(1, len(token))]
    for part in (
        *parts,
        token + "0",
        token + "\n",
        " " + token,
        token * 2,
        token.upper(),
        f"{token}.{token}.{token}",
    ):
        with pytest.raises(TokenInvalidError):
            await verifier.verify(part)
    assert tokens.asked == 0


async def none_of_so_many_is_accepted(number: int) -> None:
    tokens = Tokens(new_token())
    verifier = verifier_of(tokens, Clock())
    for _ in range(number):
        made_up = new_token()
        for guess in (made_up, made_up[:28], made_up[:-6], made_up[:-6] + new_token()[-6:]):
            with pytest.raises(TokenInvalidError):
                await verifier.verify(guess)
            assert verifier.cached(guess) is None
    assert tokens.asked == number


async def test_none_of_many_made_up_tokens_is_accepted() -> None:
    await none_of_so_many_is_accepted(1000)


@pytest.mark.soak
async def test_none_of_a_hundred_thousand_made_up_tokens_is_accepted() -> None:
    await none_of_so_many_is_accepted(100_000)


async def test_a_token_is_looked_for_again_after_thirty_seconds() -> None:
    assert MAX_PERSONAL_SECONDS <= 30
    token, clock = new_token(), Clock()
    tokens = Tokens(token)
    verifier = verifier_of(tokens, clock)
    await verifier.verify(token)
    clock.now += MAX_PERSONAL_SECONDS - 1
    claims = verifier.cached(token)
    assert claims is not None
    assert (claims.user_id, claims.scopes) == ("alice", READ)
    clock.now += 1
    assert verifier.cached(token) is None
    tokens.kept.clear()
    with pytest.raises(TokenInvalidError):
        await verifier.verify(token)


async def test_a_token_is_refused_from_the_moment_it_expires() -> None:
    token, clock = new_token(), Clock()
    tokens = Tokens(token, seconds_left=10)
    verifier = verifier_of(tokens, clock)
    await verifier.verify(token)
    clock.now += 10
    with pytest.raises(TokenExpiredError):
        verifier.cached(token)
    tokens.seconds_left = 0
    for _ in range(2):
        with pytest.raises(TokenExpiredError):
            await verifier.verify(token)


async def test_a_token_that_was_revoked_is_forgotten_by_its_hash() -> None:
    async def ended_since(moment: str | None) -> tuple[str, set[bytes]]:
        return "now", {hashlib.sha256(revoked.encode()).digest()}

    async def goes_on(user_id: str, log_in: bytes) -> bool:
        raise AssertionError("a personal token is of no log-in")

    revoked, kept = new_token(), new_token()
    log_ins = LogIns(ended_since, goes_on)
    verifier = TokenVerifier(None, "HS256", log_ins=log_ins, find_token=Tokens(revoked, kept).find)
    for token in (revoked, kept):
        await verifier.verify(token)
    await log_ins.look()
    assert verifier.cached(revoked) is None
    assert verifier.cached(kept) is not None


async def test_without_a_place_for_them_none_is_accepted() -> None:
    with pytest.raises(TokenInvalidError):
        await TokenVerifier(b"x" * 32, "HS256").verify(new_token())


async def test_no_key_of_a_jwt_is_asked_for_a_personal_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async def find_key(*_: object) -> Key:
        raise AssertionError("that is for a JWT")

    token = new_token()
    verifier = verifier_of(Tokens(token), Clock())
    monkeypatch.setattr(verifier, "find_key", find_key)
    assert (await verifier.verify(token)).user_id == "alice"


def test_who_may_write_may_read_and_nothing_else_implies_anything() -> None:
    assert implied(["tasks:write"]) == {"tasks:write", "tasks:read"}
    assert implied(["tasks:read"]) == {"tasks:read"}
    assert implied(["calendar"]) == {"calendar"}
