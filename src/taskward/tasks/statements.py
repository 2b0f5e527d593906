"""The SQL of tasks. Builds, and holds no connection.

Every statement says `user_id = %(owner)s`, so it is owner-scoped even without row-level security. `acting_as`
gives `owner`. Where a statement is put together, it is from texts of this module: values go beside the SQL and are
never part of it.
"""

from functools import cache

from typing_extensions import TypedDict

from taskward.database.driver.statement import Effect, Statement
from taskward.tasks.fields import CHANGEABLE, FIELDS, SETTABLE, TaskRead

RESPONSE_COLUMNS = tuple(FIELDS)
RESPONSE = ", ".join(field.expression.format(name=name) for name, field in FIELDS.items())

NEW_COLUMNS = ", ".join(SETTABLE)
NEW_VALUES = ", ".join(f"%({name})s::{field.sql_type}" for name, field in SETTABLE.items())

THE_TASK = "user_id = %(owner)s::text AND id = %(task_id)s::bigint"
AS_EXPECTED = "revision = ANY (%(expected)s::bigint[])"

COLUMNS = ", ".join(RESPONSE_COLUMNS)

# How many tasks the owner may have, as the transaction was told; null is any number.
MAX_TASKS = "nullif(current_setting('app.max_tasks', true), '')::bigint"


class OwnerRow(TypedDict):
    """Where the owner's counter stands."""

    owner_revision: int


class CreatedRow(TaskRead):
    """The response to a create whose task may have been there."""

    created: bool


# Returns no row where the owner has as many as that: the trigger that counts has skipped it. Where rows are
# distributed, the owner's row is locked first, or made, and an id taken.
CREATE = f"""
    INSERT INTO tasks (user_id, {NEW_COLUMNS})
    VALUES (%(owner)s::text, {NEW_VALUES})
    RETURNING {RESPONSE}
"""
CREATE_TASK: Statement[TaskRead] = Statement(
    CREATE, brief=True, distributed=(Statement("CALL hold_user(%(owner)s)"), Statement(CREATE))
)

# Where rows are distributed: a task as JSON, and what a create with `uid` or key returns.
GIVEN = ", ".join(f"'{name}', %({name})s::{field.sql_type}" for name, field in SETTABLE.items())
ONCE = f"""
    SELECT created, fingerprint, {RESPONSE}
      FROM create_task_once(%(owner)s::text, jsonb_build_object({GIVEN}), {{key}}) AS found,
           jsonb_populate_record(NULL::tasks, found.task) AS task
"""

# Creates a task with a `uid`, unless there is one with it. Two of these at once may both find none: the slower one
# then fails at the unique index, and finds the task when it is sent again.
CREATE_NAMED_TASK: Statement[CreatedRow] = Statement(
    f"""
    WITH known AS (
        SELECT {COLUMNS}
          FROM tasks
         WHERE user_id = %(owner)s::text AND uid = %(uid)s::text
    ), created AS (
        INSERT INTO tasks (user_id, {NEW_COLUMNS})
        SELECT %(owner)s::text, {NEW_VALUES}
         WHERE NOT EXISTS (SELECT 1 FROM known)
        RETURNING {COLUMNS}
    )
    SELECT created, {RESPONSE}
      FROM (SELECT true AS created, {COLUMNS} FROM created
            UNION ALL
            SELECT false, {COLUMNS} FROM known) AS task
    """,
    effect=Effect.IDEMPOTENT,
    distributed=(Statement(ONCE.format(key="NULL, NULL, NULL")),),
)
UID_CONSTRAINT = "uq_tasks_user_id_uid"

READ_TASK: Statement[TaskRead] = Statement(
    f"""
    SELECT {RESPONSE}
      FROM tasks
     WHERE {THE_TASK}
    """,
    effect=Effect.READ_ONLY,
)

# The owner's counter. To lock its row is to keep everybody else from changing a task of the owner's: each change
# takes this lock first. Whoever has written nothing yet has no row.
READ_REVISION: Statement[OwnerRow] = Statement(
    """
    SELECT revision AS owner_revision
      FROM users
     WHERE users.id = %(owner)s::text
    """,
    effect=Effect.READ_ONLY,
)
# Fails, by a division by zero, where a create would find the task that is deleted behind it. Creates are `uids`,
# deletions are `ids`, and each has its place in the batch.
NAMED_ONCE = Statement(
    """
    SELECT 1 / CASE WHEN EXISTS (
               SELECT 1
                 FROM tasks
                 JOIN unnest(%(uids)s::text[], %(uid_places)s::int[]) AS created (uid, place) USING (uid)
                 JOIN unnest(%(ids)s::bigint[], %(id_places)s::int[]) AS deleted (id, place) USING (id)
                WHERE user_id = %(owner)s::text AND created.place < deleted.place)
               THEN 0 ELSE 1 END AS once
    """,
    effect=Effect.READ_ONLY,
)
LOCK_OWNER: Statement[OwnerRow] = Statement(
    f"{READ_REVISION.sql} FOR NO KEY UPDATE",
    effect=Effect.IDEMPOTENT,
)

# Answers for all users' tasks, with yes or no: a function of the one role that sees past the policies.
TASK_EXISTS = Statement("SELECT task_exists(%(task_id)s::bigint) AS it_does", effect=Effect.READ_ONLY)


# A session keeps what it has prepared. Of all the sets that the fields make it keeps those that clients send.
OFTEN_TOGETHER = {"title", "description", "completed"}


@cache
def update_task(fields: frozenset[str], *, conditional: bool) -> Statement[TaskRead]:
    """Return the statement that sets just `fields`, each from the parameter of its name.

    `conditional` statements change nothing unless the task's revision is in the parameter `expected`.
    """
    # In one order, so that equal statements have equal texts in every process.
    types = {name: CHANGEABLE[name].sql_type for name in sorted(fields)}
    what = ", ".join(f"{name} = %({name})s::{sql_type}" for name, sql_type in types.items())
    return _change(what, conditional=conditional, prepared=len(fields) == 1 or fields <= OFTEN_TOGETHER)


@cache
def flip_task(*, conditional: bool) -> Statement[TaskRead]:
    """Return the statement that completes or reopens a task, by what it is when its lock is taken."""
    return _change("completed = NOT completed", conditional=conditional)


def _change(what: str, *, conditional: bool, prepared: bool = True) -> Statement[TaskRead]:
    return Statement(
        f"""
        UPDATE tasks
           SET {what}
         WHERE {_the_task_locked(conditional=conditional)}
        RETURNING {RESPONSE}
        """,
        prepared=prepared,
        brief=True,
    )


@cache
def delete_task(*, conditional: bool) -> Statement:
    """Return the statement that deletes a task."""
    return Statement(
        f"DELETE FROM tasks WHERE {_the_task_locked(conditional=conditional)} RETURNING id", brief=True
    )


def _the_task_locked(*, conditional: bool) -> str:
    """Return the condition for a change: the task is there, and its user's row is locked before it.

    The condition refers to the task and locks a row, so PostgreSQL can neither ask it beforehand nor make a join
    of it: it asks when it has found a task for which the cheaper conditions hold, and before it locks that. The
    trigger alone would lock the task first. Deleting a user cannot have that order, and two orders make deadlocks.
    """
    wanted = f"{THE_TASK} AND {AS_EXPECTED}" if conditional else THE_TASK
    user = "users.id = %(owner)s::text AND users.id = tasks.user_id"
    return f"{wanted} AND EXISTS (SELECT 1 FROM users WHERE {user} FOR NO KEY UPDATE)"
