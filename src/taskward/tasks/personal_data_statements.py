"""The SQL of what is kept about a user's tasks, page by page. Owner-scoped, as all of `statements.py`."""

from taskward.database.driver.statement import Effect, Statement
from taskward.tasks.fields import SETTABLE
from taskward.tasks.statements import RESPONSE

PAGE = 200
KEPT = ", ".join(field.expression.format(name=name) for name, field in SETTABLE.items())

EXPORT_TASKS = Statement(
    f"""
    SELECT {RESPONSE}
      FROM tasks
     WHERE user_id = %(owner)s::text AND id > %(after)s::bigint
     ORDER BY id
     LIMIT %(page)s
    """,
    {"page": PAGE},
    effect=Effect.READ_ONLY,
)

EXPORT_DELETED_TASKS = Statement(
    """
    SELECT task_id AS id, uid, revision, timezone('UTC', deleted_at) AS deleted_at
      FROM deleted_tasks
     WHERE user_id = %(owner)s::text AND revision > %(after)s::bigint AND task_id IS NOT NULL
     ORDER BY revision
     LIMIT %(page)s
    """,
    {"page": PAGE},
    effect=Effect.READ_ONLY,
)

# A key is kept for a day, with the task as it was created.
EXPORT_KEYS = Statement(
    f"""
    SELECT key, timezone('UTC', stored_at) AS stored_at, task_id, revision,
           timezone('UTC', created_at) AS created_at,
           timezone('UTC', completed_at) AS completed_at, {KEPT}
      FROM idempotency_keys
     WHERE user_id = %(owner)s::text AND key > %(after)s::text
     ORDER BY key
     LIMIT %(page)s
    """,
    {"page": PAGE},
    effect=Effect.READ_ONLY,
)
