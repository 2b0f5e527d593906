"""Counting in fixed windows: in this process, or in a store that workers and machines share.

A window begins with the first event of its key and ends a fixed time later. So a count is exact and costs one
addition, and what is left, and until when, can be told without guessing (docs/decisions/0013-fixed-windows.md).
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from itertools import islice
from typing import Protocol

from taskward.rate_limits.shared_store import SharedStore, StoreUnavailableError

MAX_KEYS = 50_000  # of one limit, in the memory of one worker: 15 MB when all are taken

Clock = Callable[[], float]


class Window:
    """How often something has happened, and when counting starts anew: seconds of the clock, None if unknown."""

    __slots__ = ("count", "ends")

    def __init__(self, count: int, ends: float | None) -> None:
        self.count = count
        self.ends = ends


class Counters(Protocol):
    """What counts the events of one limit, by key."""

    def peek(self, key: str) -> Window | None:
        """Return the window in which `key` is counted now, as far as this process knows without asking."""

    async def count(self, key: str, *, together: bool = False) -> Window:
        """Count one; raise StoreUnavailableError where it must be counted `together` with others, and cannot."""


class LocalCounters:
    """Counts for this process, of at most MAX_KEYS keys; the oldest window gives way to a new one."""

    def __init__(self, seconds: float, clock: Clock = time.monotonic, max_keys: int = MAX_KEYS) -> None:
        """Take how long a window is."""
        self.clock = clock
        self._seconds = seconds
        self._max_keys = max_keys
        # All windows are of one length, so the oldest ends first. No plain dict, whose beginning is slow to find
        # after many removals.
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys are held."""
        return len(self._windows)

    def peek(self, key: str) -> Window | None:
        """Return the window in which `key` is counted now, if there is one."""
        window = self._windows.get(key)
        return window if window is not None and window.ends > self.clock() else None  # type: ignore[operator]

    async def count(self, key: str, *, together: bool = False) -> Window:  # noqa: ARG002
        """Count one for `key`, and return its window."""
        window = self.peek(key)
        if window is None:
            return self.begin(key, 1, self._seconds)
        window.count += 1
        return window

    def begin(self, key: str, count: int, seconds: float) -> Window:
        """Hold a new window for `key`; let go of two that have ended, and of the oldest where all are full."""
        now = self.clock()
        self._windows.pop(key, None)
        for oldest in list(islice(self._windows, 2)):
            if len(self._windows) >= self._max_keys or self._windows[oldest].ends <= now:  # type: ignore[operator]
                del self._windows[oldest]
        window = self._windows[key] = Window(count, now + seconds)
        return window


class SharedCounters:
    """Counts in a store, together with other workers and machines; while it is away, for this process."""

    def __init__(self, store: SharedStore, name: str, quota: int, seconds: int) -> None:
        """Take the store, a name that no other limit has, and how many events a window has room for."""
        self._store = store
        self._name = name
        self._quota = quota
        self._seconds = seconds
        self._here = LocalCounters(
            seconds
        )  # what is used up, so that nobody has to ask; and all, without the store

    def peek(self, key: str) -> Window | None:
        """Return the window of `key` where it is known here: when all is used up, or the store is away."""
        return self._here.peek(key)

    async def count(self, key: str, *, together: bool = False) -> Window:
        """Count one for `key`, in one round trip, and in none where all is used up."""
        window = self._here.peek(key)
        if window is not None and window.count >= self._quota:
            window.count += 1
            return window
        stored = (
            f"{self._name}/{sha256(key.encode(errors='surrogatepass')).hexdigest()[:32]}"  # no addresses, no names
        )
        try:
            count = await self._store.increment(stored, self._seconds)
            if count < self._quota:
                return Window(count, None)
            return self._here.begin(key, count, await self._store.seconds_left(stored))
        except StoreUnavailableError:
            if together:
                raise
            return await self._here.count(key)
