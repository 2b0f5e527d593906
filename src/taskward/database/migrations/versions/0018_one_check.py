"""Writes cost PostgreSQL less again: one check of a task instead of eleven, and two indexes fewer.

PostgreSQL reads each check of a table anew for every INSERT and UPDATE, whatever is written (migration 0015). By
pgbench the eleven of a task were a fifth of what an update costs PostgreSQL, and half of that is to begin with
each of them. So one function says all of it. The two rules between fields that clients are told of keep their
names: the function raises them.

An update gives a task another revision, so every index of the table gets another entry, which is the next largest
part. Two of the indexes served a list of all tasks, open and completed, by title or by day, and there are the same
two with `completed` in front. Such a list takes its page from both halves of these (`tasks/list_statements.py`).

The table is neither read nor written. What the new check says was checked of every row by those that it replaces,
so it is added as NOT VALID, which holds for all that is written from now on. Only where there is no row yet is it
validated, so that a new database has what the models say: by the size of the table, as policies hide all rows from
its owner; and not where there is Citus, as the rows may be elsewhere.
"""

from collections.abc import Iterable

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# First, as a cluster wants functions before it changes tables.
IS_TASK = r"""
    CREATE FUNCTION is_task(
        title text, description text, uid text, completed boolean, completed_at timestamptz, due_date date,
        due_time time, due_zone text, priority text, tags text[])
    RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
    BEGIN
        -- Two rules between fields, which have an answer of their own. The sentence has the name as well, as
        -- nothing else arrives from a cluster.
        IF due_time IS NOT NULL AND due_date IS NULL THEN
            RAISE check_violation USING CONSTRAINT = 'ck_tasks_due_time_needs_date',
                MESSAGE = '"ck_tasks_due_time_needs_date" does not hold';
        END IF;
        IF due_zone IS NOT NULL AND due_time IS NULL THEN
            RAISE check_violation USING CONSTRAINT = 'ck_tasks_due_zone_needs_time',
                MESSAGE = '"ck_tasks_due_zone_needs_time" does not hold';
        END IF;
        -- In uids and tags are no control characters and no ends of lines, and in tags no commas.
        RETURN char_length(title) BETWEEN 1 AND 200
               AND (description IS NULL OR char_length(description) <= 1000)
               AND (uid IS NULL OR uid ~ '^[^\u0001-\u001f\u007f-\u009f\u2028\u2029]{1,255}$')
               AND completed = (completed_at IS NOT NULL)
               AND (due_date IS NULL OR due_date BETWEEN '1900-01-01' AND '9999-12-31')
               AND (due_time IS NULL OR due_time < '24:00' AND extract(second FROM due_time) = 0)
               AND (due_zone IS NULL OR char_length(due_zone) BETWEEN 1 AND 255)
               AND (priority IS NULL OR priority IN ('high', 'medium', 'low'))
               AND (tags = '{}'
                    OR cardinality(tags) <= 20
                       AND cardinality(tags) = cardinality(string_to_array(array_to_string(tags, ',', ','), ','))
                       AND array_to_string(tags, ',')
                           ~ '^([^,\u0001-\u001f\u007f-\u009f\u2028\u2029]{1,50}(,(?!$)|$))*$');
    END
    $$
"""
SIGNATURE = "is_task(text, text, text, boolean, timestamptz, date, time, text, text, text[])"
CALL = "is_task(title, description, uid, completed, completed_at, due_date, due_time, due_zone, priority, tags)"
VALIDATE_IF_EMPTY = """
    DO $$
    BEGIN
        IF pg_relation_size('tasks') = 0 AND to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
            ALTER TABLE tasks VALIDATE CONSTRAINT ck_tasks_fields;
        END IF;
    END
    $$
"""

# As they were: by name without `ck_tasks_`.
CHECKS = {
    "title_length": "char_length(title) BETWEEN 1 AND 200",
    "description_length": "char_length(description) <= 1000",
    "uid": r"uid ~ '^[^\u0001-\u001f\u007f-\u009f\u2028\u2029]{1,255}$'",
    "completed_at": "completed = (completed_at IS NOT NULL)",
    "due_date": "is_due_date(due_date)",
    "due_time": "is_due_time(due_time)",
    "due_time_needs_date": "due_time IS NULL OR due_date IS NOT NULL",
    "due_zone_length": "is_due_zone(due_zone)",
    "due_zone_needs_time": "due_zone IS NULL OR due_time IS NOT NULL",
    "priority": "priority IN ('high', 'medium', 'low')",
    "tags": "are_tags(tags)",
}
FUNCTION = """
    CREATE FUNCTION {name} RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    BEGIN
        RETURN {condition};
    END
    $$
"""
ARE_TAGS = r"""
    CREATE FUNCTION are_tags(text[]) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    BEGIN
        IF $1 = '{}' THEN
            RETURN true;
        END IF;
        RETURN cardinality($1) <= 20
               AND cardinality($1) = cardinality(string_to_array(array_to_string($1, ',', ','), ','))
               AND array_to_string($1, ',')
                   ~ '^([^,\u0001-\u001f\u007f-\u009f\u2028\u2029]{1,50}(,(?!$)|$))*$';
    END
    $$
"""
FUNCTIONS = {
    "is_due_date(date)": FUNCTION.format(
        name="is_due_date(date)", condition="$1 BETWEEN '1900-01-01' AND '9999-12-31'"
    ),
    "is_due_time(time)": FUNCTION.format(
        name="is_due_time(time)", condition="$1 < '24:00' AND extract(second FROM $1) = 0"
    ),
    "is_due_zone(text)": FUNCTION.format(name="is_due_zone(text)", condition="char_length($1) BETWEEN 1 AND 255"),
    "are_tags(text[])": ARE_TAGS,
}
INDEXES = {
    "ix_tasks_user_id_title": "user_id, folded_title, id",
    "ix_tasks_user_id_due": "user_id, due_key, id",
}


def upgrade() -> None:
    """Say in one check what eleven said."""
    op.execute(IS_TASK)
    _for_the_application(SIGNATURE)
    _drop_checks(CHECKS)
    op.execute(f"ALTER TABLE tasks ADD CONSTRAINT ck_tasks_fields CHECK ({CALL}) NOT VALID")
    op.execute(VALIDATE_IF_EMPTY)
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")


def downgrade() -> None:
    """Have it as it was."""
    for signature, function in FUNCTIONS.items():
        op.execute(function)
        _for_the_application(signature)
    _drop_checks(["fields"])
    for name, condition in CHECKS.items():  # one by one, as a cluster wants it
        op.execute(f"ALTER TABLE tasks ADD CONSTRAINT ck_tasks_{name} CHECK ({condition})")
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    for name, columns in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON tasks ({columns})")


def _for_the_application(signature: str) -> None:
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO taskward_app")


def _drop_checks(names: Iterable[str]) -> None:
    op.execute("ALTER TABLE tasks " + ", ".join(f"DROP CONSTRAINT ck_tasks_{name}" for name in names))
