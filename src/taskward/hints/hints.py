"""Every way that hints go: in the worker, to the others of the machine, to other machines; else by looking."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

from taskward.hints.machines import Machines
from taskward.hints.polling import Polling, RevisionOf
from taskward.hints.siblings import Siblings
from taskward.hints.waiters import HINT_BYTES, Hint, Waiters, hint_of

# What is written within this time is told to others together. The first after a pause goes at once.
WINDOW_SECONDS = 0.02


class Hints:
    """What one worker tells others of its writes, and hears of theirs."""

    def __init__(
        self, *, most_waiting: int, poll_seconds: float, folder: str | None = None, valkey: Any = None
    ) -> None:
        """Take how many may wait, the pause between two looks (0: never), and where the others are.

        `folder` is what the workers of this machine share, `valkey` a pool of connections that nobody else uses.
        """
        self.waiters = Waiters(most_waiting, self._open, self._close)
        self._poll_seconds = poll_seconds
        self._siblings = Siblings(Path(folder), self.waiters.hint) if folder else None
        self._machines = self._by_valkey(valkey, folder) if valkey else None
        self._polling: Polling | None = None
        self._unsent: set[Hint] = set()
        self._sending: asyncio.TimerHandle | None = None
        self._next_window = 0.0

    def _by_valkey(self, pool: Any, folder: str | None) -> Machines:
        machine = sha256((folder or token_hex()).encode()).digest()[:HINT_BYTES]
        return Machines(pool, machine, self.waiters.hint, self.waiters.hint_all)

    @asynccontextmanager
    async def running(self, revision_of: RevisionOf) -> AsyncIterator[None]:
        """Take part, for as long as the block runs; `revision_of` reads a user's revision."""
        if self._poll_seconds:
            self._polling = Polling(self._poll_seconds, self.waiters, revision_of, told=self._are_told)
        try:
            yield
        finally:
            await self._end()

    def written(self, user_id: str) -> None:
        """Tell who waits that a user may have written something. Costs no wait, and raises nothing."""
        hint = hint_of(user_id)
        self.waiters.hint(hint)
        if self._siblings or self._machines:
            self._unsent.add(hint)
            if self._sending is None:
                loop = asyncio.get_running_loop()
                self._sending = loop.call_at(self._next_window, self._send, context=Context())

    def _send(self) -> None:
        loop = asyncio.get_running_loop()
        self._next_window = loop.time() + WINDOW_SECONDS
        hints, self._unsent, self._sending = self._unsent, set(), None
        if self._machines and hints:
            self._machines.send(hints)
        if self._siblings and self._siblings.send(hints):
            self._sending = loop.call_at(self._next_window, self._send, context=Context())  # for what was left

    def _are_told(self) -> bool:
        return self._machines is not None and self._machines.subscribed

    def _open(self) -> None:
        for way in (self._siblings, self._machines, self._polling):
            if way is not None:
                way.open()

    def _close(self) -> None:
        for way in (self._siblings, self._machines, self._polling):
            if way is not None:
                way.close()

    async def _end(self) -> None:
        self.waiters.end()
        if self._sending is not None:
            self._sending.cancel()
            self._send()  # who writes last is heard, too
        if self._sending is not None:
            self._sending.cancel()
        if self._polling is not None:
            self._polling.close()
        siblings, self._siblings = self._siblings, None
        if siblings is not None:
            siblings.close_all()
        machines, self._machines = self._machines, None
        if machines is not None:
            await machines.close_all()
