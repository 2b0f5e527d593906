"""One key, one algorithm: what a token says about its own key or algorithm changes nothing."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from taskward.auth.verify import TokenVerifier
from tests.auth.test_prevalidation import Refusal
from tests.auth.tokens import HEADER, PAYLOAD, SECRET, at_once, base64url, json_part, signed, with_header

pytestmark = pytest.mark.quick

STRANGERS_SECRET = b"a secret of somebody else, of 32 bytes and more"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", " none", "none\0", ""])
@pytest.mark.parametrize("signature", ["", base64url(b"x" * 32)])
def test_an_unsigned_token_is_refused(refusal: Refusal, alg: str, signature: str) -> None:
    token = f"{json_part(HEADER | {'alg': alg})}.{json_part(PAYLOAD)}.{signature}"
    assert refusal(token)


@pytest.mark.parametrize("alg", ["none", "NONE", "", "hs256", "HS256 ", "HS-256", "RS256", "ES256", "EdDSA"])
def test_a_header_that_names_another_algorithm_is_refused_although_the_secret_is_ours(
    refusal: Refusal, alg: str
) -> None:
    assert refusal(with_header(alg=alg)).startswith("The token is not signed with HS256.")


@pytest.mark.parametrize(("alg", "digest"), [("HS384", "sha384"), ("HS512", "sha512")])
def test_the_right_secret_with_a_longer_hash_is_refused(refusal: Refusal, alg: str, digest: str) -> None:
    assert "HS256" in refusal(signed(header=HEADER | {"alg": alg}, digest=digest))
    assert "signature" in refusal(signed(digest=digest)), "longer than HS256 makes them"


@pytest.mark.parametrize("alg", [None, 256, True, ["HS256"], {"HS256": 1}])
def test_an_algorithm_that_is_no_text_is_refused(refusal: Refusal, alg: Any) -> None:
    assert "names no algorithm" in refusal(with_header(alg=alg))


def test_a_header_without_an_algorithm_is_refused(refusal: Refusal) -> None:
    assert "names no algorithm" in refusal(signed(header={"typ": "JWT"}))


def test_a_key_that_a_token_brings_along_is_not_used(refusal: Refusal) -> None:
    key = {"kty": "oct", "k": base64url(STRANGERS_SECRET)}
    header = HEADER | {"jwk": key, "jku": "http://127.0.0.1:1/jwks", "x5u": "http://127.0.0.1:1/", "x5c": ["MII"]}
    assert "signature" in refusal(signed(header=header, secret=STRANGERS_SECRET))


@pytest.mark.parametrize("parameter", ["jwk", "jku", "x5u", "x5c", "cty", "unheard-of"])
@pytest.mark.parametrize("value", [{"kty": "oct", "k": "eA"}, "http://127.0.0.1:1/", ["MII"], None])
def test_a_good_token_stays_good_whatever_else_its_header_says(
    verifier: TokenVerifier, parameter: str, value: Any
) -> None:
    assert at_once(verifier.verify(with_header(**{parameter: value}))).user_id == "alice"


def test_a_token_signed_with_rsa_is_refused(refusal: Refusal) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert "HS256" in refusal(jwt.encode(dict(PAYLOAD), pem, algorithm="RS256"))


@pytest.mark.parametrize("secret", [STRANGERS_SECRET, SECRET + b"x", SECRET[:-1], b""])
def test_a_token_signed_with_another_secret_is_refused(refusal: Refusal, secret: bytes) -> None:
    assert "signature" in refusal(signed(secret=secret))


@pytest.mark.parametrize("signature", [b"\0", b"\0" * 32, b"\xff" * 64])
def test_a_made_up_signature_is_refused(refusal: Refusal, signature: bytes) -> None:
    header, payload, _ = signed().split(".")
    assert "signature" in refusal(f"{header}.{payload}.{base64url(signature)}")


def test_the_signature_of_another_token_is_refused(refusal: Refusal) -> None:
    bobs = signed(payload=PAYLOAD | {"sub": "bob"}).split(".")
    alices = signed().split(".")
    assert "signature" in refusal(f"{alices[0]}.{alices[1]}.{bobs[2]}")
