"""Removing what is past its time, now and then, while there are requests that leave such things behind.

Not on a timer: a service at rest must let its database rest, which may be paid for by the hour.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from taskward.database.driver.statement import Effect, Statement
from taskward.database.transaction import Transaction
from taskward.errors import ApiError

INTERVAL_SECONDS = 600
TASK_NAME = "purge"

# A batch has rows of many users, and deleting a user takes theirs in another order: the two may come to wait for
# each other. Long before PostgreSQL looks for deadlocks it is the purge that gives up, for it can come again.
GIVE_WAY = Statement("SELECT set_config('lock_timeout', '100ms', true)", effect=Effect.READ_ONLY)

logger = logging.getLogger(__name__)


class Purge:
    """Runs one statement that removes a batch and answers how many it `purged`; a whole batch means: again."""

    def __init__(
        self, what: str, transaction: Callable[[], AbstractAsyncContextManager[Transaction]], statement: Statement
    ) -> None:
        """Take what is removed, for the log; how to open a transaction; and the statement, with its `batch`."""
        self._what = what
        self._transaction = transaction
        self._statement = statement
        self._due = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    def when_due(self) -> None:
        """Start a purge in the background when the last one is long enough ago."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + INTERVAL_SECONDS
            self._task = asyncio.create_task(self.purge(), name=TASK_NAME)

    async def purge(self) -> None:
        """Remove what is due, in batches, so that no batch holds its locks for long."""
        try:
            purged = batch = self._statement.constants["batch"]
            while purged == batch:
                async with self._transaction() as transaction:
                    transaction.execute(GIVE_WAY)
                    rows = transaction.execute(self._statement)
                purged = rows.all[0]["purged"]
        except ApiError as error:
            logger.warning("%s were not purged, and will be later: %s", self._what, error)
