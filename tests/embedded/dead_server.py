"""What is left when a database is gone: a port that hangs up, or one that says nothing."""

import asyncio


class DeadServer:
    """A real listening socket that hangs up on whoever connects (or says nothing), and counts them."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self.accepted = 0
        self.open = self.most_open = 0

    async def __aenter__(self) -> "DeadServer":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"postgresql://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/tasks"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        if self._silent:
            await reader.read()  # until the other side gives up
        writer.close()
        self.open -= 1
