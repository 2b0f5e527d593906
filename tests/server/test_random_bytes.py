"""Requests with random damage: an error of the contract or a good response, and never silence."""

import asyncio
import random
import re
import socket
import sys
from collections import Counter
from urllib.parse import urlsplit

import pytest

from tests.cli.command import workers_of
from tests.profiles import SOAK, by_profile
from tests.server.wire import CHUNKED, CLOSE, JSON, ask, request
from tests.service import Service

REQUESTS = by_profile(2000, 50_000)
WARM_UP = by_profile(1000, 5000)
AT_ONCE = 32
SEED = random.randrange(sys.maxsize) if SOAK else 1
MORE_MEMORY = 20 * 1024 * 1024

BODY = b'{"title": "Buy milk", "description": null, "completed": true}'
IF_MATCH = b'If-Match: "7", W/"8"\r\n'
VALID = [
    request("GET", "/tasks?status=all&sort=title&order=asc&limit=10", "alice"),
    request("GET", "/api/alice/tasks/1", "alice", b'If-None-Match: "7"\r\n'),
    request("POST", "/tasks", "alice", JSON + b"Idempotency-Key: a-key\r\n", BODY),
    request("POST", "/users/alice/tasks", "alice", JSON + CHUNKED) + b"3d\r\n" + BODY + b"\r\n0\r\n\r\n",
    request("PUT", "/tasks/1", "alice", JSON + IF_MATCH, BODY),
    request("PATCH", "/tasks/1/complete", "alice"),
    request("DELETE", "/tasks/2", "alice", IF_MATCH),
    request("GET", "/health"),
    request("HEAD", "/openapi.json"),
]
FULL_STOP = bytes(70_000)  # completes any body, and is no request: it ends the connection
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n(?=date: )")
ALLOWED = {200, 201, 204, 304, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422}
PIECES = [
    b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b";", b'"', b"{", b"[" * 50, b"}", b"../",
    b"%00", b"%ff", b"\xff", b"\xed\xa0\x80", b"\\u0000", b"\\ud800", b"1e999", b"-1", b"0", b"9" * 20,
    b"HTTP/1.1", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Connection: close\r\n",
    b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\nConnection: Upgrade\r\n", b"a" * 5000, b"X: " + b"b" * 40_000,
]  # fmt: skip


def damaged(chance: random.Random) -> bytes:
    """Return a valid request with one to four changes."""
    data = chance.choice(VALID)
    for _ in range(chance.randint(1, 4)):
        at, to = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        match chance.randrange(6):
            case 0:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
            case 1:
                data = data[:at] + chance.choice(PIECES) + data[at:]
            case 2:
                data = data[:at] + data[min(to, at + 20) :]
            case 3:
                data = data[:to] + data[at:to] + data[to:]
            case 4:
                data = data[: max(1, at)]
            case _:
                data = data + chance.choice(VALID)
    return data


@pytest.mark.soak
async def test_damaged_requests_are_answered_and_leave_nothing_behind(battered: Service) -> None:
    chance = random.Random(SEED)
    await _send_all(battered.url, [damaged(chance) for _ in range(WARM_UP)])
    (worker,) = workers_of(battered)
    before = worker.memory_info().rss
    seen = await _send_all(battered.url, [damaged(chance) for _ in range(REQUESTS)])
    grown = worker.memory_info().rss - before
    assert set(seen) <= ALLOWED
    assert {200, 201, 400, 401, 404} <= set(seen)  # the damage is neither too little nor too much
    assert grown <= MORE_MEMORY
    (response,) = ask(battered.url, request("GET", "/health/live", None, CLOSE))
    assert response.status == 200
    assert workers_of(battered) == [worker]
    print(  # noqa: T201
        f"\n{REQUESTS} damaged requests (seed {SEED}), answers by status: {dict(sorted(seen.items()))}."
        f" The worker grew by {grown / 2**20:.1f} MiB."
    )


async def _send_all(url: str, requests: list[bytes]) -> Counter[int]:
    """Send each on a connection of its own; return how often each status was answered."""
    seen: Counter[int] = Counter()
    waiting = iter(requests)

    async def sender() -> None:
        for data in waiting:
            seen.update(await _statuses(url, data))

    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    return seen


async def _statuses(url: str, data: bytes) -> list[int]:
    loop, address, response = asyncio.get_running_loop(), urlsplit(url), b""
    with socket.socket() as connection:
        connection.setblocking(False)
        try:
            async with asyncio.timeout(30):
                await loop.sock_connect(connection, (address.hostname, address.port))
                await loop.sock_sendall(connection, data + FULL_STOP)
                while received := await loop.sock_recv(connection, 65_536):
                    response += received
        except ConnectionError:
            pass  # the service did not read all of it
        except TimeoutError:
            raise AssertionError(f"no end of the connection after {data!r} (seed {SEED})") from None
    found = [int(status) for status in STATUS.findall(response)]
    assert found, f"no response to {data!r} (seed {SEED})"
    assert set(found) <= ALLOWED, f"{response!r} to {data!r} (seed {SEED})"
    assert response.count(b"x-request-id: ") == len(found)
    return found
