"""What asks the database something beside requests, and is still done before the service ends."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context


class Background:
    """Tasks that nobody waits for until the end."""

    def __init__(self) -> None:
        """Begin with none."""
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[None, None, None], name: str) -> None:
        """Begin a task that knows nothing of the request at hand, which may be one that only reads."""
        task = asyncio.create_task(work, name=name, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, seconds: float) -> None:
        """Wait for all of them, for so many seconds at most, and cancel what is not done by then."""
        if not self._tasks:
            return
        _, pending = await asyncio.wait(self._tasks, timeout=seconds)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
