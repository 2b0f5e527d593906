"""Time as deadlines in the event loop see it, so that a machine busy with something else fails no test of one."""

import asyncio
import time
from types import TracebackType
from typing import Self

from tests.profiles import SOAK

TICK = 0.01


class LoopTime:
    """Counts the seconds in which the event loop came round. `make soak` wants a quiet machine, and counts all.

    What is late because the loop was kept from running, by the machine or by something that blocks it, does not
    count; how long it was kept at most is `lag`, for a test to put a limit to.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.lag = 0.0

    async def __aenter__(self) -> Self:
        self._counting = asyncio.create_task(self._count())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._counting.cancel()
        await asyncio.gather(self._counting, return_exceptions=True)

    async def _count(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK)
            took = time.monotonic() - began
            self.now += took if SOAK else min(took, 2 * TICK)
            self.lag = max(self.lag, took - TICK)
