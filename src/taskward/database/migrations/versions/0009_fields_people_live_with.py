"""Days and times on which tasks are due, priorities, tags, a client's own name, and when a task was completed.

**A day is a day.** `due_date`, `due_time` and `due_zone` are three columns, as no instant can say "on Friday" or
"at six, wherever I am". The service knows no today, so nothing here depends on the time zone of a server or a
session.

**One key sorts by what is due**: minutes, with 1,441 of them to a day. So a day comes after its last minute and
before the next day's first, which no timestamp can say, and a task without a day after all. It is a generated
column, since under row-level security only an operator that is leakproof reaches an index, and comparing integers
is.

**Words, tags and priorities have no index.** LIKE, `@>` and `lower()` are not leakproof: a trigram or GIN index
would be kept up with each write and never used. Within one user's tasks a scan is cheap.

**`uid` is unique for each user**, and the index holds only tasks that have one.

`completed_at` is set by two triggers that run where `completed` becomes true or false, and so cost other writes
nothing. Of tasks that are completed already it is the time of their last change: nobody knows better.

Without `folded`, each search would have to name the collation that this server has (see the migration before the
last but one). It folds as titles are folded.

The table is written anew once, under a lock that lets nobody read or write it: two seconds for 300,000 tasks. No
task gets another revision, as the changes are of the table and not of its rows.
"""

from alembic import op
from sqlalchemy import text

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# The expression that titles are folded by, in the collation that was chosen when `folded_title` was made.
FOLDED_TITLE = text("""
    SELECT pg_get_expr(adbin, adrelid)
      FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
     WHERE adrelid = 'tasks'::regclass AND attname = 'folded_title'
""")
COLUMNS = """
    ADD completed_at timestamptz,
    ADD uid text,
    ADD due_date date,
    ADD due_time time,
    ADD due_zone text,
    ADD priority text,
    ADD tags text[] NOT NULL DEFAULT '{}'
"""


def upgrade() -> None:
    """Add the columns, and all that holds them to what the API says of them."""
    # When tasks were completed is told as a change of the column's type. An UPDATE would number each task anew,
    # and policies would hide all rows from it.
    op.execute("ALTER TABLE idempotency_keys" + COLUMNS)
    op.execute("""
        ALTER TABLE idempotency_keys
            ALTER completed_at TYPE timestamptz USING CASE WHEN completed THEN created_at END
    """)
    op.execute("""
        GRANT INSERT (completed_at, uid, due_date, due_time, due_zone, priority, tags)
        ON idempotency_keys TO taskward_app
    """)

    op.execute("ALTER TABLE tasks" + COLUMNS)
    op.execute(r"""
        ALTER TABLE tasks
            ALTER completed_at TYPE timestamptz USING CASE WHEN completed THEN updated_at END,
            ADD due_key bigint NOT NULL GENERATED ALWAYS AS (
                coalesce((due_date - '1899-12-31'::date)::bigint * 1441
                         + coalesce(extract(epoch FROM due_time)::bigint / 60, 1440), 9223372036854775807)
            ) STORED,
            ADD CONSTRAINT ck_tasks_uid CHECK (uid ~ '^[^\u0001-\u001f\u007f-\u009f\u2028\u2029]{1,255}$'),
            ADD CONSTRAINT ck_tasks_completed_at CHECK (completed = (completed_at IS NOT NULL)),
            ADD CONSTRAINT ck_tasks_due_date CHECK (due_date BETWEEN '1900-01-01' AND '9999-12-31'),
            ADD CONSTRAINT ck_tasks_due_time CHECK (due_time < '24:00' AND extract(second FROM due_time) = 0),
            ADD CONSTRAINT ck_tasks_due_time_needs_date CHECK (due_time IS NULL OR due_date IS NOT NULL),
            ADD CONSTRAINT ck_tasks_due_zone_length CHECK (char_length(due_zone) BETWEEN 1 AND 255),
            ADD CONSTRAINT ck_tasks_due_zone_needs_time CHECK (due_zone IS NULL OR due_time IS NOT NULL),
            ADD CONSTRAINT ck_tasks_priority CHECK (priority IN ('high', 'medium', 'low')),
            ADD CONSTRAINT ck_tasks_tags CHECK (
                cardinality(tags) <= 20
                AND cardinality(tags) = cardinality(string_to_array(array_to_string(tags, ',', ','), ','))
                AND array_to_string(tags, ',')
                    ~ '^([^,\u0001-\u001f\u007f-\u009f\u2028\u2029]{1,50}(,(?!$)|$))*$'
            )
    """)
    op.execute("CREATE INDEX ix_tasks_user_id_due ON tasks (user_id, due_key, id)")
    op.execute("CREATE INDEX ix_tasks_user_id_completed_due ON tasks (user_id, completed, due_key, id)")
    op.execute("CREATE UNIQUE INDEX uq_tasks_user_id_uid ON tasks (user_id, uid) WHERE uid IS NOT NULL")
    op.execute("""
        GRANT INSERT (uid, due_date, due_time, due_zone, priority, tags),
              UPDATE (due_date, due_time, due_zone, priority, tags)
        ON tasks TO taskward_app
    """)

    # They run after the trigger that gives `updated_at`: PostgreSQL goes by their names.
    op.execute("""
        CREATE FUNCTION tasks_tell_when_completed() RETURNS trigger
        LANGUAGE plpgsql
        AS $$
        BEGIN
            NEW.completed_at := CASE WHEN NEW.completed THEN NEW.updated_at END;
            RETURN NEW;
        END
        $$
    """)
    op.execute("""
        CREATE TRIGGER tell_when_completed_at_first
        BEFORE INSERT ON tasks FOR EACH ROW WHEN (NEW.completed)
        EXECUTE FUNCTION tasks_tell_when_completed()
    """)
    op.execute("""
        CREATE TRIGGER tell_when_completed_later
        BEFORE UPDATE ON tasks FOR EACH ROW WHEN (NEW.completed <> OLD.completed)
        EXECUTE FUNCTION tasks_tell_when_completed()
    """)

    expression = op.get_bind().execute(FOLDED_TITLE).scalar_one().replace("title", "$1")
    op.execute(f"""
        CREATE FUNCTION folded(text) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT {expression} $$
    """)
    op.execute("REVOKE ALL ON FUNCTION folded(text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION folded(text) TO taskward_app")


def downgrade() -> None:
    """Drop the columns, and with them every day, priority, tag and name."""
    op.execute("DROP FUNCTION folded(text)")
    op.execute("DROP TRIGGER tell_when_completed_later ON tasks")
    op.execute("DROP TRIGGER tell_when_completed_at_first ON tasks")
    op.execute("DROP FUNCTION tasks_tell_when_completed()")
    op.execute("ALTER TABLE tasks DROP due_key")
    for table in ("tasks", "idempotency_keys"):
        op.execute(f"""
            ALTER TABLE {table}
                DROP completed_at, DROP uid, DROP due_date, DROP due_time, DROP due_zone, DROP priority, DROP tags
        """)
