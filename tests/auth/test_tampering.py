import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskward.auth.verify import TokenVerifier
from taskward.errors import AuthenticationError
from tests.auth.tokens import NOW, SECRET, at_once, base64url, signed, signed_parts

pytestmark = pytest.mark.quick

TOKEN = signed()
ALPHABET = string.ascii_letters + string.digits + "-_"
VERIFIER = TokenVerifier(SECRET, "HS256", clock=lambda: NOW)

texts = st.text(st.characters(), max_size=200)
parts = st.text(ALPHABET, max_size=60) | st.binary(max_size=60).map(base64url)
names = st.sampled_from(["alg", "typ", "exp", "sub", "nbf"])
json_like = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner),
    max_leaves=8,
)


def accepted(token: str) -> bool:
    """Whether the token is accepted; anything but an AuthenticationError is a failure of the test."""
    try:
        at_once(VERIFIER.verify(token))
    except AuthenticationError:
        return False
    return True


def test_every_substitution_of_one_character_is_refused() -> None:
    assert accepted(TOKEN)
    taken = [
        changed
        for index, original in enumerate(TOKEN)
        for character in ALPHABET + ".=+/ "
        if character != original and accepted(changed := TOKEN[:index] + character + TOKEN[index + 1 :])
    ]
    assert taken == []


def test_every_flip_of_one_bit_is_refused() -> None:
    for index in range(len(TOKEN)):
        for bit in range(8):
            changed = TOKEN[:index] + chr(ord(TOKEN[index]) ^ 1 << bit) + TOKEN[index + 1 :]
            assert not accepted(changed), (index, bit)


def test_every_truncation_and_every_addition_is_refused() -> None:
    for index in range(len(TOKEN)):
        assert not accepted(TOKEN[:index])
        assert not accepted(TOKEN[:index] + TOKEN[index + 1 :])
        assert not accepted(TOKEN[:index] + "A" + TOKEN[index:])
    for addition in (".", "A", "=", " ", "\n", "\0", "." + TOKEN):
        assert not accepted(TOKEN + addition)
        assert not accepted(addition + TOKEN)


@given(texts)
def test_garbage_is_refused(token: str) -> None:
    assert not accepted(token)


@given(st.lists(parts, min_size=3, max_size=3))
def test_garbage_of_three_parts_is_refused(three: list[str]) -> None:
    assert not accepted(".".join(three))


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_garbage_signed_with_our_secret_is_refused(header: bytes, payload: bytes) -> None:
    assert not accepted(signed_parts(base64url(header), base64url(payload)))
    assert not accepted(signed(payload=payload))
    assert not accepted(signed(header=header))


@given(json_like)
def test_json_garbage_signed_with_our_secret_raises_nothing_unexpected(value: object) -> None:
    accepted(signed(payload=value))
    assert not accepted(signed(header=value)) or (isinstance(value, dict) and value.get("alg") == "HS256")
