"""A proxy between the service and PostgreSQL that counts how often the service waits for an answer."""

import asyncio
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

SOCKET = ".s.PGSQL.5432"


class CountingProxy:
    """Listens in a folder of its own and passes everything on to the server that listens in `target`."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._folder = tempfile.TemporaryDirectory(prefix="taskward-wire-")
        self.folder = self._folder.name
        self.round_trips = 0
        self._open: set[asyncio.Task[None]] = set()

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

        async def requests() -> None:
            nonlocal answered
            while data := await client.read(65536):
                self.round_trips += answered  # whatever follows before the next answer is the same trip
                answered = False
                to_server.write(data)
            to_server.write_eof()

        async def responses() -> None:
            nonlocal answered
            while data := await server.read(65536):
                answered = True
                to_client.write(data)

        try:
            await asyncio.gather(requests(), responses())
        finally:
            for writer in (to_client, to_server):
                writer.close()
                await writer.wait_closed()
