"""Which published keys are taken, and by which one algorithm."""

import json
from typing import Any

import pytest

from taskward.auth.jwk import ALGORITHMS, InvalidKeySetError, UnusableKeyError, one_name, read_key, read_key_set
from tests.auth.provider import Pair
from tests.auth.tokens import base64url

pytestmark = pytest.mark.quick

ED, EC, RSA = Pair("EdDSA"), Pair("ES256"), Pair("RS256")


def key_set(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_of_every_algorithm_is_taken(algorithm: str) -> None:
    key = read_key(Pair(algorithm).jwk())
    assert (key.algorithm, key.kid) == (one_name(algorithm), f"key-{algorithm}")


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "ES384", "ES512", "RS256"])
def test_a_key_without_an_algorithm_has_that_of_its_kind(algorithm: str) -> None:
    assert read_key(Pair(algorithm).jwk(alg=None)).algorithm == algorithm


@pytest.mark.parametrize("pair", [ED, EC, RSA], ids=lambda pair: pair.algorithm)
@pytest.mark.parametrize(
    "algorithm", [*ALGORITHMS, "HS256", "none", "ES256K", "RSA-OAEP", "", "eddsa", 1, ["ES256"]]
)
def test_a_key_serves_no_algorithm_of_another_kind(pair: Pair, algorithm: Any) -> None:
    fits = isinstance(algorithm, str) and ALGORITHMS.get(algorithm) == ALGORITHMS[pair.algorithm]
    if fits:
        assert read_key(pair.jwk(alg=algorithm)).algorithm == one_name(algorithm)
    else:
        with pytest.raises(UnusableKeyError, match="go together"):
            read_key(pair.jwk(alg=algorithm))


@pytest.mark.parametrize(
    "members",
    [{"use": "sig"}, {"key_ops": ["verify"]}, {"key_ops": ["sign", "verify"]}, {"kid": None}, {"x5t": "a"}],
)
def test_a_key_for_signatures_is_taken(members: dict[str, Any]) -> None:
    assert read_key(EC.jwk(**members)).algorithm == "ES256"


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"}, {"use": ["sig"]}, {"use": ""}, {"key_ops": []}, {"key_ops": ["sign"]},
        {"key_ops": "verify"}, {"key_ops": {"verify": 1}}, {"kid": 1}, {"kid": ["key"]}, {"kty": "RSA"},
        {"kty": ["EC"]}, {"kty": {}}, {"crv": "P-384"}, {"crv": "secp256k1"}, {"crv": ["P-256"]}, {"x": 1},
        {"x": []}, {"x": ""}, {"x": "!"},
        {"x": base64url(b"x" * 32)}, {"y": None}, {"x": base64url(b"x" * 33)}, {"y": "\0"}, {"x": "\u00e4"},
    ],
)  # fmt: skip
def test_a_key_that_is_none_is_not_taken(members: dict[str, Any]) -> None:
    with pytest.raises(UnusableKeyError):
        read_key(EC.jwk() | members if None not in members.values() else EC.jwk(**members))


@pytest.mark.parametrize(
    "members", [{"crv": "Ed448"}, {"crv": "X25519"}, {"crv": None}, {"x": base64url(b"x" * 31)}]
)
def test_a_key_of_another_edwards_curve_is_not_taken(members: dict[str, Any]) -> None:
    with pytest.raises(UnusableKeyError):
        read_key(ED.jwk(**members))


@pytest.mark.parametrize(
    "members",
    [{"e": base64url(b"\1")}, {"e": base64url(b"\2")}, {"e": ""}, {"n": ""}, {"n": 3}, {"n": "AAAA"}, {"e": None}],
)
def test_an_rsa_key_that_is_none_is_not_taken(members: dict[str, Any]) -> None:
    with pytest.raises(UnusableKeyError):
        read_key(RSA.jwk(**members))


def test_a_number_without_quotation_marks_is_named() -> None:
    with pytest.raises(UnusableKeyError, match="'n', 'e', 'x' or 'y' is not a string"):
        read_key(RSA.jwk(n=3))


def test_an_rsa_key_has_2048_bits_or_more() -> None:
    for bits in (1024, 2040):
        with pytest.raises(UnusableKeyError, match="2048"):
            read_key(Pair("RS256", bits=bits).jwk())
    assert read_key(Pair("RS256", bits=2048).jwk()).material.key_size == 2048


