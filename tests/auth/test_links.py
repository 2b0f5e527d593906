"""Tokens for links: good once, for one purpose, and for a while."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from taskward.auth.links import LinkTokens

pytestmark = pytest.mark.quick

NOW = 1_800_000_000
SECRET = b"a secret for tests, of more than 32 characters"
ALICE = "usr_" + "a" * 28
STATE = "$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA"


class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


def tokens(secret: bytes = SECRET) -> LinkTokens:
    return LinkTokens(secret, Clock())


def test_a_token_is_good_for_its_purpose_and_state_alone() -> None:
    token = tokens().new("reset", ALICE, STATE, 60)
    assert tokens().subject_of(token) == ALICE
    assert tokens().is_good(token, "reset", STATE)
    assert not tokens().is_good(token, "invite", STATE)
    assert not tokens().is_good(token, "reset", STATE + "x")
    assert not tokens(b"y" * 32).is_good(token, "reset", STATE)


def test_a_token_ends_by_the_clock() -> None:
    clock = Clock()
    links = LinkTokens(SECRET, clock)
    token = links.new("reset", ALICE, STATE, 60)
    clock.now = NOW + 59.9
    assert links.is_good(token, "reset", STATE)
    clock.now = NOW + 60
    assert not links.is_good(token, "reset", STATE)
    assert links.subject_of(token) is None


def test_no_token_altered_in_any_bit_is_good() -> None:
    """1,000 tokens, each altered in each of its bits: of its text, and of the bytes that the MAC spells."""
    links, good, tried = tokens(), 0, 0
    for number in range(1000):
        token = links.new("reset", ALICE, f"{STATE}{number}", 60 + number)
        data = token.encode()
        for bit in range(8 * len(data)):
            altered = bytearray(data)
            altered[bit // 8] ^= 1 << bit % 8
            good += links.is_good(altered.decode("latin-1"), "reset", f"{STATE}{number}")
            tried += 1
    assert (good, tried) == (0, 1000 * 8 * len(data))


def test_there_is_one_spelling_of_a_token() -> None:
    token = tokens().new("reset", ALICE, STATE, 60)
    head, _, mac = token.rpartition(".")
    assert urlsafe_b64encode(urlsafe_b64decode(mac + "=")).decode().rstrip("=") == mac
    twins = [head + "." + mac[:-1] + chr(ord(mac[-1]) + 1), token + "=", token + "\n", " " + token, token.upper()]
    twins += [token.replace(f".{NOW + 60}.", f".{end}.") for end in (f"0{NOW + 60}", f"+{NOW + 60}", "١٨٠٠٠٠٠٠٦٠")]
    for twin in twins:
        assert not tokens().is_good(twin, "reset", STATE), twin
        assert not tokens().is_good(twin, "invite", STATE), twin


@pytest.mark.parametrize(
    "text", ["", ".", "..", "x" * 5000, f"{ALICE}.{NOW + 60}.", f"{ALICE}.{10**30}." + "A" * 43]
)
def test_what_is_no_token_is_for_nobody(text: str) -> None:
    assert tokens().subject_of(text) is None
    assert not tokens().is_good(text, "reset", STATE)


def test_the_parts_cannot_be_shifted_against_each_other() -> None:
    made = {
        tokens().new("reset", subject, state, 60).rpartition(".")[2] for subject, state in (("a", "b"), ("ab", ""))
    }
    assert len(made) == 2
