"""RSA moduli that are known to be easy to factor, told by the modulus alone."""

from functools import cache
from math import gcd, isqrt, prod

LARGEST_PRIME = 167  # of those that the generator of CVE-2017-15361 uses for every length of key
FERMAT_STEPS = 100  # real keys of CVE-2022-26320 need fewer than 20


def weakness(modulus: int) -> str | None:
    """Return what is wrong with the modulus of an RSA key, as 'it …'; None where nothing is known."""
    if is_of_roca(modulus):
        return "it has the weakness ROCA (CVE-2017-15361), by which others can find the private key"
    if has_close_factors(modulus):
        return "its two primes are too close to each other (CVE-2022-26320), so others can find the private key"
    if has_small_factor(modulus):
        return "its modulus can be divided by a small number, so others can find the private key"
    return None


def is_of_roca(modulus: int) -> bool:
    """Tell whether a modulus has the fingerprint of ROCA: modulo each small prime it is a power of 65537.

    One good key in 200 million has it by chance. Source: Nemec and others, "The Return of Coppersmith's Attack"
    (CCS 2017), 3. An element is a power of 65537 if its order divides the order of 65537, as the group is cyclic.
    """
    return all(pow(modulus, order, prime) == 1 for prime, order in _orders_of_65537())


def has_close_factors(modulus: int) -> bool:
    """Tell whether Fermat's method factors a modulus in 100 steps (Böck, "Fermat Factorization in the Wild")."""
    root = isqrt(modulus - 1) + 1
    return any(
        isqrt(square) ** 2 == square for square in ((root + step) ** 2 - modulus for step in range(FERMAT_STEPS))
    )


def has_small_factor(modulus: int) -> bool:
    """Tell whether a modulus has a prime factor of at most 167."""
    return gcd(modulus, 2 * prod(_primes())) > 1


@cache
def _orders_of_65537() -> tuple[tuple[int, int], ...]:
    return tuple((prime, _order(65537, prime)) for prime in _primes())


def _order(element: int, prime: int) -> int:
    return next(power for power in range(1, prime) if pow(element, power, prime) == 1)


@cache
def _primes() -> tuple[int, ...]:
    numbers = range(3, LARGEST_PRIME + 1, 2)
    return tuple(number for number in numbers if all(number % smaller for smaller in range(3, isqrt(number) + 1)))
