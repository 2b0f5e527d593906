"""What tasks keep in the database, for the start-up check. model.py has the columns, which no worker loads."""

from collections.abc import Callable

from taskward.database.tables import CountedWrites, Tables
from taskward.errors import ValidationFailedError
from taskward.tasks.values import need_of

# After a restore, no number may be given again that was given in the time that is lost: clients hold them, and
# entity tags made of them. So counters go on from the time in microseconds, also those of users who are yet to
# come. No user writes a million times a second, so it is more than any number before, however often and from
# whichever backup somebody restores. JavaScript counts that far until 2255. What is known of deletions is void,
# and a marker of each user stands in its place: every client begins again, once.
#
# Policies hide all rows from the owner of the tables. Within this transaction they do not, under a lock that lets
# nobody else read or write.
BEGIN_AGAIN = """
    DO $$
    DECLARE
        beginning bigint;
    BEGIN
        PERFORM set_config('lock_timeout', '3s', true); -- else all requests would queue behind it
        ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE deleted_tasks NO FORCE ROW LEVEL SECURITY;

        SELECT greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, max(revision) + 1048576)
          INTO beginning
          FROM users;
        TRUNCATE deleted_tasks;
        UPDATE users SET revision = beginning, deleted_count = 0;
        INSERT INTO deleted_tasks (user_id, revision, deleted_at) SELECT id, beginning, '-infinity' FROM users;
        EXECUTE format('ALTER TABLE users ALTER revision SET DEFAULT %s', beginning);
        -- A client may yet want to change a task of the time that was lost: its id is to be no other task's.
        PERFORM setval('tasks_id_seq', last_value + 1048576) FROM tasks_id_seq;

        ALTER TABLE users FORCE ROW LEVEL SECURITY;
        ALTER TABLE deleted_tasks FORCE ROW LEVEL SECURITY;
    END
    $$
"""


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
    after_restore=(BEGIN_AGAIN,),
    spread=("users", "tasks", "deleted_tasks", "idempotency_keys"),
    functions_of_rows=("folded(text)", "forget_deleted_tasks(bigint)", "arrived(text)"),
)
