"""Exactly-once creates: the statement, and the cleaning up a day later."""

import hashlib
from typing import Any

import orjson

from taskward.database.driver.statement import Effect, Statement
from taskward.database.purge import Purge
from taskward.database.transaction import Database
from taskward.tasks.fields import SETTABLE, Values
from taskward.tasks.statements import (
    COLUMNS,
    MAX_TASKS,
    NEW_COLUMNS,
    NEW_VALUES,
    ONCE,
    RESPONSE,
    RESPONSE_COLUMNS,
    CreatedRow,
)

CONSTRAINT = "pk_idempotency_keys"
FIRST_FIELDS = ("title", "description", "completed")  # stays as it is: fields added later are no first ones
PURGE_BATCH = 1000
# Of one user, in each period of 24 hours; more where they may have more tasks, so that these can be imported.
MAX_KEYS = 100_000
TOO_MANY_KEYS = (
    "You have created too many tasks with an Idempotency-Key within a day. Please wait for as long as Retry-After"
    " says."
)


class KeyedRow(CreatedRow):
    """The response to a create with a key, and the fingerprint of the create that it was stored for, if it was."""

    fingerprint: bytes | None


# What is stored under the names that it has in `tasks`. A new task was updated when it was created.
STORED = ", ".join(name for name in RESPONSE_COLUMNS if name not in ("id", "updated_at"))

# Creates a task and stores what was answered, unless the key is known; then answers from the key. Two of these at
# once may both find the key unknown. The slower one then fails at the primary key of the stored response, and its
# task with it: that, and not the look before, is what makes it once. Where the `uid` is known nothing is stored:
# that is enough to find the task again.
#
# Where there is no room for a task or a key, no row is returned. Keys that come at once may all find the last one.
CREATE_TASK_ONCE: Statement[KeyedRow] = Statement(
    f"""
    WITH stored_before AS (
        SELECT fingerprint, task_id AS id, {STORED}, created_at AS updated_at
          FROM idempotency_keys
         WHERE user_id = %(owner)s::text AND key = %(key)s::text
    ), known AS (
        SELECT {COLUMNS}
          FROM tasks
         WHERE user_id = %(owner)s::text AND uid = %(uid)s::text AND NOT EXISTS (SELECT 1 FROM stored_before)
    ), created AS (
        INSERT INTO tasks (user_id, {NEW_COLUMNS})
        SELECT %(owner)s::text, {NEW_VALUES}
         WHERE NOT EXISTS (SELECT 1 FROM stored_before)
           AND NOT EXISTS (SELECT 1 FROM known)
           AND NOT EXISTS (SELECT 1 FROM users
                            WHERE users.id = %(owner)s::text AND keys_since > now() - interval '24 hours'
                              AND key_count >= greatest(%(max_keys)s::bigint, {MAX_TASKS}))
        RETURNING {COLUMNS}
    ), stored AS (
        INSERT INTO idempotency_keys (key, fingerprint, task_id, {STORED})
        SELECT %(key)s::text, %(fingerprint)s::bytea, id, {STORED}
          FROM created
    )
    SELECT created, fingerprint, {RESPONSE}
      FROM (SELECT false AS created, fingerprint, {COLUMNS} FROM stored_before
            UNION ALL
            SELECT false, NULL, {COLUMNS} FROM known
            UNION ALL
            SELECT true, NULL, {COLUMNS} FROM created) AS task
    """,
    {"max_keys": MAX_KEYS},
    effect=Effect.IDEMPOTENT,
    distributed=(Statement(ONCE.format(key="%(key)s::text, %(fingerprint)s::bytea, %(max_keys)s::bigint")),),
)

# Whether it is keys that there is no room for, and for how many seconds. Where it was tasks, one may have been
# deleted since. The count of keys stays as it is when its period ends, until the next key.
ROOM = Statement(
    f"""
    SELECT users.id AS user_id,
           task_count < {MAX_TASKS} AND key_count >= greatest(%(max_keys)s::bigint, {MAX_TASKS}) AS has_all_keys,
           ceil(extract(epoch FROM greatest(keys_since, now() - interval '24 hours')
                                   + interval '24 hours' - now()))::bigint AS seconds
      FROM users
     WHERE users.id = %(owner)s::text
    """,
    {"max_keys": MAX_KEYS},
    effect=Effect.READ_ONLY,
)

PURGE_KEYS = Statement("SELECT purge_idempotency_keys(%(batch)s) AS purged", {"batch": PURGE_BATCH})


def fingerprint(new: Values) -> bytes:
    """Return 32 bytes that are the same for bodies that mean the same, however they are written.

    A field that says what it would be anyway counts as unsaid, so that a key which was stored before there was the
    field still knows its body. For the same reason the first fields stand in front, without their names.
    """
    said: list[Any] = [new[name] for name in FIRST_FIELDS]
    said += [
        [name, new[name]]
        for name, field in sorted(SETTABLE.items())
        if name not in FIRST_FIELDS and new[name] != field.default
    ]
    return hashlib.sha256(orjson.dumps(said)).digest()


def key_purge(database: Database) -> Purge:
    """Return what removes keys older than a day."""
    return Purge("idempotency keys", database, PURGE_KEYS)
