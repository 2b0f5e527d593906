"""Connections, kept and handed out: first come, first served.

A pool of our own for what happens when the database is away. Nobody connects unless a request waits, so that a
database at rest can sleep. One attempt at a time, four each second, so that a server that comes back meets one
client and not all of them, and is in use again within a quarter of a second; a general pool backs off for minutes.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

import psycopg

from taskward.database.connection import Connection

RETRY_SECONDS = 0.25
PATIENCE_SECONDS = 1.0  # how long requests wait for a server that is away, before they are told at once
OVERFLOW_SECONDS = 10.0  # how long a connection beyond the size stays without use
MAX_IDLE_SECONDS = 240.0  # Neon goes to sleep after 300 s and takes its connections with it

logger = logging.getLogger(__name__)


class PoolClosedError(Exception):
    """The service is stopping."""


class Pool:
    """Keeps up to `size` connections, and opens up to `max_overflow` more while they are needed."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, size: int, max_overflow: int) -> None:
        """Take how to connect, and the sizes. Opens nothing yet."""
        self._connect = connect
        self._size = size
        self.limit = size + max_overflow
        self._idle: deque[tuple[Connection, float]] = deque()
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self._opening: asyncio.Task[None] | None = None
        self._away_since: float | None = None
        self.in_use = 0
        self.closed = False

    @property
    def open(self) -> int:
        """How many connections there are, in use or not."""
        return self.in_use + len(self._idle)

    @property
    def waiting(self) -> int:
        """How many callers wait for a connection."""
        return sum(not waiter.done() for waiter in self._waiting)

    async def take(self) -> Connection:
        """Return a connection, to be given back; raise psycopg.OperationalError, PoolClosedError.

        Waits in line as long as the caller likes; cancelled, it leaves the line.
        """
        if self.closed:
            raise PoolClosedError
        while self._idle:
            connection, since = self._idle.pop()
            if connection.usable and time.monotonic() - since < MAX_IDLE_SECONDS:
                self.in_use += 1
                return connection
            connection.close()
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._open_if_needed()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.give_back(waiter.result())  # came in the same moment
            raise

    def give_back(self, connection: Connection) -> None:
        """Take a connection back, whatever became of it, and hand it to the next in line."""
        self.in_use -= 1
        if not connection.usable or self.closed:
            connection.close()
            self._open_if_needed()
        elif not self._hand_over(connection):
            now = time.monotonic()
            self._idle.append((connection, now))
            while len(self._idle) > self._size and now - self._idle[0][1] > OVERFLOW_SECONDS:
                self._idle.popleft()[0].close()  # the one used longest ago

    async def close(self) -> None:
        """Close every connection that is not in use, and the others when they come back."""
        self.closed = True
        if self._opening:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        self._fail_all(PoolClosedError)
        while self._idle:
            self._idle.pop()[0].close()

    def _hand_over(self, connection: Connection) -> bool:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                self.in_use += 1
                waiter.set_result(connection)
                return True
        return False

    def _open_if_needed(self) -> None:
        if self._is_short() and not (self._opening and not self._opening.done()):
            self._opening = asyncio.create_task(self._open())

    def _is_short(self) -> bool:
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        return bool(self._waiting) and not self.closed and self.in_use + len(self._idle) < self.limit

    async def _open(self) -> None:
        """Connect, one after the other, until nobody waits who could be helped by it."""
        while self._is_short():
            try:
                connection = await self._connect()
            except Exception as error:  # whatever it is, somebody waits and must be told
                await self._bear(error)
                continue
            if self._away_since is not None:
                logger.warning("the database is back")
                self._away_since = None
            if not self._hand_over(connection):
                self._idle.append((connection, time.monotonic()))

    async def _bear(self, error: Exception) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            logger.warning("no connection to the database: %s", " ".join(str(error).split()))
        if now - self._away_since >= PATIENCE_SECONDS:
            self._fail_all(psycopg.OperationalError, str(error))
        await asyncio.sleep(RETRY_SECONDS)

    def _fail_all(self, kind: type[Exception], *words: str) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(kind(*words))
