"""Removing what is past its time, now and then, while there are requests that leave such things behind.

Not on a timer: a service at rest must let its database rest, which may be paid for by the hour.
"""

import logging
import time
from functools import partial

from taskward.database.driver.statement import Effect, Statement
from taskward.database.transaction import NOBODY, Database
from taskward.errors import ApiError

INTERVAL_SECONDS = 600
TASK_NAME = "purge"

# A batch has rows of many users, and deleting a user takes theirs in another order: the two may come to wait for
# each other. Long before PostgreSQL looks for deadlocks it is the purge that gives up, for it can come again.
GIVE_WAY = Statement(
    "SELECT set_config('lock_timeout', '100ms', true)",
    effect=Effect.READ_ONLY,
    distributed=(Statement("SET LOCAL lock_timeout = '100ms'"),),  # which is sent on to where the rows are
)

logger = logging.getLogger(__name__)


class Purge:
    """Runs one statement that removes a batch and answers how many it `purged`; a batch or more means: again."""

    def __init__(self, what: str, database: Database, statement: Statement, *, of_accounts: bool = False) -> None:
        """Take what is removed, for the log, where from, and the statement, with its `batch`."""
        self._what = what
        self._background = database.background
        self._transaction = database.acting_for_accounts if of_accounts else partial(database.acting_as, NOBODY)
        self._statement = statement
        self._due = time.monotonic()

    def when_due(self) -> None:
        """Start a purge in the background when the last one is long enough ago."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + INTERVAL_SECONDS
            self._background.begin(self.purge(), TASK_NAME)

    async def purge(self) -> None:
        """Remove what is due, in batches, so that no batch holds its locks for long."""
        try:
            purged = batch = self._statement.constants["batch"]
            while purged >= batch:
                async with self._transaction() as transaction:
                    transaction.execute(GIVE_WAY)
                    rows = transaction.execute(self._statement)
                purged = rows.all[0]["purged"]
        except ApiError as error:
            logger.warning("%s were not purged, and will be later: %s", self._what, error)
