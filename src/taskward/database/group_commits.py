"""Writes of the same moment are committed together, as one transaction ("group commit").

The better half of what a write costs PostgreSQL is its end: to wait for the disk, and to be woken with cold
caches. PostgreSQL has the commits of several sessions share what is written to the disk, but not the waiting and
the waking. The writes of one transaction share all of it. Decision 33 tells what keeps each of them as good as
alone.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from taskward.database.background import Background
from taskward.database.driver.connection import Connection
from taskward.database.driver.exchange import Command, PendingTransaction, failed_at
from taskward.database.driver.pool import Pool
from taskward.database.driver.results import Row

MOST = 16  # writes in a group, of which the first waits for the last
PATIENCE_SECONDS = 0.005  # for how long a group holds up the next one, with which leaves who comes meanwhile
ALONE_SECONDS = 10.0  # for how long a user has no company after a write of theirs that undid a group
MOST_ALONE = 1000  # users; beyond that, all of them are forgotten

T = TypeVar("T")
Exchange = Callable[[Connection, Sequence[Command]], Awaitable[list[Sequence[Row]]]]
Write = tuple[str, PendingTransaction]  # with the owner


class RolledBackError(Exception):
    """Nothing of a write has happened, and it is to be sent alone."""


class GroupCommits:
    """Collects writes and commits them. Only for those that lock their owner's row first, and are soon done."""

    def __init__(
        self,
        pool: Pool,
        exchange: Exchange,
        together: Callable[[Sequence[Command]], Sequence[Command]],
        background: Background,
        timeout: float,
    ) -> None:
        """Take where connections come from, what runs a transaction on one, and what it becomes among others.

        `timeout` is how many seconds a group may take.
        """
        self._pool = pool
        self._exchange = exchange
        self._together = together
        self._background = background
        self._timeout = timeout
        self._waiting: deque[Write] = deque()
        self._in_line = 0  # groups that wait for a connection, and take along who has come by then
        self._under_way: object | None = None  # a group, and young enough to be waited for
        self._calm = True  # the last one had no company
        self._alone: dict[str, float] = {}  # users, and until when

    @property
    def waiting(self) -> int:
        """How many writes wait, beyond those that the pool's line counts for them."""
        return max(0, len(self._waiting) - self._in_line)

    async def run(self, owner: str, commands: Sequence[Command]) -> list[Sequence[Row]]:
        """Return the result of each command once they are committed.

        Raises RolledBackError, and what `Pool.acquire` and the exchange raise.
        """
        if self._goes_alone(owner):
            raise RolledBackError
        if self._calm and self._under_way is None and not self._waiting:
            return await self._hold_up(self._new_group(), partial(self._run_one, commands))
        write = PendingTransaction(commands)
        self._waiting.append((owner, write))
        self._begin()
        return await write.outcome()

    def _begin(self) -> None:
        """Begin a group, unless one is under way, or there is room in those that are in line."""
        if self._under_way is None and len(self._waiting) > MOST * self._in_line:
            self._in_line += 1
            self._background.begin(self._hold_up(self._new_group(), self._commit), "group commit")

    def _new_group(self) -> object:
        self._under_way = object()
        return self._under_way

    async def _hold_up(self, group: object, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work of a group, and have the next one wait for it, for a moment."""
        patience = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._go_on, group)
        try:
            return await work()
        finally:
            patience.cancel()
            self._go_on(group)

    def _go_on(self, group: object) -> None:
        if self._under_way is group:
            self._under_way = None
        self._begin()

    async def _run_one(self, commands: Sequence[Command]) -> list[Sequence[Row]]:
        """Run a transaction without more ado, as long as there is no crowd: one client is not to pay for it."""
        connection = await self._pool.acquire()
        try:
            return await self._exchange(connection, commands)
        finally:
            self._pool.release(connection)

    async def _commit(self) -> None:
        try:
            connection = await self._pool.acquire()
        except Exception as error:
            for _, write in self._waiting:  # all of them: in the pool's line, each would have been told
                write.settle(error)
            self._waiting.clear()
            return
        finally:
            self._in_line -= 1
        try:
            group = self._dequeue()
            self._begin()  # for who is left, if this one was in line for as long as it may hold them up
            if group:
                await self._send(connection, group)
        finally:
            self._pool.release(connection)

    def _dequeue(self) -> list[Write]:
        """Take those who wait, one write of each user.

        All groups lock users in one order, so that no two wait for each other. And a transaction that changes a
        user's row twice asks for their account the second time, which may wait for a deletion that waits for it.
        """
        group: dict[str, PendingTransaction] = {}
        later: list[Write] = []
        while self._waiting and len(group) < MOST:
            owner, write = self._waiting.popleft()
            if write.answer.done():  # given up
                continue
            if self._goes_alone(owner):  # since it came: else each of theirs would undo a group
                write.settle(RolledBackError())
            elif owner in group:
                later.append((owner, write))
            else:
                group[owner] = write
        self._waiting.extendleft(reversed(later))
        return sorted(group.items(), key=lambda each: each[0])

    async def _send(self, connection: Connection, group: Sequence[Write]) -> None:
        self._calm = alone = len(group) == 1
        commands = [c for _, write in group for c in (write.commands if alone else self._together(write.commands))]
        try:
            async with asyncio.timeout(self._timeout):
                results = iter(await self._exchange(connection, commands))
        except Exception as error:
            self._undo(group, error)
            return
        for _, write in group:
            write.settle(list(islice(results, len(write.commands))))

    def _undo(self, group: Sequence[Write], error: Exception) -> None:
        """Have each sent alone, where the server has undone them all; else nobody knows what became of them."""
        place = failed_at(error)
        if len(group) > 1 and place is not None:
            self._leave_alone(group, place)
            error = RolledBackError()
        for _, write in group:
            write.settle(error)

    def _goes_alone(self, owner: str) -> bool:
        return bool(self._alone) and self._alone.get(owner, 0) > asyncio.get_running_loop().time()

    def _leave_alone(self, group: Sequence[Write], place: int) -> None:
        """Let the user whose command is at this place keep nobody up for a while."""
        if len(self._alone) >= MOST_ALONE:
            self._alone.clear()
        for owner, write in group:
            if place < len(write.commands):
                self._alone[owner] = asyncio.get_running_loop().time() + ALONE_SECONDS
                return
            place -= len(write.commands)
