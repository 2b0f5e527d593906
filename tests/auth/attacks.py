"""Crafted tokens: the attacks on signed tokens that have a name (RFC 8725, 2, and what followed)."""

import json
from collections.abc import Iterator
from functools import cache
from itertools import permutations, product
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from taskward.auth.jwk import ALGORITHMS
from tests.auth.hostile import (
    AUDIENCE,
    BASE64URL,
    CRAFTED,
    ISSUER,
    PAYLOAD,
    SEED,
    SIGNED_BY,
    garbage,
    good,
    header_of,
    pair,
    sign,
)  # fmt: skip
from tests.auth.tokens import NOW, base64url, json_part, signed, signed_parts

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493

KIDS = [
    "../../../../dev/null", "..\\..\\windows\\win.ini", "/dev/null", "/proc/self/environ", "file:///etc/passwd",
    "http://127.0.0.1:1/jwks", "https://example.com/jwks.json", "//example.com", "key-EdDSA\0", "\0", "", " ",
    "' OR '1'='1", "x' UNION SELECT 'secret'--", "key-EdDSA'; DROP TABLE tasks;--", "| sleep 10", "$(sleep 10)",
    "`id`", "{{7*7}}", "${jndi:ldap://127.0.0.1:1/a}", "%00", "%2e%2e%2f", "key-EdDSA ", " key-EdDSA", "KEY-EDDSA",
    "\u202ekey", "\u212aey-EdDSA", "key\u2010EdDSA", "e\u0301" * 50, "\U0001f511", "null", "undefined", "0", "-1",
    "__proto__", "constructor", "a" * 700, "\r\nX-Evil: 1", "\x1b[2J", "*", "[key-EdDSA]", "key-EdDSA,key-RS256",
]  # fmt: skip
NOT_TIMES: list[Any] = ["1800000900", True, False, None, [], [NOW], {}, {"$gt": 0}, "", "never"]
NOT_TEXTS: list[Any] = [
    None,
    1,
    0,
    1.5,
    True,
    False,
    [],
    ["alice"],
    {},
    {"id": "alice"},
    "",
    "a" * 256,
    "alice\0",
    "\n",
]
NOT_OURS: list[Any] = [
    None,
    1,
    True,
    [],
    {},
    "",
    "x",
    [1],
    [None],
    [[ISSUER]],
    {ISSUER: 1},
    f"{ISSUER}/",
    ISSUER.upper(),
]


ONE_ALGORITHM = {"EdDSA", "Ed25519"}  # two names of it (RFC 9864, 2.2)


def crafted() -> list[str]:
    """Return 10,000 tokens: every attack below, and as many pieces of garbage as are missing."""
    random = Random(SEED)
    attacks = [
        *unsigned(), *confused(), *with_keys_of_their_own(), *with_strange_kids(), *badly_encoded(), *ambiguous(),
        *of_wrong_types(), *oversized(), *spliced(), *with_made_up_signatures(random),
    ]  # fmt: skip
    tokens = dict.fromkeys(attacks)
    while len(tokens) < CRAFTED:
        tokens[garbage(random)] = None
    return list(tokens)


def unsigned() -> Iterator[str]:
    """`none`, in every spelling that a careless comparison takes for it, with and without a signature."""
    spellings = {"".join(letters) for letters in product(*zip("none", "NONE", strict=True))}
    spellings |= {f"{before}none{after}" for before, after in product(("", " ", "\0", "\t"), repeat=2)}
    spellings |= {"", "null", "n\u043ene", "\uff4eone", "None256", "plain"}
    for spelling, algorithm in product(sorted(spellings), ("HS256", "EdDSA", "RS256")):
        header, payload = json_part(header_of(algorithm, alg=spelling)), json_part(PAYLOAD)
        signature = good(algorithm).split(".")[2]
        yield from (f"{header}.{payload}.{end}" for end in ("", "AA", signature))
        yield f"{header}.{payload}"


