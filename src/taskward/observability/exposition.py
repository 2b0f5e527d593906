"""The text that Prometheus reads: collected by one at a time and at most once a second, however many ask."""

import asyncio
import time
from collections.abc import Callable

from anyio.to_thread import run_sync
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FRESH_SECONDS = 1.0


def collect_from_all() -> bytes:
    """Return the sums of all workers, from the files of their folder."""
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
    return generate_latest(everybody)


class Exposition:
    """The text format of Prometheus, version 0.0.4, as it was within the last second."""

    def __init__(self, collect: Callable[[], bytes]) -> None:
        """Take what collects, which may read files for milliseconds."""
        self._collect = collect
        self._text = b""
        self._stale_at = 0.0  # by time.monotonic()
        self._collecting = asyncio.Lock()

    async def text(self) -> bytes:
        """Return the text, for an event loop: it is collected in a thread, and those who ask meanwhile wait."""
        async with self._collecting:
            return self._text if self.is_fresh else await run_sync(self.read)

    def read(self) -> bytes:
        """Return the text, for a thread that is alone in asking."""
        if not self.is_fresh:
            self._text = self._collect()
            self._stale_at = time.monotonic() + FRESH_SECONDS
        return self._text

    @property
    def is_fresh(self) -> bool:
        """Whether nothing is to be collected yet."""
        return time.monotonic() < self._stale_at
