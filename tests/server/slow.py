"""Clients that keep a connection for themselves by being slow, each in its own way.

`python -m tests.server.slow URL NUMBER` is so many of them in a process of their own, so that they slow
nobody down who is measured. It prints after how many seconds the last one was closed.
"""

import asyncio
import socket
import sys
import time
from urllib.parse import urlsplit

from tests.server.wire import JSON, request

HEAD = b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: "
BODY = request("POST", "/tasks", "alice", JSON + b"Content-Length: 60000\r\n")
UNREAD = request("GET", "/tasks", "alice") + request("GET", "/docs/assets/swagger-ui-bundle.js") * 20


async def say_nothing(url: str) -> None:
    reader, writer = await _connect(url)
    await _until_closed(reader, writer, b"", 60)


async def say_only_line_ends(url: str) -> None:
    reader, writer = await _connect(url)
    await _until_closed(reader, writer, b"\r\n", 0.1)


async def drip_a_head(url: str) -> None:
    reader, writer = await _connect(url)
    writer.write(HEAD)
    await _until_closed(reader, writer, b"a", 0.1)


async def drip_a_body(url: str) -> None:
    reader, writer = await _connect(url)
    writer.write(BODY)
    await _until_closed(reader, writer, b" ", 0.1)


async def read_nothing(url: str) -> None:
    """Ask for more than the buffers of two kernels hold, and take none of it until the connection is reset."""
    connection = await _socket(url)
    await asyncio.get_running_loop().sock_sendall(connection, UNREAD)
    with connection:
        while not connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # no event tells somebody who does not read


WAYS = [say_nothing, say_only_line_ends, drip_a_head, drip_a_body, read_nothing]


async def all_of_them(url: str, number: int) -> None:
    await asyncio.gather(*(WAYS[each % len(WAYS)](url) for each in range(number)))


async def _socket(url: str) -> socket.socket:
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    address = urlsplit(url)
    await asyncio.get_running_loop().sock_connect(connection, (address.hostname, address.port))
    return connection


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(sock=await _socket(url))


async def _until_closed(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drop: bytes, seconds: float
) -> None:
    closed = asyncio.ensure_future(reader.read(1))
    try:
        while not closed.done():
            writer.write(drop)
            await asyncio.wait([closed], timeout=seconds)
        assert await closed == b""  # and no response
    except ConnectionError:
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    begun = time.monotonic()
    asyncio.run(all_of_them(sys.argv[1], int(sys.argv[2])))
    print(time.monotonic() - begun)  # noqa: T201
