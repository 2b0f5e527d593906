"""Looking now and then whether those who wait have changed something, where nobody else would tell."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context

from taskward.errors import DatabaseUnavailableError
from taskward.hints.waiters import Waiter, Waiters

MOST_AT_ONCE = 32  # as many reads as travel together; the requests of others come between two such

RevisionOf = Callable[[str], Awaitable[int]]


class Polling:
    """Reads the revisions of those who wait, and only while somebody does, so that a sleeping database sleeps."""

    def __init__(
        self, seconds: float, waiters: Waiters, revision_of: RevisionOf, told: Callable[[], bool]
    ) -> None:
        """Take the pause between two rounds, and what reads a user's revision.

        `told` says whether somebody else tells of every change just now, so that there is no need to look.
        """
        self._seconds = seconds
        self._waiters = waiters
        self._revision_of = revision_of
        self._told = told
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin, as somebody waits."""
        self._task = asyncio.create_task(self._keep_looking(), context=Context())

    def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            if not self._told():
                users = self._waiters.by_user()
                for at in range(0, len(users), MOST_AT_ONCE):
                    await asyncio.gather(*map(self._look, users[at : at + MOST_AT_ONCE]))

    async def _look(self, waiters: list[Waiter]) -> None:
        try:
            revision = await self._revision_of(waiters[0].user_id)
        except DatabaseUnavailableError:
            return  # the next round may see it
        except Exception:  # there is no such user any more, or something is wrong: their own reading finds it
            revision = -1
        for waiter in waiters:
            if waiter.revision not in (None, revision):
                waiter.hint()
