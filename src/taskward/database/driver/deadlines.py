"""When the time of each transaction is up that waits for its answer: one timer for all.

`asyncio.timeout` sets one for each, which was 5 us of the 115 that a read took the service. Nearly all of them are
answered long before, so whoever comes and goes only writes down its time here.
"""

import asyncio

from taskward.database.driver.exchange import PendingTransaction

EARLY = 0.001  # seconds: event loops count in milliseconds, so a timer may come too early by as much


class Deadlines:
    """Those of one event loop. Close it after use."""

    def __init__(self) -> None:
        self._pending: dict[PendingTransaction, float] = {}
        # The timer, and its time: uvloop's own does not always know it.
        self._timer: asyncio.Handle | None = None
        self._next = float("inf")

    def add(self, transaction: PendingTransaction, deadline: float) -> None:
        """Have a transaction fail with TimeoutError when the loop's clock says `deadline`; or `remove` it."""
        self._pending[transaction] = deadline
        if deadline < self._next:
            self._look_at(deadline)

    def remove(self, transaction: PendingTransaction) -> None:
        """Forget a transaction that was added."""
        del self._pending[transaction]

    def close(self) -> None:
        """Look no more."""
        if self._timer:
            self._timer.cancel()
        self._timer, self._next = None, float("inf")

    def _look_at(self, deadline: float) -> None:
        self.close()
        self._next = deadline
        self._timer = asyncio.get_running_loop().call_at(deadline, self._look)

    def _look(self) -> None:
        self.close()
        now = asyncio.get_running_loop().time()
        for transaction, deadline in self._pending.items():
            if deadline <= now + EARLY:
                transaction.settle(TimeoutError())
        waiting = [deadline for deadline in self._pending.values() if deadline > now + EARLY]
        if waiting:
            self._look_at(min(waiting))