def confused() -> Iterator[str]:
    """A key used by an algorithm that is not its own, above all a public key as a secret (RFC 8725, 2.1)."""
    for ours, named in permutations((*SIGNED_BY, "HS384", "HS512", "ES256K", "none", "RSA-OAEP"), 2):
        for kid in (f"key-{ours}", f"key-{named}"):
            if ours in SIGNED_BY:
                if {ours, named} != ONE_ALGORITHM or kid != f"key-{ours}":
                    yield sign(ours, {"alg": named, "kid": kid}, PAYLOAD)
                _, payload, signature = good(ours).split(".")
                yield f"{json_part({'alg': named, 'kid': kid})}.{payload}.{signature}"
    for algorithm, (alg, digest) in product(
        ALGORITHMS, (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512"), (None, "sha256"))
    ):
        for secret in _public_forms(algorithm):
            yield signed({"alg": alg or algorithm, "kid": f"key-{algorithm}"}, PAYLOAD, secret, digest)


@cache
def _public_forms(algorithm: str) -> list[bytes]:
    key, jwk = pair(algorithm).private.public_key(), pair(algorithm).jwk()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    numbers = [jwk[name].encode() for name in ("n", "x", "y") if name in jwk]
    return [
        pem,
        pem.strip(),
        der,
        base64url(der).encode(),
        json.dumps(jwk).encode(),
        jwk["kid"].encode(),
        *numbers,
        b"",
    ]


def with_keys_of_their_own() -> Iterator[str]:
    """Tokens that bring the key along which they want to be checked with, and are well signed with it."""
    theirs = "stranger"
    for algorithm in SIGNED_BY:
        jwk: dict[str, Any] = {"kty": "oct", "k": base64url(theirs.encode() * 32)}
        if algorithm in ALGORITHMS:
            jwk = pair(algorithm, theirs).jwk()
        brought: list[dict[str, Any]] = [
            {"jwk": jwk}, {"jwk": json.dumps(jwk)}, {"jwk": [jwk]}, {"keys": [jwk]}, {"x5c": ["MIIB"]},
            {"jku": "http://127.0.0.1:1/jwks"}, {"x5u": "http://127.0.0.1:1/cert"}, {"x5t": "AAAA"},
            {"jwk": jwk, "jku": "http://127.0.0.1:1/", "x5u": "http://127.0.0.1:1/", "x5c": ["MIIB"]},
            {"crit": ["jwk"], "jwk": jwk}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"zip": "DEF"},
        ]  # fmt: skip
        for parameters, kid in product(brought, (f"key-{algorithm}", theirs, None)):
            header = {"alg": algorithm} | ({} if kid is None else {"kid": kid}) | parameters
            yield sign(algorithm, header, PAYLOAD, theirs)


def with_strange_kids() -> Iterator[str]:
    for algorithm, kid in product(SIGNED_BY, KIDS):
        yield sign(algorithm, header_of(algorithm, kid=kid), PAYLOAD, "stranger")
        if algorithm in ALGORITHMS:  # well signed, and still by no key of that name
            yield sign(algorithm, header_of(algorithm, kid=kid), PAYLOAD)
    for algorithm, value in product(SIGNED_BY, (None, 1, True, [], {}, ["key"], {"kid": "key"}, 1.5)):
        yield sign(algorithm, header_of(algorithm, kid=value), PAYLOAD)


def badly_encoded() -> Iterator[str]:
    """Other spellings of the same bytes, well signed where that can be."""
    for algorithm in SIGNED_BY:
        parts = good(algorithm).split(".")
        for index, part in enumerate(parts):
            for spelling in _other_spellings(part):
                changed = ".".join((*parts[:index], spelling, *parts[index + 1 :]))
                yield changed
                if algorithm == "HS256" and index < 2:
                    header, payload, _ = changed.split(".")
                    yield signed_parts(header, payload)
        yield from (
            f"{good(algorithm)}.",
            f".{good(algorithm)}",
            good(algorithm) * 2,
            good(algorithm).replace(".", ".."),
        )


def _other_spellings(part: str) -> Iterator[str]:
    if len(part) % 4:
        tail = BASE64URL.index(part[-1])
        yield from (part[:-1] + BASE64URL[tail ^ bits] for bits in ((1,) if len(part) % 4 == 3 else (1, 2, 4, 8)))
    yield from (
        f"{part}=",
        f"{part}==",
        f"{part}===",
        f"{part}\n",
        f"{part} ",
        f" {part}",
        f"{part}%3D",
        f"{part}\0",
    )
    yield part.replace("-", "+").replace("_", "/") if set(part) & {"-", "_"} else f"+{part}"
    yield from (part[:4] + white + part[4:] for white in ("\n", "\r\n", " ", "\t", "\u200b", "\xa0"))
    yield from (part + "A", part + "AAAA", part[:-1], part.lower(), part.upper(), part[::-1], "")


