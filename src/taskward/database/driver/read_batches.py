"""Reads that are due at the same moment travel in one packet.

Each remains a transaction of its own, with its own identity, its own error and its own moment of being answered.
What they share is what costs most: the system calls and the wake-ups on both sides. And where every connection is
busy, those who wait leave together with the next one that is free, so that a database far away serves many reads
in one round trip, and not one.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from contextvars import Context
from typing import Any

from taskward.database.driver.connection import Connection
from taskward.database.driver.deadlines import Deadlines
from taskward.database.driver.exchange import Command, PendingTransaction
from taskward.database.driver.pool import Pool, PoolClosedError
from taskward.database.driver.results import Row

MOST = 32  # reads in one packet, which the server answers one after the other
DELAYED = 0.25  # of the time it has: after this a read does not wait for those before it any longer


class ReadBatches:
    """Collects reads and sends them. Only for what may be sent twice, or not at all, without harm."""

    def __init__(self, pool: Pool, *, timeout: float) -> None:
        """Take where connections come from, and how many seconds a read may take."""
        self._pool = pool
        self._timeout = timeout
        self._most = MOST
        self._waiting: deque[tuple[PendingTransaction, float]] = deque()  # and when its time is up
        self._in_line = 0  # batches in the pool's line; together they have room for all who wait
        self._running: set[asyncio.Task[None]] = set()
        self._deadlines = Deadlines()

    @property
    def waiting(self) -> int:
        """How many reads wait for a connection, beyond those that the pool's line counts for them."""
        return max(0, len(self._waiting) - self._in_line)

    async def run(self, commands: Sequence[Command], deadline: float) -> list[Sequence[Row]]:
        """Return the rows of each command; raise what `Pool.acquire` and `Connection.exchange` raise.

        Raises TimeoutError where they are not there when the loop's clock says `deadline`.
        """
        transaction = PendingTransaction(commands)
        try:
            self._deadlines.add(transaction, deadline)
            self._waiting.append((transaction, deadline))
            self._line_up()
            return await transaction.outcome()
        finally:
            self._deadlines.remove(transaction)

    async def close(self) -> None:
        """End what waits and what is under way."""
        while self._waiting:
            self._waiting.popleft()[0].settle(PoolClosedError())
        self._deadlines.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _line_up(self) -> None:
        """Have a batch in the pool's line for everybody, so that the line is kept: first come, first served."""
        while self._in_line * self._most < len(self._waiting):
            self._in_line += 1
            self._start(self._run_batch())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, context=Context())  # one of its own: it belongs to no request
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run_batch(self) -> None:
        try:
            connection = await self._pool.acquire()
        except Exception as error:
            for transaction, _ in self._dequeue():
                transaction.settle(error)
            return
        finally:
            self._in_line -= 1
        try:
            self._most = MOST if connection.unpooled else 1
            batch = self._dequeue()
            self._line_up()  # fewer were dequeued than there was a place for
            if batch:
                await self._send(
                    connection, [transaction for transaction, _ in batch], max(deadline for _, deadline in batch)
                )
        finally:
            self._pool.release(connection)

    def _dequeue(self) -> list[tuple[PendingTransaction, float]]:
        dequeued: list[tuple[PendingTransaction, float]] = []
        while self._waiting and len(dequeued) < self._most:
            transaction, deadline = self._waiting.popleft()
            if not transaction.answer.done():  # given up
                dequeued.append((transaction, deadline))
        return dequeued

    async def _send(
        self, connection: Connection, transactions: Sequence[PendingTransaction], deadline: float
    ) -> None:
        hedging = asyncio.get_running_loop().call_later(
            self._timeout * DELAYED, self._hedge, transactions, deadline
        )
        try:
            async with asyncio.timeout_at(deadline):  # then nobody waits any more
                await connection.exchange_all(transactions)
        except Exception as error:
            for transaction in transactions:
                transaction.settle(error)
        except asyncio.CancelledError:
            for transaction in transactions:
                transaction.settle(PoolClosedError())
            raise
        finally:
            hedging.cancel()

    def _hedge(self, transactions: Sequence[PendingTransaction], deadline: float) -> None:
        """Send alone what waits behind a read that takes long; whichever answer comes first is taken."""
        for transaction in [transaction for transaction in transactions if not transaction.answer.done()][1:]:
            self._start(self._run_alone(transaction, deadline))

    async def _run_alone(self, transaction: PendingTransaction, deadline: float) -> None:
        try:
            connection = await self._pool.acquire()
        except Exception:
            return  # the packet may still be answered
        try:
            if not transaction.answer.done():
                again = PendingTransaction(transaction.commands)
                async with asyncio.timeout_at(deadline):
                    await connection.exchange_all([again])
                if isinstance(again.answer.result(), list):  # else the packet may still do better
                    transaction.settle(again.answer.result())
        except TimeoutError:
            return
        finally:
            self._pool.release(connection)
