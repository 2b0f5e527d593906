"""Clients that ask on connections they keep, as fast as they are answered, and count what goes wrong."""

import asyncio
import json
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.server.wire import JSON, request

REQUESTS = [
    request("POST", "/tasks", "alice", JSON, b'{"title":"Buy milk"}'),
    request("GET", "/tasks?limit=5", "alice"),
    request("GET", "/health/ready"),
    request("POST", "/tasks", "alice", JSON, b'{"title":"Buy bread"}'),
]


@dataclass
class Load:
    """What the clients saw. `stop` asks them to end, else they go on until the service takes no connection."""

    url: str
    responses: int = 0
    created: set[int] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    refused: int = 0
    stop: bool = False

    async def client(self) -> None:
        """Ask until told to stop or refused."""
        while not self.stop:
            try:
                reader, writer = await asyncio.open_connection(*urlsplit(self.url).netloc.split(":"))
            except ConnectionError:
                self.refused += 1
                return
            try:
                if not await self._ask_until_closed(reader, writer):
                    return
            finally:
                writer.close()

    async def _ask_until_closed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Return whether to connect again: the service said of its last response that it was the last."""
        number = 0
        while not self.stop:
            sent = REQUESTS[number % len(REQUESTS)]
            try:
                writer.write(sent)
                head = await reader.readuntil(b"\r\n\r\n")
                closing = await self._rest(sent, head, reader)
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                partial = getattr(error, "partial", b"")
                if number == 0 and not partial:  # it was never accepted
                    self.refused += 1
                else:
                    self.failures.append(f"request {number} of a connection: {error!r}")
                return False
            if closing:
                return True
            number += 1
        return False

    async def _rest(self, sent: bytes, head: bytes, reader: asyncio.StreamReader) -> bool:
        lines = head.decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        status = int(lines[0].split()[1])
        self.responses += 1
        self.statuses.add(status)
        if sent.startswith(b"POST"):
            self.created.add(body["id"])
        elif status != 200 and body != {"status": "not ready"}:
            self.failures.append(f"{status}: {body}")
        return headers.get("connection") == "close"
