"""Whatever a server answers that is no set of keys: refused, within 5 seconds, and known keys stay known."""

import asyncio
import gzip
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from taskward.auth import keys as module
from taskward.auth.keys import FETCH_SECONDS, MAX_BYTES, MIN_PAUSE_SECONDS, ProviderKeys
from taskward.errors import KeysUnavailableError, TokenInvalidError
from tests.auth.provider import Clock, KeyServer, Pair
from tests.auth.test_weak_rsa import ROCA
from tests.auth.tokens import base64url


@pytest.fixture(params=["no keys yet", "keys known"])
async def known(request: pytest.FixtureRequest, provider: ProviderKeys, pair: Pair, clock: Clock) -> bool:
    """Whether the keys were fetched before."""
    if request.param == "keys known":
        await provider.find(pair.algorithm, pair.kid)
        clock.now += MIN_PAUSE_SECONDS
    return bool(request.param == "keys known")


async def fails(provider: ProviderKeys, pair: Pair, *, known: bool) -> str:
    """Fetch, which must fail; return the reason."""
    await provider.refresh()
    assert provider.problem is not None
    if known:
        assert (await provider.find(pair.algorithm, pair.kid)).kid == pair.kid
    else:
        with pytest.raises(KeysUnavailableError):
            await provider.find(pair.algorithm, pair.kid)
    return provider.problem


def padded(pair: Pair, length: int) -> bytes:
    """Return a good set of keys of this many bytes."""
    document = json.dumps({"keys": [pair.jwk()], "padding": ""})
    return document.replace('"padding": ""', f'"padding": "{"x" * (length - len(document))}"').encode()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, known: bool, status: int
) -> None:
    with KeyServer(pair) as elsewhere:
        key_server.response_bytes(b"", status, Location=elsewhere.url)
        assert "redirects are not followed" in await fails(provider, pair, known=known)
        assert elsewhere.requests == 0


@pytest.mark.parametrize("status", [201, 204, 400, 401, 404, 429, 500, 503])
async def test_a_response_other_than_200_is_refused_whatever_its_body(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, known: bool, status: int
) -> None:
    key_server.response_json({"keys": [pair.jwk()]} if status != 204 else "", status)
    assert str(status) in await fails(provider, pair, known=known)


async def test_64_kib_are_read(provider: ProviderKeys, key_server: KeyServer, pair: Pair) -> None:
    assert MAX_BYTES == 65_536
    key_server.response_bytes(padded(pair, 65_536))
    assert (await provider.find(pair.algorithm, pair.kid)).kid == pair.kid


async def test_65_537_bytes_are_refused(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, known: bool
) -> None:
    key_server.response_bytes(padded(pair, 65_537))
    assert "longer than 65536" in await fails(provider, pair, known=known)


async def test_an_endless_response_is_not_read_to_its_end(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, known: bool
) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 65_536

    key_server.response = lambda: (200, {}, endless())
    assert "longer than 65536" in await fails(provider, pair, known=known)


async def test_a_compressed_answer_counts_as_long_as_it_really_is(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, known: bool, clock: Clock
) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 65_536
    key_server.response_bytes(bomb, Content_Encoding="gzip")
    assert "longer than 65536" in await fails(provider, pair, known=known)
    key_server.response_bytes(b"no gzip", Content_Encoding="gzip")
    clock.now += MIN_PAUSE_SECONDS
    await fails(provider, pair, known=known)


