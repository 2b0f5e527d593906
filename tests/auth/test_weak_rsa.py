"""RSA keys that anybody can take the private key of, made here as their generators make them."""

from itertools import count
from math import gcd, prod
from random import Random

import pytest

from taskward.auth.jwk import UnusableKeyError, read_key
from taskward.auth.weak_rsa import has_close_factors, has_small_factor, is_of_roca
from tests.auth.provider import Pair
from tests.auth.tokens import base64url

pytestmark = pytest.mark.quick

RANDOM = Random(2017)
RSA = Pair("RS256")
GOOD = RSA.private.private_numbers()


SMALL_PRIMES = [number for number in range(2, 702) if all(number % smaller for smaller in range(2, number))]
PRIMORIAL = prod(SMALL_PRIMES)  # M of the generator, for keys of 1,984 to 3,967 bits


def next_prime(start: int, step: int = 2) -> int:
    """Return the next number that passes Fermat's test; what passes by chance is as good here."""
    assert start % 2, "an odd start"
    return next(
        number for number in count(start, step) if gcd(number, PRIMORIAL) == 1 and pow(2, number - 1, number) == 1
    )


def roca_prime(largest: int = 701) -> int:
    """Return a prime k·M + (65537^a mod M) of 1,024 bits ("The Return of Coppersmith's Attack", 2.1)."""
    primorial = prod(prime for prime in SMALL_PRIMES if prime <= largest)
    start = 2**1023 + 2**1022 + RANDOM.getrandbits(1000)
    residue = pow(65537, RANDOM.getrandbits(250), primorial)
    return next_prime(start - start % primorial + residue, primorial)


ROCA = roca_prime() * roca_prime()


def reason(modulus: int) -> str:
    length = (modulus.bit_length() + 7) // 8
    with pytest.raises(UnusableKeyError) as refused:
        read_key(RSA.jwk(n=base64url(modulus.to_bytes(length))))
    return str(refused.value)


def test_a_key_of_roca_is_not_taken() -> None:
    assert ROCA.bit_length() == 2048
    assert "CVE-2017-15361" in reason(ROCA)
    assert "CVE-2017-15361" in reason(roca_prime(167) * roca_prime(167)), "the primes of every length of key"


def test_one_prime_of_another_kind_makes_no_key_of_roca() -> None:
    assert not is_of_roca(roca_prime() * GOOD.p)


def test_a_key_of_close_primes_is_not_taken() -> None:
    for modulus in (GOOD.p * next_prime(GOOD.p + 2), GOOD.p * next_prime(GOOD.p + 2**510), GOOD.p**2):
        assert "CVE-2022-26320" in reason(modulus)
    assert not has_close_factors(GOOD.p * next_prime(GOOD.p + 2**530))


@pytest.mark.parametrize("factor", [3, 5, 163, 167])
def test_a_key_with_a_small_factor_is_not_taken(factor: int) -> None:
    assert "divided by a small number" in reason(factor * GOOD.p * GOOD.q)


def test_an_even_number_is_no_modulus() -> None:
    assert has_small_factor(2 * GOOD.p * GOOD.q)
    assert reason(2 * GOOD.p * GOOD.q)


def test_good_keys_are_taken() -> None:
    for number in range(8):
        assert read_key(Pair("RS256", f"good-{number}").jwk()).algorithm == "RS256"
