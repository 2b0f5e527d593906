"""Who waits in this worker for a change, and how they are woken.

A hint says that a user may have changed something, and nothing else. It may be lost, doubled or late: who waits is
registered first, then reads, waits for a hint, and reads again. So a change between the reading and the waiting is
never missed, and a lost hint delays what the next request has in any case.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from itertools import islice
from types import TracebackType
from typing import Self

from taskward.errors import TooManyWaitingError

MOST_OF_A_USER = 8
OF_USER = f"You have {MOST_OF_A_USER} requests waiting for changes already. End one, or ask again without 'wait'."
OF_ALL = "More requests wait for changes than there is room for. Ask again in a few seconds, or without 'wait'."
RETRY_SECONDS = 5
# How long a request may wait at least, or those who ask again at once would end each other's waiting in circles.
AT_LEAST_SECONDS = 10.0
HINT_BYTES = 16

Hint = bytes


def hint_of(user_id: str) -> Hint:
    """Return the hint for a user: a hash, so that no socket and no store gets to see a name."""
    return sha256(user_id.encode(errors="surrogatepass")).digest()[:HINT_BYTES]


class Waiter:
    """A request that waits for a change of its user's, registered inside the block. There may be thousands."""

    __slots__ = ("_ended", "_hinted", "_timeout", "_waiters", "revision", "since", "user_id")

    def __init__(self, waiters: "Waiters", user_id: str) -> None:
        self._waiters = waiters
        self.user_id = user_id
        self.since = time.monotonic()
        self.revision: int | None = None  # the newest that it has read
        self._hinted = self._ended = False
        self._timeout: asyncio.Timeout | None = None

    def __enter__(self) -> Self:
        """Be registered; raise TooManyWaitingError where the user has enough of them, or all have."""
        self._waiters.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave nothing."""
        self._waiters.remove(self)

    def hint(self) -> None:
        """Have it read again: now, or when it is about to wait."""
        self._hinted = True
        self._wake()

    def end(self) -> None:
        """Have it wait no longer."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(0)  # its time is up: costs no task and no future for each who waits

    async def wait(self, until: float, gone: Callable[[], Awaitable[None]]) -> bool:
        """Wait for a hint, and tell whether there was one before the loop's clock says `until`.

        `gone` is awaited meanwhile; it raises when there is nobody left to wait for.
        """
        if not (self._hinted or self._ended):
            try:
                async with asyncio.timeout_at(until) as self._timeout:
                    await gone()
            except TimeoutError:
                pass
            finally:
                self._timeout = None
        hinted, self._hinted = self._hinted, False
        return hinted


class Waiters:
    """All who wait in this worker. `on_first` is called when somebody comes, `on_last` when all have gone."""

    def __init__(self, most: int, on_first: Callable[[], None], on_last: Callable[[], None]) -> None:
        """Take how many may wait, for each keeps a connection: of more, the longest waiting is answered."""
        self.most = most
        self._on_first = on_first
        self._on_last = on_last
        self._all: dict[Waiter, None] = {}  # in the order in which they came
        self._of: dict[Hint, list[Waiter]] = {}
        self._ended = False

    def __len__(self) -> int:
        """Return how many requests wait."""
        return len(self._all)

    def waiter(self, user_id: str) -> Waiter:
        """Return a request that waits, to be registered by `with`."""
        return Waiter(self, user_id)

    def add(self, waiter: Waiter) -> None:
        """Register a request; raise TooManyWaitingError."""
        of_user = self._of.get(hint_of(waiter.user_id), [])
        if len(of_user) >= MOST_OF_A_USER:
            raise TooManyWaitingError(OF_USER)
        self._make_room(waiter.since)
        self._of[hint_of(waiter.user_id)] = [*of_user, waiter]
        self._all[waiter] = None
        if self._ended:
            waiter.end()
        if len(self._all) == 1:
            self._on_first()

    def _make_room(self, now: float) -> None:
        for oldest in islice(self._all, max(0, len(self._all) + 1 - self.most)):
            if now - oldest.since < AT_LEAST_SECONDS:
                raise TooManyWaitingError(OF_ALL, seconds=RETRY_SECONDS)
            oldest.end()

    def remove(self, waiter: Waiter) -> None:
        """Forget a request."""
        hint = hint_of(waiter.user_id)
        self._of[hint].remove(waiter)
        if not self._of[hint]:
            del self._of[hint]
        del self._all[waiter]
        if not self._all:
            self._on_last()

    def hint(self, hint: Hint) -> None:
        """Wake the requests of one user."""
        for waiter in self._of.get(hint, ()):
            waiter.hint()

    def hint_all(self) -> None:
        """Wake everybody: something may not have been heard."""
        for waiter in self._all:
            waiter.hint()

    def end(self) -> None:
        """Have all be answered, and nobody wait from now on."""
        self._ended = True
        for waiter in self._all:
            waiter.end()

    def by_user(self) -> list[list[Waiter]]:
        """Return those who wait now, by user."""
        return [list(waiters) for waiters in self._of.values()]