def test_an_rsa_key_has_16384_bits_or_fewer() -> None:
    """The modulus is no product of two primes, which nobody can tell."""
    for bits, taken in ((16_384, True), (16_385, False)):
        jwk = RSA.jwk(n=base64url((2 ** (bits - 1) + 9).to_bytes(bits // 8 + 1).lstrip(b"\0")))
        if taken:
            assert read_key(jwk).material.key_size == bits
        else:
            with pytest.raises(UnusableKeyError, match="longer than 16384"):
                read_key(jwk)


@pytest.mark.parametrize("pair", [ED, EC, RSA], ids=lambda pair: pair.algorithm)
def test_a_private_key_is_not_taken_nor_shown(pair: Pair) -> None:
    private = pair.private_jwk()
    for jwk in (private, pair.jwk(d="AQAB"), pair.jwk(d="")):
        with pytest.raises(UnusableKeyError, match="secret") as refused:
            read_key(jwk)
        assert private["d"] not in str(refused.value)


@pytest.mark.parametrize("alg", ["HS256", "ES256", "none", None])
def test_a_symmetric_key_is_not_taken(alg: str | None) -> None:
    for jwk in ({"kty": "oct", "k": base64url(b"k" * 32), "alg": alg}, EC.jwk(k="eA"), {"kty": "oct", "alg": alg}):
        with pytest.raises(UnusableKeyError):
            read_key(jwk)


@pytest.mark.parametrize("jwk", [None, 1, "key", [], [EC.jwk()], {}, {"kid": "a"}, True])
def test_what_is_no_key_is_not_taken(jwk: Any) -> None:
    with pytest.raises(UnusableKeyError):
        read_key(jwk)


def test_a_set_keeps_its_good_keys_and_says_what_is_wrong_with_the_others() -> None:
    keys, refused = read_key_set(key_set(EC.jwk(), ED.private_jwk(), "x", RSA.jwk()))
    assert [key.algorithm for key in keys] == ["ES256", "RS256"]
    assert [reason.split(":")[0] for reason in refused] == ["key 2 is not used", "key 3 is not used"]
    assert ED.private_jwk()["d"] not in str(refused)


def test_a_key_that_is_published_twice_is_one_key() -> None:
    keys, _ = read_key_set(key_set(EC.jwk(), EC.jwk(use="sig"), EC.jwk(kid="other")))
    assert [key.kid for key in keys] == ["key-ES256", "other"]


def test_the_two_names_of_one_algorithm_make_one_key() -> None:
    keys, refused = read_key_set(key_set(ED.jwk(), ED.jwk(alg="Ed25519"), ED.jwk(alg=None)))
    assert [(key.algorithm, key.kid) for key in keys] == [("EdDSA", ED.kid)]
    assert refused == []


def test_the_first_32_usable_keys_of_a_longer_set_serve() -> None:
    good = [EC.jwk(kid=str(number)) for number in range(40)]
    assert len(read_key_set(key_set(*good[:32]))[0]) == 32
    keys, refused = read_key_set(key_set(ED.private_jwk(), *good[:20], {"kty": "oct", "k": "eA"}, *good[20:]))
    assert [key.kid for key in keys] == [str(number) for number in range(32)]
    assert [reason.split(":")[0] for reason in refused] == [
        "key 1 is not used", "key 22 is not used", "key 35 and those after it are not used",
    ]  # fmt: skip


def test_a_set_of_nothing_but_useless_keys_is_told_in_part() -> None:
    keys, refused = read_key_set(key_set(*[{}] * 10_000))
    assert (keys, len(refused)) == ([], 33)
    assert refused[-1] == "and 9968 more are not used"


@pytest.mark.parametrize(
    "document",
    [
        b"", b"\0", b"<html>", b"[]", b"null", b"1", b'"keys"', b"{}", b'{"keys":null}', b'{"keys":{}}',
        b'{"keys":1}', b'{"keys":[],"keys":[]}', b'{"keys":[NaN]}', b"[" * 60_000,
        b"\xef\xbb\xbf{}", b'{"keys":"\xff"}',
    ],
)  # fmt: skip
def test_what_is_no_set_of_keys_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidKeySetError):
        read_key_set(document)


def test_an_empty_set_has_no_keys() -> None:
    assert read_key_set(key_set()) == ([], [])
