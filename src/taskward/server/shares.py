"""How many connections each worker of a service has, in memory that all of them share.

The kernel gives a new connection to whichever worker is first to ask. By chance one may have twice as many as the
other, and a client waits as long as the queue is that it came into. So a worker that has more than its share lets
the others go first (server/accepting.py). SO_REUSEPORT would do it by a hash, without looking who is alive: what
waits for a worker that hangs or has died would be lost.
"""

import os
from collections.abc import Collection
from ctypes import c_int
from multiprocessing import get_context

MOST_WORKERS = 64  # that are counted; more just take what comes
NONE_YET = -1  # of a worker that takes no connections: it starts, or ends


class Shares:
    """One slot for each worker. The supervisor alone says whose it is, a worker alone how many it has."""

    def __init__(self) -> None:
        """Reserve the memory, which comes with `multiprocessing` into the processes that are given this."""
        context = get_context("spawn")
        self._pids = context.RawArray(c_int, MOST_WORKERS)
        self._taken = context.RawArray(c_int, [NONE_YET] * MOST_WORKERS)
        self._slot: int | None = None  # of this worker

    def list_workers(self, alive: Collection[int | None]) -> None:
        """Give each of these processes a slot, and take those of others back; for the supervisor."""
        known = set(self._pids)
        new = [pid for pid in alive if pid is not None and pid not in known]
        for slot, pid in enumerate(self._pids):
            if pid not in alive:
                self._taken[slot] = NONE_YET
                self._pids[slot] = new.pop() if new else 0

    def tell(self, connections: int) -> None:
        """Say how many connections this worker has."""
        if (slot := self._mine()) is not None:
            self._taken[slot] = connections

    def leave(self) -> None:
        """Say that this worker takes no more."""
        self.tell(NONE_YET)
        self._slot = MOST_WORKERS  # and that for good

    def excess(self) -> int:
        """Return by how many this worker has more than the one with fewest; 0 where it is not counted."""
        if (slot := self._mine()) is None or self._taken[slot] == NONE_YET:
            return 0
        mine = self._taken[slot]
        return mine - min((taken for taken in self._taken if taken != NONE_YET), default=mine)

    def _mine(self) -> int | None:
        if self._slot is None:
            pids = list(self._pids)
            self._slot = pids.index(os.getpid()) if os.getpid() in pids else None
        return self._slot if self._slot != MOST_WORKERS else None