async def test_a_slow_response_is_given_up_as_a_whole(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FETCH_SECONDS == 5
    monkeypatch.setattr(module, "FETCH_SECONDS", 0.3)
    over = threading.Event()

    def drop_by_drop() -> Iterator[bytes]:
        for byte in padded(pair, 60_000):
            if over.wait(0.02):  # no single read takes long
                return
            yield bytes([byte])

    key_server.response = lambda: (200, {}, drop_by_drop())
    async with asyncio.timeout(4):
        assert await fails(provider, pair, known=known) == "TimeoutError"
    over.set()


async def test_a_server_that_never_answers_is_given_up(
    clock: Clock, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FETCH_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        provider = ProviderKeys(f"http://127.0.0.1:{silent.getsockname()[1]}/", clock)
        async with asyncio.timeout(4):
            await fails(provider, pair, known=False)
        await provider.close()


async def test_a_server_that_is_away_is_told_as_such(clock: Clock, pair: Pair) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        provider = ProviderKeys(f"http://127.0.0.1:{nobody_listens.getsockname()[1]}/", clock)
        assert "connection" in (await fails(provider, pair, known=False)).lower()
        await provider.close()


GARBAGE: dict[str, bytes] = {
    "nothing": b"", "text": b"hello", "a page": b"<!doctype html><title>x</title>", "binary": bytes(range(256)),
    "a list": b"[]", "another object": b'{"error":"not found"}', "keys that are no list": b'{"keys":{"a":1}}',
    "repeated names": b'{"keys":[],"keys":[]}', "deep": b'{"keys":' + b"[" * 30_000, "cut short": b'{"keys":[{"k',
}  # fmt: skip


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_is_refused(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, known: bool, name: str
) -> None:
    key_server.response_bytes(GARBAGE[name])
    assert await fails(provider, pair, known=known)


@pytest.mark.parametrize(
    "wire", [b"", b"\0\0\0", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"SSH-2.0-x\r\n"]
)
async def test_a_server_that_speaks_no_http_is_refused(clock: Clock, pair: Pair, wire: bytes) -> None:
    async def response(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(wire)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(response, "127.0.0.1", 0)
    provider = ProviderKeys(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", clock)
    async with server:
        assert await fails(provider, pair, known=False)
    await provider.close()


USELESS: dict[str, Callable[[], Any]] = {
    "a private key": lambda: Pair("EdDSA").private_jwk() | {"alg": "EdDSA"},
    "a private RSA key": lambda: Pair("RS256").private_jwk(),
    "a symmetric key": lambda: {"kty": "oct", "k": "c2VjcmV0" * 8, "alg": "HS256", "kid": "key-EdDSA"},
    "a symmetric key without an algorithm": lambda: {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "key-EdDSA"},
    "a weak RSA key": lambda: Pair("RS256", bits=1024).jwk(kid="key-EdDSA"),
    "an RSA key of ROCA": lambda: Pair("RS256").jwk(kid="key-EdDSA", n=base64url(ROCA.to_bytes(256))),
    "a key to encrypt with": lambda: Pair("EdDSA").jwk(use="enc"),
}


async def test_of_33_keys_the_first_32_serve_and_the_last_does_not(
    provider: ProviderKeys, key_server: KeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    pairs = [Pair("EdDSA", str(number)) for number in range(33)]
    key_server.publish(*pairs)
    with caplog.at_level(logging.INFO):
        assert (await provider.find("EdDSA", "31")).kid == "31"
    with pytest.raises(TokenInvalidError):
        await provider.find("EdDSA", "32")
    assert "32 keys from" in caplog.text
    assert "key 33 and those after it are not used" in caplog.text


@pytest.mark.parametrize("name", USELESS)
async def test_a_useless_key_is_passed_over_and_its_neighbour_is_used(
    provider: ProviderKeys, key_server: KeyServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    jwk, good = USELESS[name](), Pair("ES256", "good")
    key_server.response_json({"keys": [jwk, good.jwk()]})
    with caplog.at_level(logging.INFO):
        assert (await provider.find("ES256", "good")).kid == "good"
    assert [key.kid for key in provider.trusted] == ["good"]
    assert "key 1 is not used" in caplog.text
    for member in {"d", "k", "p"} & jwk.keys():
        assert jwk[member] not in caplog.text


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json", "application/jwk-set+json", "image/png"]
)
async def test_the_media_type_is_not_asked_for(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, content_type: str
) -> None:
    key_server.response_bytes(json.dumps({"keys": [pair.jwk()]}).encode(), Content_Type=content_type)
    assert (await provider.find(pair.algorithm, pair.kid)).kid == pair.kid


async def test_plain_http_does_not_leave_the_machine_by_a_proxy(
    key_server: KeyServer, pair: Pair, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with KeyServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        provider = ProviderKeys(key_server.url, clock)
        assert (await provider.find(pair.algorithm, pair.kid)).kid == pair.kid
        assert proxy.requests == 0
        await provider.close()
