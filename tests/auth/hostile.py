"""Hostile tokens: 100,000 of them, the same for the same seed. None of them may be accepted.

Mutations are changes to valid tokens of every algorithm: every flip of one bit, then substitutions, deletions,
insertions and swaps where the seed wants them. Crafted tokens are the attacks that have a name.
"""

from collections.abc import Iterator
from functools import cache
from random import Random
from string import ascii_letters, digits
from typing import Any

from taskward.auth.jwk import ALGORITHMS
from tests.auth.provider import Pair
from tests.auth.tokens import NOW, SECRET, base64url, json_part, signed

SEED = 20_260_109
MUTATIONS = 7_500  # of each algorithm
CRAFTED = 10_000
ISSUER, AUDIENCE = "https://example.com", "https://api.example.com"
PAYLOAD = {"sub": "alice", "exp": NOW + 900, "iss": ISSUER, "aud": AUDIENCE}
SIGNED_BY = ("HS256", *ALGORITHMS)
BASE64URL = ascii_letters + digits + "-_"


@cache
def pair(algorithm: str, kid: str | None = None) -> Pair:
    return Pair(algorithm, kid)


def sign(algorithm: str, header: Any, payload: Any, kid: str | None = None) -> str:
    """Sign with our key of the algorithm, or with another key that is called `kid`."""
    if algorithm == "HS256":
        return signed(header, payload, SECRET if kid is None else kid.encode() * 32)
    return pair(algorithm, kid).signed(header, payload)


def header_of(algorithm: str, **parameters: Any) -> dict[str, Any]:
    return {"alg": algorithm, "kid": f"key-{algorithm}"} | parameters


@cache
def good(algorithm: str, user_id: str = "alice") -> str:
    return sign(algorithm, header_of(algorithm), PAYLOAD | {"sub": user_id})


def mutations(algorithm: str) -> Iterator[str]:
    """Yield 7,500 different tokens that are one change away from a good one, every flip of one bit among them."""
    token = good(algorithm)
    random = Random(f"{SEED} {algorithm}")
    seen = {token}
    flips = (
        token[:index] + chr(ord(token[index]) ^ 1 << bit) + token[index + 1 :]
        for index in range(len(token))
        for bit in range(8)
    )
    for changed in flips:
        seen.add(changed)
        yield changed
    while len(seen) <= MUTATIONS:
        changed = _changed(token, random)
        if changed not in seen:
            seen.add(changed)
            yield changed


def _changed(token: str, random: Random) -> str:
    index = random.randrange(len(token))
    character = random.choice(BASE64URL)
    rest = token[index + 1 :]
    match random.randrange(8):
        case 0:
            return token[:index] + rest
        case 1:
            return token[:index] + character + token[index:]
        case 2:
            other = random.randrange(len(token))
            characters = list(token)
            characters[index], characters[other] = characters[other], characters[index]
            return "".join(characters)
        case _:
            return token[:index] + character + rest


def garbage(random: Random) -> str:
    match random.randrange(4):
        case 0:
            return "".join(chr(random.randrange(1, 0x2FF)) for _ in range(random.randrange(300)))
        case 1:
            return ".".join(
                base64url(random.randbytes(random.randrange(90))) for _ in range(random.randrange(2, 7))
            )
        case 2:
            named = {"alg": random.choice(SIGNED_BY), "kid": base64url(random.randbytes(random.randrange(30)))}
            return f"{json_part(named)}.{json_part(PAYLOAD)}.{base64url(random.randbytes(64))}"
        case _:
            algorithm = random.choice(SIGNED_BY)
            header, _, signature = good(algorithm).split(".")
            return f"{header}.{json_part(PAYLOAD | {'sub': str(random.random())})}.{signature}"
