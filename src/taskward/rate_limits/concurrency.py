"""How many requests at a time: what a rate does not bound is how long each of them may last."""

from collections.abc import Callable
from functools import partial

from taskward.errors import RateLimitedError

RETRY_SECONDS = 1  # nobody knows when one of them ends; most do within milliseconds


class Concurrency:
    """Counts, for each key, the requests that this worker is answering. Holds a key while it has one.

    `RateLimit-Policy` has the quota unit of draft-ietf-httpapi-ratelimit-headers, "concurrent-requests".
    """

    def __init__(self, name: str, most: int, refused: Callable[[str], None]) -> None:
        """Take a name of its own, how many requests a key may have, and whom to tell of refusals."""
        self._name = name
        self._most = most
        self._refused = refused
        self._running: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many keys have a request."""
        return len(self._running)

    def begin(self, key: str) -> Callable[[], None]:
        """Count a request, and return what ends it: to be called once, whatever becomes of the request.

        Raises RateLimitedError, and then there is nothing to end.
        """
        running = self._running.get(key, 0)
        if running >= self._most:
            self._refused(self._name)
            policy = f'"{self._name}";q={self._most};qu="concurrent-requests"'
            raise RateLimitedError(RETRY_SECONDS, {"RateLimit-Policy": policy})
        self._running[key] = running + 1
        return partial(self._end, key)

    def _end(self, key: str) -> None:
        running = self._running.pop(key)
        if running > 1:
            self._running[key] = running - 1
