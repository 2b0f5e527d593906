"""A proxy between the service and PostgreSQL that counts how often the service waits, and for what."""

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit

SOCKET = ".s.PGSQL.5432"
SYNC = b"S\0\0\0\4"
READY = b"Z\0\0\0\5"
BACKEND_KEY = b"K\0\0\0\x0c"


class CountingProxy:
    """Listens in a folder of its own and passes everything on to the server that listens in `target`."""

    def __init__(self, target: str, *, name: str = "", hides_server: bool = False) -> None:
        """Take where the server is, what the own folder's name has in it, and whether to act as a pooler does."""
        self._target = target
        self._folder = tempfile.TemporaryDirectory(prefix=f"taskward-wire-{name}")
        self._hides_server = hides_server
        self.folder = self._folder.name
        self.round_trips = 0
        self.most_under_way = 0  # transactions of one connection that were sent and had not ended
        self.mixes_up = False  # answers then go to somebody else, as a pooler's do that has lost count
        self.loses = b""  # a packet that contains this never arrives
        self._clients: list[asyncio.StreamWriter] = []
        self._open: set[asyncio.Task[None]] = set()

    @classmethod
    def before(cls, database_url: str) -> Self:
        """Return a proxy in front of the server of this address."""
        return cls(parse_qs(urlsplit(database_url).query)["host"][0])

    def behind(self, database_url: str) -> str:
        """Return the address of the same database, by way of this proxy."""
        return database_url.split("?")[0] + f"?host={quote(self.folder, safe='')}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, Path(self.folder) / SOCKET)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        async with asyncio.timeout(10):
            await asyncio.gather(*self._open)  # they end when the service has closed its pool
        self._folder.cleanup()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._open.add(connection)
        connection.add_done_callback(self._open.discard)
        server, to_server = await asyncio.open_unix_connection(Path(self._target) / SOCKET)
        answered = True
        under_way = 0
        self._clients.append(to_client)

        async def requests() -> None:
            nonlocal answered, under_way
            while data := await client.read(65536):
                self.round_trips += answered  # whatever follows before the next response is the same trip
                answered = False
                under_way += data.count(SYNC)
                self.most_under_way = max(self.most_under_way, under_way)
                if not self.loses or self.loses not in data:
                    to_server.write(data)
            to_server.write_eof()

        async def responses() -> None:
            nonlocal answered, under_way
            while data := await server.read(65536):
                answered = True
                under_way = max(0, under_way - data.count(READY))  # logging in ends with one as well
                if self._hides_server and BACKEND_KEY in data:
                    before, _, after = data.partition(BACKEND_KEY)
                    data = before + BACKEND_KEY + b"\0\0\0\1" + after[4:]
                others = [client for client in self._clients if client is not to_client]
                (others[0] if self.mixes_up and others else to_client).write(data)

        try:
            await asyncio.gather(requests(), responses())
        finally:
            for writer in (to_client, to_server):
                writer.close()
                with suppress(OSError):  # the other end may have closed first
                    await writer.wait_closed()
