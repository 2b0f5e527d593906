"""Something between the service and PostgreSQL that can fail in every way a network can."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

# PostgreSQL manual, "Message Formats": ReadyForQuery, outside of a transaction. It follows the commit.
COMMITTED = b"Z\x00\x00\x00\x05I"
FIRST_QUESTION = b"pg_backend_pid"


class Proxy:
    """Listens on loopback and passes on to a Unix socket, until told otherwise."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._connections: set[_Connection] = set()
        self.port = 0
        self.swallowing = False
        self.responses_to_drop = 0
        self.dropped = 0

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.refuse()

    async def open(self) -> None:
        """Take connections, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Close the port and hang up on everybody."""
        self._server.close()
        self.hang_up()
        async with asyncio.timeout(10):
            while self._connections:  # noqa: ASYNC110
                await asyncio.sleep(0)

    def hang_up(self) -> None:
        """End every connection."""
        for connection in self._connections:
            connection.end()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._server.is_serving():  # it came in the moment in which the port was closed
            writer.transport.abort()
            return
        connection = _Connection(self, writer)
        self._connections.add(connection)
        try:
            await connection.pass_on(reader, self._upstream)
        finally:
            connection.end()
            self._connections.discard(connection)


class _Connection:
    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._ends = [client]
        self._ready = False  # the service has been let in
        self._asked = False  # since the proxy was told to drop a response

    async def pass_on(self, client: asyncio.StreamReader, upstream: str) -> None:
        try:
            server, to_server = await asyncio.open_unix_connection(upstream)
        except OSError:
            return
        self._ends.append(to_server)
        there = asyncio.create_task(self._pump(client, to_server, self._question))
        back = asyncio.create_task(self._pump(server, self._ends[0], self._answer))
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        self.end()
        await asyncio.gather(there, back, return_exceptions=True)

    def end(self) -> None:
        for writer in self._ends:
            if writer.transport:
                writer.transport.abort()

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, see: Callable[[bytes], bool]
    ) -> None:
        lost = False
        while data := await source.read(65536):
            lost = lost or self._proxy.swallowing  # for good: half of a conversation makes no sense
            if lost:
                continue
            if not see(data):
                return
            target.write(data)
            await target.drain()

    def _question(self, data: bytes) -> bool:
        its_first = FIRST_QUESTION in data  # which belongs to connecting
        self._asked = self._ready and not its_first and self._proxy.responses_to_drop > 0
        return True

    def _answer(self, data: bytes) -> bool:
        """Tell whether to pass it on; when not, hang up. Nothing of a response is passed on before its commit."""
        if not self._asked or self._proxy.responses_to_drop == 0:
            self._ready = self._ready or data.endswith(COMMITTED)
            return True
        assert data.endswith(COMMITTED), "answers of these tests fit into one packet"
        self._proxy.responses_to_drop -= 1
        self._proxy.dropped += 1
        return False
