"""Taking connections: many at a time, and no more than this worker's share.

uvloop takes one connection in each round of its loop. With hundreds of busy connections such a round takes a tenth
of a second, and of a thousand new clients the last ones waited for seconds: their p99 was 2.4 to 4.6 s where it is
0.5 s now, and each of 1,000 connections gets 37 to 56 answers where it got 0 to 89 (docs/performance.md). Here a
round takes as many as it has time for, and a worker that has more than another lets that one go first. It costs
5 us for each connection.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from taskward.server.shares import Shares

AT_ONCE = 16  # connections taken in a round at least: about 1 ms of it
PER_SECOND = 2000  # taken in a round that lasted for long: a seventh of its time, so that old ones go on
MOST_AT_ONCE = 128
SLACK = 4  # by how many a worker may have more than the one that has fewest
PAUSE = 0.005  # seconds for which others go first; then whoever still waits is taken here
RETRY = 1  # seconds, where the system has no file or memory left for a connection
NOTHING_LEFT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

logger = logging.getLogger(__name__)


class SharingLoop(uvloop.Loop):
    """The event loop of a worker."""

    def __init__(self, shares: Shares) -> None:
        """Take where the workers tell each other how many connections they have."""
        super().__init__()
        self._shares = shares

    async def create_server(  # type: ignore[override]  # what uvicorn gives, for a socket that listens
        self, protocol_factory: Callable[[], HttpToolsProtocol], *, sock: socket.socket, **_: object
    ) -> "Acceptor":
        """Serve who connects to a socket; nothing else is wanted of this loop."""
        return Acceptor(self, protocol_factory, sock, self._shares)


class Acceptor:
    """Takes the connections of a listening socket from now on; what uvicorn asks of an `asyncio.Server`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, protocol: Callable[[], HttpToolsProtocol],
        listener: socket.socket, shares: Shares,
    ) -> None:  # fmt: skip
        """Begin."""
        self._loop = loop
        self._protocol = protocol
        self._listener = listener
        self._shares = shares
        self._beginning: set[asyncio.Task[None]] = set()
        self._paused: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._last = loop.time()
        listener.setblocking(False)
        shares.tell(0)
        loop.add_reader(listener, self._take_or_wait)

    def close(self) -> None:
        """Take no more."""
        self._is_closed = True
        self._shares.leave()
        if self._paused:
            self._paused.cancel()
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Do nothing: uvicorn waits for the connections itself."""

    def _take_or_wait(self) -> None:
        if self._shares.excess() > SLACK:
            self._pause(PAUSE)
        else:
            self._take()

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._paused = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._paused = None
        self._loop.add_reader(self._listener, self._take_or_wait)
        self._take()

    def _take(self) -> None:
        last, self._last = self._last, self._loop.time()
        for _ in range(max(AT_ONCE, min(MOST_AT_ONCE, int(PER_SECOND * (self._last - last))))):
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in NOTHING_LEFT:
                    continue  # of this connection alone, which is gone (accept(2), "Error handling")
                logger.error("no connection can be taken: %s", error.strerror)
                self._pause(RETRY)
                return
            task = self._loop.create_task(self._begin(connection))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    async def _begin(self, connection: socket.socket) -> None:
        try:
            _, protocol = await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # the client has gone already
            connection.close()
            return
        # Uvicorn has told those that had begun, and waits for this one too.
        if self._is_closed:
            protocol.shutdown()
