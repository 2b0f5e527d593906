"""What tasks keep in the database, for the start-up check. model.py has the columns, which no worker loads."""

from taskward.database.tables import CountedWrites, Tables

TABLES = Tables(
    of_users=("users", "tasks", "idempotency_keys"),
    counted=(
        CountedWrites("tasks", "take_the_next_revision"),
        CountedWrites("idempotency_keys", "count_keys"),
    ),
)
