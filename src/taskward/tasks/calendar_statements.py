"""The SQL of calendars. Owner-scoped, as all of `statements.py`."""

from taskward.database.driver.statement import Effect, Statement
from taskward.tasks.fields import TaskRead
from taskward.tasks.page import BOUNDED_FROM
from taskward.tasks.statements import RESPONSE, RESPONSE_COLUMNS

PAGE = BOUNDED_FROM  # so many of the largest tasks are hardly more than a page of a list, whose size is bounded


class CalendarRow(TaskRead):
    """A row of a calendar: the owner's revision beside a task, whose columns are null where there is none."""

    owner_revision: int


# Tasks by their number, which stays: one that is moved to another day meanwhile is not on two pages, nor on none.
# When the owner's revision is one of `known`, no task is read. Whoever has no row has no token either.
READ_CALENDAR: Statement[CalendarRow] = Statement(
    f"""
    SELECT users.revision AS owner_revision, {", ".join(f"page.{column}" for column in RESPONSE_COLUMNS)}
      FROM users
      LEFT JOIN LATERAL (
               SELECT {RESPONSE}
                 FROM tasks
                WHERE user_id = %(owner)s::text AND NOT completed AND id > %(after)s::bigint
                  AND due_date IS NOT NULL AND NOT (users.revision = ANY (%(known)s::bigint[]))
                ORDER BY id
                LIMIT %(page)s::bigint
           ) AS page ON true
     WHERE users.id = %(owner)s::text
     ORDER BY page.id
    """,
    {"page": PAGE},
    effect=Effect.READ_ONLY,
)
