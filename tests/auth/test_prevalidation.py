"""Each rule of the pre-validation, with a token that breaks that rule alone and has the right signature."""

from collections.abc import Callable
from typing import Any

import pytest

from taskward.auth.prevalidation import MAX_HEADER_LENGTH, MAX_TOKEN_LENGTH
from taskward.auth.verify import TokenVerifier
from tests.auth.tokens import (
    HEADER,
    PAYLOAD,
    at_once,
    base64url,
    json_part,
    signed,
    signed_parts,
    with_header,
)

pytestmark = pytest.mark.quick

Refusal = Callable[[str], str]


def token_of_length(length: int) -> str:
    """Return a good token of this length; the header makes up for lengths that no payload alone can give."""
    about = length * 3 // 4
    for kid in ("", "x", "xx"):
        header = HEADER | {"kid": kid}
        empty = len(signed(header, PAYLOAD | {"padding": ""})) * 3 // 4
        for size in range(about - empty - 4, about - empty + 5):
            if len(token := signed(header, PAYLOAD | {"padding": "x" * size})) == length:
                return token
    raise AssertionError("no token has this length")


def other_tail(part: str) -> str:
    """Return another spelling of the same bytes: only bits differ that a lenient decoder drops."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(part) % 4, "a part of whole groups has no unused bits"
    return part[:-1] + alphabet[alphabet.index(part[-1]) + 1]


def test_a_good_token_passes(verifier: TokenVerifier) -> None:
    assert at_once(verifier.verify(signed())).user_id == "alice"


def test_8192_characters_pass_and_one_more_does_not(verifier: TokenVerifier, refusal: Refusal) -> None:
    assert MAX_TOKEN_LENGTH == 8192
    assert at_once(verifier.verify(token_of_length(8192))).user_id == "alice"
    assert "longer than 8192" in refusal(token_of_length(8193))


@pytest.mark.parametrize("change", ["{0}", "{0}.{1}", "{0}.{1}.{2}.", "{0}.{1}.{2}.{2}", ".{0}.{1}.{2}"])
def test_a_token_has_exactly_three_parts(refusal: Refusal, change: str) -> None:
    assert "three parts" in refusal(change.format(*signed().split(".")))


@pytest.mark.parametrize("change", ["{0}.{1}.", "{0}..{2}", ".{1}.{2}", ".."])
def test_no_part_is_empty(refusal: Refusal, change: str) -> None:
    assert "base64url" in refusal(change.format(*signed().split(".")))


def test_an_opaque_session_token_is_told_from_a_jwt(refusal: Refusal) -> None:
    assert "/api/auth/token" in refusal("Ax7" * 10 + "Ax")


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("character", ["=", "+", "/", " ", "\n", "\0", "é", "\u017f", "\uff41", "\u0661"])
def test_a_part_holds_only_the_base64url_alphabet(refusal: Refusal, part: int, character: str) -> None:
    for changed in (character + "{}", "{}" + character):
        parts = signed().split(".")
        parts[part] = changed.format(parts[part])
        token = signed_parts(parts[0], parts[1]) if part < 2 else ".".join(parts)
        assert "base64url" in refusal(token)


def test_a_part_has_one_spelling_only(refusal: Refusal) -> None:
    header, payload, signature = signed(header=HEADER | {"kid": "xx"}, payload=PAYLOAD | {"a": 1}).split(".")
    for token in (
        signed_parts(other_tail(header), payload),
        signed_parts(header, other_tail(payload)),
        f"{header}.{payload}.{other_tail(signature)}",
    ):
        assert "canonical" in refusal(token)


def test_a_part_has_no_padding(refusal: Refusal) -> None:
    header, payload = json_part(HEADER | {"kid": "xx"}), json_part(PAYLOAD | {"a": 1})
    for padded in (
        signed_parts(header + "=" * (-len(header) % 4), payload),
        signed_parts(header, payload + "=" * (-len(payload) % 4)),
        signed() + "=",
    ):
        assert padded.count("=")
        assert "canonical" in refusal(padded)


def test_a_part_of_an_impossible_length_is_refused(refusal: Refusal) -> None:
    assert "base64url" in refusal(signed_parts("A", json_part(PAYLOAD)))


def test_a_header_of_1_kib_passes_and_one_more_byte_does_not(verifier: TokenVerifier, refusal: Refusal) -> None:
    empty = b'{"alg":"HS256","kid":"%s"}'
    fits = empty % (b"x" * (MAX_HEADER_LENGTH - len(empty) + 2))
    assert len(fits) == 1024
    assert at_once(verifier.verify(signed(header=fits))).user_id == "alice"
    assert "header is longer" in refusal(signed(header=fits.replace(b"kid", b"kidd")))


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none","alg":"HS256"}',
        b'{"alg":"HS256","alg":"HS256"}',
        b'{"alg":"HS256","\\u0061lg":"none"}',
        b'{"alg":"HS256","jwk":{"kty":"oct","kty":"RSA"}}',
    ],
)
def test_a_name_occurs_once_in_a_header(refusal: Refusal, header: bytes) -> None:
    assert "header is not valid JSON: a name occurs twice" in refusal(signed(header=header))


@pytest.mark.parametrize(
    "twice",
    [b'"sub":"bob","sub":"alice"', b'"sub":"alice","s\\u0075b":"bob"', b'"sub":"alice","a":[{"b":1,"b":1}]'],
)
def test_a_name_occurs_once_in_a_payload(refusal: Refusal, twice: bytes) -> None:
    payload = b'{"exp":1800000900,' + twice + b"}"
    assert "payload is not valid JSON: a name occurs twice" in refusal(signed(payload=payload))


@pytest.mark.parametrize("value", [[PAYLOAD], "alice", 1, None, True, []])
def test_header_and_payload_are_objects(refusal: Refusal, value: Any) -> None:
    assert "payload is not a JSON object" in refusal(signed(payload=value))
    assert "header is not a JSON object" in refusal(signed(header=value))


NOT_JSON = [
    b"{",
    b"{} {}",
    b"\xef\xbb\xbf{}",
    b'{"sub":"\xe9"}',
    b"{\0}\0",
    b'{"sub":"\\ud800"}',
    b"[" * 5000,
    b"\0",
]


@pytest.mark.parametrize("data", NOT_JSON)
def test_header_and_payload_are_strict_json(refusal: Refusal, data: bytes) -> None:
    assert "payload is not valid JSON" in refusal(signed(payload=data))
    assert refusal(signed(header=data[:1024])).startswith("The token's header is not valid JSON")


def test_a_payload_is_nested_32_levels_at_most(verifier: TokenVerifier, refusal: Refusal) -> None:
    nested = b'{"sub":"alice","exp":1800000900,"a":' + b"[" * 31 + b"]" * 31 + b"}"
    assert at_once(verifier.verify(signed(payload=nested))).user_id == "alice"
    assert "deeper than 32" in refusal(signed(payload=nested.replace(b"[]", b"[[]]")))


def test_the_raw_bytes_of_a_part_need_not_be_text(refusal: Refusal) -> None:
    assert "header is not valid JSON" in refusal(signed_parts(base64url(b"\xff\xfe"), json_part(PAYLOAD)))


@pytest.mark.parametrize(
    "typ", ["JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT", "application/jwt"]
)
def test_the_types_of_access_tokens_pass(verifier: TokenVerifier, typ: str) -> None:
    assert at_once(verifier.verify(with_header(typ=typ))).user_id == "alice"


def test_a_token_without_a_type_passes(verifier: TokenVerifier) -> None:
    assert at_once(verifier.verify(signed(header={"alg": "HS256"}))).user_id == "alice"


SESSION_CACHE = "better-auth.session-cache+jwt"  # signed with the same keys as access tokens
OTHER_TYPES = [
    SESSION_CACHE, f"application/{SESSION_CACHE}", "JWE", "JOSE", "id+jwt", "", " JWT", "JWT ", "jw\u0442",
    "application/", "application/id+jwt", "application/application/jwt", "text/jwt", "/jwt", "application/ jwt",
    "application/at+jwt; v=1", "at+jwt/application", "applicat\u0130on/jwt",
]  # fmt: skip


@pytest.mark.parametrize("typ", [*OTHER_TYPES, None, 1, True, ["JWT"], {}])
def test_a_token_of_another_type_is_refused(refusal: Refusal, typ: Any) -> None:
    assert "'typ'" in refusal(with_header(typ=typ))


@pytest.mark.parametrize("typ", [SESSION_CACHE, SESSION_CACHE.upper(), f"application/{SESSION_CACHE}"])
def test_the_cache_of_a_session_is_told_by_every_spelling_of_its_type(refusal: Refusal, typ: str) -> None:
    assert "session cookie" in refusal(with_header(typ=typ))


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], None, "exp", False])
def test_a_token_with_critical_extensions_is_refused(refusal: Refusal, crit: Any) -> None:
    assert "no extension is understood" in refusal(with_header(crit=crit))
