"""Connections, kept and handed out: first come, first served.

A pool of our own for what happens when the database is away. Nobody connects unless a request waits, so that a
database at rest can sleep. One attempt at a time, four each second, so that a server that comes back meets one
client and not all of them, and is in use again within a second; a general pool backs off for minutes.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg

from taskward.database.driver.causes import cause_of
from taskward.database.driver.connection import Connection

RETRY_SECONDS = 0.25
SLOW_SECONDS = 0.75  # after this a second attempt is made beside the first
PATIENCE_SECONDS = 1.0  # how long requests wait for a server that is away, before they are told at once
OVERFLOW_SECONDS = 10.0  # how long a connection beyond the size stays without use
UNKNOWN_ROUND_TRIP = 1.0  # seconds; while it is not known, the database is taken for one that is far away
MAX_IDLE_SECONDS = 240.0  # Neon goes to sleep after 300 s and takes its connections with it

logger = logging.getLogger(__name__)


class PoolClosedError(Exception):
    """The service is stopping."""


class Pool:
    """Keeps up to `size` connections, and opens up to `max_overflow` more while they are needed."""

    def __init__(
        self, connect: Callable[[], Coroutine[Any, Any, Connection]], *, size: int, max_overflow: int
    ) -> None:
        """Take how to connect, and the sizes. Opens nothing yet."""
        self._connect = connect
        self._size = size
        self.limit = size + max_overflow
        self._taken: dict[Connection, float] = {}  # and since when
        self._idle: deque[tuple[Connection, float]] = deque()  # and since when, the longest first
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self._opening: asyncio.Task[None] | None = None
        self._attempts: set[asyncio.Task[None]] = set()
        self._tidying: asyncio.TimerHandle | None = None
        self._away_since: float | None = None
        self._last_failure = 0.0
        self.round_trip = UNKNOWN_ROUND_TRIP  # seconds that the shortest exchange has taken since one was lost
        self.closed = False

    @property
    def open(self) -> int:
        """How many connections there are, in use or not."""
        return len(self._taken) + len(self._idle)

    @property
    def in_use(self) -> int:
        """How many connections somebody has taken."""
        return len(self._taken)

    @property
    def idle(self) -> int:
        """How many connections rest."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """How many transactions and batches wait for a connection."""
        return sum(not waiter.done() for waiter in self._waiting)

    async def acquire(self) -> Connection:
        """Return a connection, to be given back; raise psycopg.OperationalError, PoolClosedError.

        Waits in line as long as the caller likes; cancelled, it leaves the line.
        """
        while not self.closed:
            connection = self._rested() or await self._wait_in_line()
            if connection.usable:
                return connection
            self.release(connection)  # lost in the moment between being handed over and being used
        raise PoolClosedError

    def release(self, connection: Connection) -> None:
        """Take a connection back, whatever became of it, and hand it to the next in line."""
        since = self._taken.pop(connection)
        if not connection.usable or self.closed:
            connection.close()
            self.round_trip = UNKNOWN_ROUND_TRIP  # the next server may be elsewhere
            # A lost connection is rarely alone. Those that have not answered since then may be lost as well, and
            # nobody need find out.
            self._close_idle(lambda idle_since: idle_since < since)
            self._open_if_needed()
        else:
            self.round_trip = min(self.round_trip, connection.round_trip)
            if not self._hand_over(connection):
                self._rest(connection)

    async def close(self) -> None:
        """Close every connection that is not in use, and the others when they come back."""
        self.closed = True
        running = [*self._attempts, *([self._opening] if self._opening else [])]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._fail_all(PoolClosedError)
        self._close_idle(lambda _: True)
        if self._tidying:
            self._tidying.cancel()

    def _rested(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.pop()
            if connection.usable:
                self._taken[connection] = time.monotonic()
                return connection
            connection.close()
        return None

    async def _wait_in_line(self) -> Connection:
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._open_if_needed()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release(waiter.result())  # came in the same moment
            raise

    def _hand_over(self, connection: Connection) -> bool:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                self._taken[connection] = time.monotonic()
                waiter.set_result(connection)
                return True
        return False

    def _rest(self, connection: Connection) -> None:
        self._idle.append((connection, time.monotonic()))
        if self._tidying is None:
            self._tidying = asyncio.get_running_loop().call_later(OVERFLOW_SECONDS, self._tidy)

    def _tidy(self) -> None:
        """Close what has rested for too long; come again as long as anything rests."""
        now = time.monotonic()
        overflow = self.in_use + len(self._idle) - self._size
        self._close_idle(lambda since: now - since >= MAX_IDLE_SECONDS)
        for connection, since in list(self._idle)[: max(0, overflow)]:
            if now - since >= OVERFLOW_SECONDS:
                self._idle.popleft()
                connection.close()
        again = asyncio.get_running_loop().call_later(OVERFLOW_SECONDS, self._tidy) if self._idle else None
        self._tidying = again

    def _close_idle(self, due: Callable[[float], bool]) -> None:
        while self._idle and due(self._idle[0][1]):
            self._idle.popleft()[0].close()

    def _open_if_needed(self) -> None:
        if self._is_short() and not (self._opening and not self._opening.done()):
            self._opening = asyncio.create_task(self._open())

    def _is_short(self) -> bool:
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        return bool(self._waiting) and not self.closed and self.in_use + len(self._idle) < self.limit

    async def _open(self) -> None:
        """Connect, one after the other, until nobody waits who could be helped by it.

        An attempt that gets no answer may never get one, though the server is back: so a second one is made. One
        such goes on, for a server so far away that it needs the time.
        """
        while self._is_short():
            attempt = asyncio.create_task(self._attempt())
            self._attempts.add(attempt)
            attempt.add_done_callback(self._attempt_ended)
            await asyncio.wait({attempt}, timeout=SLOW_SECONDS)
            if not attempt.done():
                if len(self._attempts) > 1:
                    attempt.cancel()
                self._record_failure(TimeoutError("the server does not answer"))
            elif error := attempt.exception():
                self._record_failure(error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _attempt(self) -> None:
        connection = await self._connect()
        if self._away_since is not None:
            logger.warning("the database is back")
            self._away_since = None
        if self.in_use + len(self._idle) >= self.limit:
            connection.close()  # a later attempt was faster
        elif not self._hand_over(connection):
            self._rest(connection)

    def _attempt_ended(self, attempt: asyncio.Task[None]) -> None:
        self._attempts.discard(attempt)
        if not attempt.cancelled():
            attempt.exception()  # recorded already, unless it took too long

    def _record_failure(self, error: BaseException) -> None:
        now = time.monotonic()
        if self._away_since is None or now - self._last_failure > PATIENCE_SECONDS:  # nobody has tried meanwhile
            self._away_since = now
            logger.warning("no connection to the database: %s", cause_of(error))
        self._last_failure = now
        # While others have connections there is something to wait for: the server may just not want more of them.
        if now - self._away_since >= PATIENCE_SECONDS and not self.in_use:
            self._fail_all(psycopg.OperationalError, error)

    def _fail_all(self, kind: type[Exception], cause: BaseException | None = None) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                failure = kind("no connection") if cause else kind()
                failure.__cause__ = cause
                waiter.set_exception(failure)
