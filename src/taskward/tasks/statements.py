"""The SQL of tasks. Builds, and holds no connection.

Every statement says `user_id = %(owner)s`, so it is owner-scoped even without row-level security. `acting_as`
gives `owner`. Where a statement is put together, it is from texts of this module: values go beside the SQL and are
never part of it.
"""

from functools import cache

from taskward.database.driver.statement import Effect, Statement
from taskward.tasks.fields import CHANGEABLE, FIELDS, SETTABLE, TaskRead


class ListRow(TaskRead):
    """A row of a list: the owner's counters beside a task. Without a task its columns are all null."""

    owner_revision: int
    task_count: int
    completed_count: int


RESPONSE_COLUMNS = tuple(FIELDS)
RESPONSE = ", ".join(field.expression.format(name=name) for name, field in FIELDS.items())

NEW_COLUMNS = ", ".join(SETTABLE)
NEW_VALUES = ", ".join(f"%({name})s::{field.sql_type}" for name, field in SETTABLE.items())

THE_TASK = "user_id = %(owner)s::text AND id = %(task_id)s::bigint"
AS_EXPECTED = "revision = ANY (%(expected)s::bigint[])"

# How many tasks the owner may have, as the transaction was told; null is any number.
MAX_TASKS = "nullif(current_setting('app.max_tasks', true), '')::bigint"

# Returns no row where the owner has as many as that: the trigger that counts has skipped it.
CREATE_TASK: Statement[TaskRead] = Statement(
    f"""
    INSERT INTO tasks (user_id, {NEW_COLUMNS})
    VALUES (%(owner)s::text, {NEW_VALUES})
    RETURNING {RESPONSE}
    """
)

READ_TASK: Statement[TaskRead] = Statement(
    f"""
    SELECT {RESPONSE}
      FROM tasks
     WHERE {THE_TASK}
    """,
    effect=Effect.READ_ONLY,
)

# Answers for all users' tasks, with yes or no: a function of the one role that sees past the policies.
TASK_EXISTS = Statement("SELECT task_exists(%(task_id)s::bigint) AS it_does", effect=Effect.READ_ONLY)


@cache
def update_task(fields: frozenset[str], *, conditional: bool) -> Statement[TaskRead]:
    """Return the statement that sets just `fields`, each from the parameter of its name.

    `conditional` statements change nothing unless the task's revision is in the parameter `expected`.
    """
    # In one order, so that equal statements have equal texts in every process.
    types = {name: CHANGEABLE[name].sql_type for name in sorted(fields)}
    what = ", ".join(f"{name} = %({name})s::{sql_type}" for name, sql_type in types.items())
    return _change(what, conditional=conditional)


@cache
def flip_task(*, conditional: bool) -> Statement[TaskRead]:
    """Return the statement that completes or reopens a task, by what it is when its lock is taken."""
    return _change("completed = NOT completed", conditional=conditional)


def _change(what: str, *, conditional: bool) -> Statement[TaskRead]:
    return Statement(
        f"""
        UPDATE tasks
           SET {what}
         WHERE {_the_task_locked(conditional=conditional)}
        RETURNING {RESPONSE}
        """
    )


@cache
def delete_task(*, conditional: bool) -> Statement:
    """Return the statement that deletes a task."""
    return Statement(f"DELETE FROM tasks WHERE {_the_task_locked(conditional=conditional)} RETURNING id")


def _the_task_locked(*, conditional: bool) -> str:
    """Return the condition for a change: the task is there, and its user's row is locked before it.

    PostgreSQL asks once for the row, before it looks for a task to change, and not at all where there is none. The
    trigger alone would lock the task first. Deleting a user cannot have that order, and two orders make deadlocks.
    """
    wanted = f"{THE_TASK} AND {AS_EXPECTED}" if conditional else THE_TASK
    user = f"users.id = %(owner)s::text AND EXISTS (SELECT FROM tasks WHERE {wanted})"
    return f"{wanted} AND EXISTS (SELECT FROM users WHERE {user} FOR NO KEY UPDATE)"


# What each way of sorting compares: unique within one user's tasks, and in the order of an index. Ids and
# revisions are given in the order of creation and of change, whatever the clock did meanwhile.
SORT_KEY_COLUMNS = {"created": ("id",), "updated": ("revision",), "title": ("folded_title", "id")}

# The key of the last row of the page before.
BOUNDS = {
    "created": "%(after_0)s::bigint",
    "updated": "%(after_0)s::bigint",
    "title": '%(after_0)s::text COLLATE "C", %(after_1)s::bigint',
}


# What the texts of a task take, in bytes: as JSON it takes more.
TEXT_BYTES = " + ".join(
    f"coalesce(octet_length({name}), 0)" for name, field in SETTABLE.items() if field.sql_type == "text"
)


@cache
def list_tasks(
    *, completed: bool | None, sort: str, descending: bool, after: bool, known: bool, bounded: bool
) -> Statement[ListRow]:
    """Return the statement for one page: the owner's counters, repeated beside each of up to `limit` tasks.

    One statement and so one snapshot, in which counters and tasks agree. An owner without tasks is one row
    with a null id; a user who never wrote anything is no row. `after` wants the sort key of the last row of
    the page before in `after_0` (and `after_1`), so that a page costs the same wherever it begins. `known` wants
    revisions in `known`: when the owner's is among them, no task is read. `bounded` wants a number of bytes in
    `max_bytes`: the first task with which the texts are longer is the last one.
    """
    key = SORT_KEY_COLUMNS[sort]
    more_columns = [column for column in key if column not in RESPONSE_COLUMNS]
    conditions = ["user_id = %(owner)s::text"]
    if completed is not None:
        conditions.append("completed = true" if completed else "completed = false")
    if after:
        conditions.append(f"({', '.join(key)}) {'<' if descending else '>'} ({BOUNDS[sort]})")
    if known:
        conditions.append("NOT (users.revision = ANY (%(known)s::bigint[]))")
    order = "DESC" if descending else "ASC"
    ordered = ", ".join(f"{column} {order}" for column in key)
    read = [RESPONSE, *more_columns]
    if bounded:
        before = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
        read.append(f"coalesce(sum({TEXT_BYTES}) OVER (ORDER BY {ordered} {before}), 0) AS bytes_before")
    return Statement(
        f"""
        SELECT users.revision AS owner_revision, users.task_count, users.completed_count,
               {", ".join(f"page.{column}" for column in (*RESPONSE_COLUMNS, *more_columns))}
          FROM users
          LEFT JOIN LATERAL (
                   SELECT {", ".join(read)}
                     FROM tasks
                    WHERE {" AND ".join(conditions)}
                    ORDER BY {ordered}
                    LIMIT %(limit)s::bigint
               ) AS page ON {"page.bytes_before <= %(max_bytes)s::bigint" if bounded else "true"}
         WHERE users.id = %(owner)s::text
         ORDER BY {", ".join(f"page.{column} {order}" for column in key)}
        """,
        effect=Effect.READ_ONLY,
    )
