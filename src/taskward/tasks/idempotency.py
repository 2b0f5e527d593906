"""Exactly-once creates: the statement, and the cleaning up a day later."""

import asyncio
import hashlib
import logging
import time

import orjson

from taskward.database.acting_as import NOBODY, Database
from taskward.database.compiled import Statement
from taskward.errors import ApiError
from taskward.tasks.schemas import TaskCreate

CONSTRAINT = "pk_idempotency_keys"
PURGE_INTERVAL_SECONDS = 600
PURGE_BATCH = 1000

logger = logging.getLogger(__name__)

# Creates a task and stores what was answered, unless the key is known; then answers from the key. Two of these at
# once may both find the key unknown. The slower one then fails at the primary key of the stored answer, and its
# task with it: that, and not the look before, is what makes it once.
CREATE_TASK_ONCE = Statement(
    """
    WITH known AS (
        SELECT fingerprint, task_id AS id, user_id, title, description, completed, created_at, revision
          FROM idempotency_keys
         WHERE user_id = %(owner)s::text AND key = %(key)s::text
    ), created AS (
        INSERT INTO tasks (user_id, title, description, completed)
        SELECT %(owner)s::text, %(title)s::text, %(description)s::text, %(completed)s::boolean
         WHERE NOT EXISTS (SELECT FROM known)
        RETURNING %(fingerprint)s::bytea AS fingerprint, *
    ), stored AS (
        INSERT INTO idempotency_keys
               (user_id, key, fingerprint, task_id, title, description, completed, created_at, revision)
        SELECT user_id, %(key)s::text, fingerprint, id, title, description, completed, created_at, revision
          FROM created
    )
    SELECT replayed, fingerprint, id, user_id, title, description, completed,
           timezone('UTC', created_at) AS created_at, timezone('UTC', created_at) AS updated_at, revision
      FROM (SELECT true AS replayed, fingerprint, id, user_id, title, description, completed, created_at, revision
              FROM known
            UNION ALL
            SELECT false, fingerprint, id, user_id, title, description, completed, created_at, revision
              FROM created) AS answer
    """,
    repeatable=True,
)

PURGE_KEYS = Statement("SELECT purge_idempotency_keys(%(batch)s) AS purged", {"batch": PURGE_BATCH})


def fingerprint(new: TaskCreate) -> bytes:
    """Return 32 bytes that are the same for bodies that mean the same, however they are written."""
    return hashlib.sha256(orjson.dumps([new.title, new.description, new.completed])).digest()


class KeyPurge:
    """Removes keys older than a day, now and then, while there are keyed creates.

    Not on a timer: a service at rest must let its database rest, which may be paid for by the hour.
    """

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database
        self._due = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    def when_due(self) -> None:
        """Start a purge in the background when the last one is long enough ago."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + PURGE_INTERVAL_SECONDS
            self._task = asyncio.create_task(self.purge())

    async def purge(self) -> None:
        """Remove what is due, in batches, so that no batch holds its locks for long."""
        try:
            purged = PURGE_BATCH
            while purged == PURGE_BATCH:
                async with self._database.acting_as(NOBODY) as unit:
                    rows = unit.execute(PURGE_KEYS)
                purged = rows.all[0]["purged"]
        except ApiError as error:
            logger.warning("idempotency keys were not purged, and will be later: %s", error)
