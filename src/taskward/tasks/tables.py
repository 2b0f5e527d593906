"""What tasks keep in the database, for the start-up check. model.py has the columns, which no worker loads."""

from collections.abc import Callable

from taskward.database.tables import CountedWrites, Tables
from taskward.errors import ValidationFailedError
from taskward.tasks.values import need_of


def _needs(name: str) -> Callable[[], ValidationFailedError]:
    """Return the error of a change that leaves a field without the one it needs."""
    return lambda: ValidationFailedError([(name, need_of(name))])


TABLES = Tables(
    of_users=("users", "tasks", "deleted_tasks", "idempotency_keys"),
    counted=(
        CountedWrites("tasks", "take_the_next_revision"),
        CountedWrites("users", "begin_with_a_marker"),
        CountedWrites("idempotency_keys", "count_keys"),
    ),
    broken={
        "ck_tasks_due_time_needs_date": _needs("due_time"),
        "ck_tasks_due_zone_needs_time": _needs("due_zone"),
    },
)
