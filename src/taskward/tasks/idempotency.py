"""Exactly-once creates: the statement, and the cleaning up a day later."""

import hashlib
from functools import partial

import orjson

from taskward.database.driver.statement import Effect, Statement
from taskward.database.purge import Purge
from taskward.database.transaction import NOBODY, Database
from taskward.tasks.schemas import TaskCreate

CONSTRAINT = "pk_idempotency_keys"
PURGE_BATCH = 1000

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
    effect=Effect.IDEMPOTENT,
)

PURGE_KEYS = Statement("SELECT purge_idempotency_keys(%(batch)s) AS purged", {"batch": PURGE_BATCH})


def fingerprint(new: TaskCreate) -> bytes:
    """Return 32 bytes that are the same for bodies that mean the same, however they are written."""
    return hashlib.sha256(orjson.dumps([new.title, new.description, new.completed])).digest()


def key_purge(database: Database) -> Purge:
    """Return what removes keys older than a day."""
    return Purge("idempotency keys", partial(database.acting_as, NOBODY), PURGE_KEYS)
