"""How a change of the schema waits for a table that others use.

Behind whoever waits for a table, all others who want it wait as well. And while it holds one table and waits for
the next, somebody may hold that and wait for the first. So it waits for less time than a request does, and less
than PostgreSQL before it looks for deadlocks; gives up all that it holds, lets them pass and tries again.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

LOCK_TIMEOUT = "300ms"
PAUSE_SECONDS = 1

Outcome = TypeVar("Outcome")

logger = logging.getLogger(__name__)


def giving_way(attempt: Callable[[], Outcome], *, what: str) -> Outcome:
    """Return what `attempt` does, which is made again after each psycopg.errors.LockNotAvailable.

    It has rolled back by then. `what` is told once, as what it is that waits.
    """
    told = False
    while True:
        try:
            return attempt()
        except psycopg.errors.LockNotAvailable:
            pass
        if not told:
            logger.warning(
                "%s waits for a transaction that uses what it changes, such as a backup's; until that has ended,"
                " all others go on",
                what,
            )
            told = True
        time.sleep(PAUSE_SECONDS)
