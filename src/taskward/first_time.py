"""Whether something is said for the first time: for log lines that strangers can cause."""

import time
from collections.abc import Callable

SECONDS = 3600


class FirstTime:
    """Tells whether a text is new in this hour. Of all texts beyond the first so many in an hour, none is."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Take how many texts an hour may have, and a clock of seconds."""
        self._most = most
        self._clock = clock
        self._said: set[str] = set()
        self._until = clock() + SECONDS

    def __call__(self, text: str) -> bool:
        """Return whether to say it, and hold that it was said."""
        if (now := self._clock()) >= self._until:
            self._said.clear()
            self._until = now + SECONDS
        if text in self._said or len(self._said) >= self._most:
            return False
        self._said.add(text)
        return True
