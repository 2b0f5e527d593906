"""The SQL of what has changed since a revision. Owner-scoped, as all of `statements.py`."""

from functools import cache

from taskward.database.driver.statement import Effect, Statement
from taskward.tasks.fields import TaskRead
from taskward.tasks.list_statements import TEXT_BYTES
from taskward.tasks.statements import RESPONSE, RESPONSE_COLUMNS


class ChangeRow(TaskRead):
    """The owner's counters beside a task, or beside what is left of one; its columns may all be null."""

    owner_revision: int
    task_count: int
    expired: bool | None  # whether the first deletion since is older than deletions are kept
    deleted: bool | None


KEPT = "interval '30 days'"  # as in the purge and its policy, migration 0010

PURGE_BATCH = 1000

# What is known of a deleted task. Nulls take their types from the tasks that these rows are put together with.
OF_DELETED = {"id": "task_id", "uid": "uid", "user_id": "user_id", "revision": "revision"}
DELETED = ", ".join(f"{OF_DELETED.get(name, 'NULL')} AS {name}" for name in RESPONSE_COLUMNS)

# Of each kind as many as a page can have. Where nothing is newer than the owner's row says, neither kind is read.
NEWER = "user_id = %(owner)s::text AND revision > %(since)s::bigint AND users.revision > %(since)s::bigint"
OF_PAGE = f"WHERE {NEWER} AND first_deleted.expired IS NOT TRUE ORDER BY revision LIMIT %(limit)s::bigint"


@cache
def changes(*, bounded: bool) -> Statement[ChangeRow]:
    """Return the statement for one page of changes after `since`: up to `limit`, in the order of their revisions.

    One statement and so one snapshot, in which counters and changes agree. An owner of whom nothing is newer is
    one row without a task; a user who never wrote anything is no row. `bounded` wants a number of bytes in
    `max_bytes`: the first change with which the texts are longer is the last one.
    """
    before = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    bytes_before = f", coalesce(sum({TEXT_BYTES}) OVER (ORDER BY revision {before}), 0) AS bytes_before"
    return Statement(
        f"""
        SELECT users.revision AS owner_revision, users.task_count, first_deleted.expired,
               page.deleted, {", ".join(f"page.{column}" for column in RESPONSE_COLUMNS)}
          FROM users
          LEFT JOIN LATERAL (
                   SELECT deleted_at < now() - {KEPT} AS expired
                     FROM deleted_tasks
                    WHERE {NEWER}
                    ORDER BY revision
                    LIMIT 1
               ) AS first_deleted ON true
          LEFT JOIN LATERAL (
                   SELECT *{bytes_before if bounded else ""}
                     FROM ((SELECT false AS deleted, {RESPONSE} FROM tasks {OF_PAGE})
                           UNION ALL
                           (SELECT true, {DELETED} FROM deleted_tasks {OF_PAGE})) AS change
                    ORDER BY revision
                    LIMIT %(limit)s::bigint
               ) AS page ON {"page.bytes_before <= %(max_bytes)s::bigint" if bounded else "true"}
         WHERE users.id = %(owner)s::text
         ORDER BY page.revision
        """,
        effect=Effect.READ_ONLY,
        lazy=True,
    )


PURGE_DELETED = Statement("SELECT purge_deleted_tasks(%(batch)s) AS purged", {"batch": PURGE_BATCH})
