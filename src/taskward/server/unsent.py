"""The bytes that the clients of one worker have not read yet, all together."""

import logging
from collections.abc import Iterable
from operator import itemgetter
from typing import Protocol

from taskward.observability.metrics import Metrics

TOLD_EVERY = 60  # seconds

logger = logging.getLogger(__name__)


class Reader(Protocol):
    """What is asked of a connection here."""

    unread_since: float  # when it last took 64 KiB, or began to wait

    def count_unsent(self) -> int:
        """Return the bytes that wait in this process for the client to read, and keep the total right."""

    def cut_off(self) -> None:
        """Reset the connection, let go of what it was to send, and keep the total right."""


class UnsentBytes:
    """A budget. `total` is at most a second old where clients have read, and exact where there became more."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        """Take the budget in bytes, and what counts."""
        self.total = 0
        self._most = most
        self._metrics = metrics
        self._told = float("-inf")

    @property
    def exceeded(self) -> bool:
        """Whether there is more than the budget, as far as it is known."""
        return self.total > self._most

    def cut_slowest(self, readers: Iterable[Reader], now: float, spare: Reader | None) -> None:
        """Cut off the slowest of all clients but `spare`, until the rest is within the budget.

        The slowest is the one with most bytes times seconds in which it took none: who leaves much for long.
        """
        waiting = [
            (unsent * (now - each.unread_since), each) for each in readers if (unsent := each.count_unsent())
        ]
        for _, each in sorted(waiting, key=itemgetter(0), reverse=True):
            if not self.exceeded:
                break
            if each is not spare:
                self._tell(now)
                each.cut_off()
                self._metrics.connection_closed("unsent")

    def _tell(self, now: float) -> None:
        if now - self._told >= TOLD_EVERY:  # not for each, which a stranger could cause
            self._told = now
            logger.warning("more than %d MiB wait to be read: cutting off the slowest clients", self._most >> 20)
