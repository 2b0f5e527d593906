"""A client with a socket of its own: fast, and able to hang up at any moment."""

import asyncio
import json
from typing import Any, NamedTuple

from taskward.auth.issue import issue_token
from tests.conftest import SECRET


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


class Client:
    """One user on one connection, which is opened when needed and again when lost."""

    def __init__(self, url: str, user_id: str) -> None:
        self.user_id = user_id
        host, _, port = url.removeprefix("http://").partition(":")
        self._address = (host, int(port))
        self._token = issue_token(user_id, SECRET.encode(), "HS256", 3600)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> None:
        """Send a request. Header names are given with underscores."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: taskward.test", f"Authorization: Bearer {self._token}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"] if content else []
        self._streams[1].write("\r\n".join([*lines, "", ""]).encode() + content)

    async def request(self, method: str, path: str, body: Any = None, **headers: str) -> Response | None:
        """Send a request and return its response, or None when the connection was lost before it came."""
        try:
            async with asyncio.timeout(30):
                await self.send(method, path, body, **headers)
                return await self._answer()
        except (OSError, asyncio.IncompleteReadError):
            self.hang_up()
            return None

    def hang_up(self) -> None:
        """Close the connection without a word."""
        if self._streams:
            self._streams[1].transport.abort()
            self._streams = None

    async def _answer(self) -> Response:
        assert self._streams is not None
        head = (await self._streams[0].readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        content = await self._streams[0].readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.hang_up()
        return Response(int(head[0].split()[1]), headers, json.loads(content) if content else None)
