import pytest

from taskward.auth.refresh import RefreshToken, RefreshTokens

pytestmark = pytest.mark.quick

TOKENS = RefreshTokens(b"s" * 32)


def test_a_family_is_one_chain_of_different_tokens() -> None:
    chain = [TOKENS.first()]
    for _ in range(10):
        chain.append(TOKENS.after(chain[-1]))
    assert len({token.text for token in chain}) == len({token.hash for token in chain}) == 11
    assert len({token.family_hash for token in chain}) == 1
    assert TOKENS.after(chain[3]) == chain[4]


def test_two_families_have_nothing_in_common() -> None:
    one, other = TOKENS.first(), TOKENS.first()
    assert one.family_hash != other.family_hash
    assert one.hash != other.hash


def test_without_the_secret_nobody_can_tell_the_next_token() -> None:
    token = TOKENS.first()
    assert RefreshTokens(b"t" * 32).after(token) != TOKENS.after(token)


def test_a_token_is_recognised_by_its_form() -> None:
    token = TOKENS.first()
    assert TOKENS.read(token.text) == token
    assert TOKENS.read(TOKENS.after(token).text) == TOKENS.after(token)


def test_a_token_that_was_made_here_is_told_from_all_others() -> None:
    token = TOKENS.first()
    for made in (token, TOKENS.after(token)):
        assert TOKENS.read(made.text).authentic  # type: ignore[union-attr]
        for at in range(0, 64, 7):
            other = made.text[:at] + ("A" if made.text[at] != "A" else "B") + made.text[at + 1 :]
            assert not TOKENS.read(other).authentic  # type: ignore[union-attr]
        assert not RefreshTokens(b"t" * 32).read(made.text).authentic  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text", ["", "A" * 63, "A" * 65, "A" * 63 + "=", "A" * 63 + "+", "A" * 64 + "\n", "é" * 64]
)
def test_what_has_another_form_is_no_token(text: str) -> None:
    assert TOKENS.read(text) is None


def test_a_token_does_not_show_itself_by_accident() -> None:
    token = TOKENS.first()
    assert token.text not in repr(token)
    assert token.text not in str(token)
    assert token.text not in f"{RefreshToken(token.text, authentic=True)}"