def ambiguous() -> Iterator[str]:
    """A name twice in one object: two parsers would see two tokens. And bytes that are no strict JSON."""
    exp = b'"exp":%d,"iss":"%s","aud":"%s"' % (NOW + 900, ISSUER.encode(), AUDIENCE.encode())
    payloads = [
        b'{"sub":"bob","sub":"alice",' + exp + b"}", b'{"sub":"alice","s\\u0075b":"bob",' + exp + b"}",
        b'{"sub":"alice","exp":0,' + exp + b"}", b'{"sub":"alice","iss":"x",' + exp + b"}",
        b'{"sub":"alice","a":{"b":1,"b":2},' + exp + b"}", b'{"sub":"alice","nbf":NaN,' + exp + b"}",
        b'{"sub":"alice",' + exp + b"}x", b'\xef\xbb\xbf{"sub":"alice",' + exp + b"}", b"{}", b"[]",
        b'{"sub":"alice",' + exp + b",}", b'{"sub":"\xff",' + exp + b"}", b"{'sub':'alice'," + exp + b"}",
        b'{"sub":"\\ud800",' + exp + b"}",
        b'{"sub":"alice",' + exp + b',"a":' + b"[" * 40 + b"]" * 40 + b"}", b"[" * 5000, b"null", b"0",
        b'{"sub":"alice",' + exp + b',"a":' + b"9" * 5000 + b"}", b'{"sub":"alice",' + exp + b',"a":1e999}', b"\0",
        ('{"sub":"alice",' + exp.decode() + "}").encode("utf-16"), b'{"sub":"alice"/**/,' + exp + b"}",
    ]  # fmt: skip
    for algorithm in SIGNED_BY:
        yield from (sign(algorithm, header_of(algorithm), payload) for payload in payloads)
        kid = f'"kid":"key-{algorithm}"'
        for header in (
            f'{{"alg":"none","alg":"{algorithm}",{kid}}}', f'{{"alg":"{algorithm}","alg":"none",{kid}}}',
            f'{{"alg":"{algorithm}","\\u0061lg":"none",{kid}}}', f'{{"alg":"{algorithm}",{kid},{kid}}}',
            f'{{"alg":"{algorithm}",{kid},"jwk":{{"kty":"oct","kty":"RSA"}}}}', f'["alg","{algorithm}"]',
            f'{{"alg":"{algorithm}",{kid}', f'{{"alg":["{algorithm}"],{kid}}}', f'{{"alg":{{"a":1}},{kid}}}',
            f'{{"alg":null,{kid}}}', f"{{{kid}}}", f'{{"alg":true,{kid}}}', f'{{"ALG":"{algorithm}",{kid}}}',
            f'{{"alg":"{algorithm}",{kid},"typ":"JWE"}}', f'{{"alg":"{algorithm}",{kid},"typ":["JWT"]}}',
            f'{{"alg":"{algorithm}",{kid},"typ":"better-auth.session-cache+jwt"}}', f'"{algorithm}"',
        ):  # fmt: skip
            yield sign(algorithm, header.encode(), PAYLOAD)


def of_wrong_types() -> Iterator[str]:
    for algorithm in SIGNED_BY:
        wrong = [{name: value} for name in ("exp", "nbf", "iat") for value in NOT_TIMES]
        wrong += [{"exp": value} for value in (0, -1, 900, NOW - 31, -(10**300), 1e-300)]
        wrong += [{name: value} for name in ("nbf", "iat") for value in (NOW + 31, 10**300, 1e308)]
        wrong += [{"sub": value} for value in NOT_TEXTS]
        wrong += [{name: value} for name in ("iss", "aud") for value in NOT_OURS]
        wrong += [{"aud": [AUDIENCE, "better-auth:session-cache"]}]
        yield from (sign(algorithm, header_of(algorithm), PAYLOAD | claims) for claims in wrong)
        for name in ("exp", "sub", "iss", "aud"):
            yield sign(algorithm, header_of(algorithm), {key: PAYLOAD[key] for key in PAYLOAD if key != name})


def oversized() -> Iterator[str]:
    for algorithm in SIGNED_BY:
        yield sign(algorithm, header_of(algorithm, padding="x" * 1024), PAYLOAD)
        yield sign(algorithm, header_of(algorithm), PAYLOAD | {"padding": "x" * 8192})
        header, payload, signature = good(algorithm).split(".")
        yield from (
            f"{header}.{payload}.{signature}{'A' * length}" for length in (4, 1000, 7000, 10_000, 1_000_000)
        )
        yield f"{header}.{payload}.{signature}" + "." * 8000
        yield "A" * 8190 + "." * 2
        yield "." * 100_000


def spliced() -> Iterator[str]:
    """Parts of good tokens put together so that no two belong to one token."""
    tokens = [good(algorithm, user_id).split(".") for algorithm in SIGNED_BY for user_id in ("alice", "bob")]
    for one, two, three in product(range(len(tokens)), repeat=3):
        token = f"{tokens[one][0]}.{tokens[two][1]}.{tokens[three][2]}"
        belongs = tokens[one][0] == tokens[three][0] and tokens[two][1] == tokens[three][1]
        if not belongs and (one + two + three) % 7 == 0:
            yield token


def with_made_up_signatures(random: Random) -> Iterator[str]:
    for algorithm in SIGNED_BY:
        header, payload, signature = good(algorithm).split(".")
        length = len(signature) * 3 // 4
        fills = [bytes([value]) * length for value in (0, 1, 0x7F, 0x80, 0xFF)]
        fills += [
            b"\0",
            b"\0" * (length - 1) + b"\1",
            random.randbytes(length),
            random.randbytes(32),
            b"\0" * 1000,
        ]
        fills += [random.randbytes(random.randrange(1, 600)) for _ in range(40)]
        if algorithm.startswith("ES"):
            fills += [encode_dss_signature(1, 1), encode_dss_signature(2**255, 2**255)]
        yield from (f"{header}.{payload}.{base64url(fill)}" for fill in fills)
    for algorithm in ("EdDSA", "Ed25519"):  # the same signature with its scalar beyond the order (RFC 8032, 5.1.7)
        message = good(algorithm).rpartition(".")[0]
        raw = pair(algorithm).signature(message)
        scalar = int.from_bytes(raw[32:], "little") + ED25519_ORDER
        yield f"{message}.{base64url(raw[:32] + scalar.to_bytes(32, 'little'))}"
