"""Reads that are due at the same moment travel in one packet.

Each remains a transaction of its own, with its own identity and its own error. What they share is what costs most:
the system calls and the wake-ups on both sides. And where every connection is busy, those who wait leave together
with the next one that is free, so that a database far away serves many reads in one round trip, and not one.
"""

import asyncio
from collections import deque
from contextvars import Context

from taskward.database.connection import Outcome, Row, Unit
from taskward.database.pool import Pool

MOST = 32  # reads in one packet: what comes last in it waits for the others


class ReadBatches:
    """Collects reads and sends them. Only for what may be sent twice, or not at all, without harm."""

    def __init__(self, pool: Pool, *, timeout: float) -> None:
        """Take where connections come from, and how many seconds a packet may take."""
        self._pool = pool
        self._timeout = timeout
        self._waiting: deque[tuple[Unit, asyncio.Future[Outcome]]] = deque()
        self._departing = False
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, unit: Unit) -> list[list[Row]]:
        """Return the rows of each command; raise what `Pool.take` and `Connection.exchange` raise."""
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, answer))
        self._depart()
        outcome = await answer
        if isinstance(outcome, Exception):
            raise outcome.with_traceback(None)  # it may be raised for many, and would keep the frames of all
        return outcome

    async def close(self) -> None:
        """Wait for those that are under way; the pool is closed by now, and no other can leave."""
        await asyncio.gather(*self._running)

    def _depart(self) -> None:
        if not self._departing:
            self._departing = True
            # In a context of its own: it belongs to no request.
            batch = asyncio.create_task(self._run_batch(), context=Context())
            self._running.add(batch)
            batch.add_done_callback(self._running.discard)

    async def _run_batch(self) -> None:
        try:
            connection = await self._pool.take()
        except Exception as error:
            for _, answer in self._board(len(self._waiting)):
                answer.set_result(error)
            return
        finally:
            self._departing = False
        batch = self._board(MOST)
        if self._waiting:
            self._depart()
        outcomes: list[Outcome]
        try:
            async with asyncio.timeout(self._timeout):
                outcomes = await connection.exchange_all([unit for unit, _ in batch])
        except Exception as error:
            outcomes = [error] * len(batch)
        finally:
            self._pool.give_back(connection)
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            if not answer.done():
                answer.set_result(outcome)

    def _board(self, most: int) -> list[tuple[Unit, asyncio.Future[Outcome]]]:
        boarded: list[tuple[Unit, asyncio.Future[Outcome]]] = []
        while self._waiting and len(boarded) < most:
            passenger = self._waiting.popleft()
            if not passenger[1].done():  # given up
                boarded.append(passenger)
        return boarded
