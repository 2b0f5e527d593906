"""What was deleted, so that a client can ask what has changed since it last looked.

**A tombstone for each deleted task**, written by the trigger that numbers writes, under the lock that it holds: no
statement can forget it, and the numbers of changes and deletions are one sequence, in the order of their times. So
of one user's tombstones those that are too old come first, and a client has missed one of them if, and only if,
the first one after what it knows is too old. Nothing has to run for that.

**A marker** is a tombstone of no task, older than any time. It says: whoever knows less than this begins again.
Whoever meets one on a page does so as well: where a clock was set back, others may stand before it that are
younger. The purge makes one of each user's newest tombstone that is too old, and removes those before it. What was
deleted before this migration left no tombstone, so each user there is gets a marker at their counter. And a user
who has deleted 100,000 tasks gets one in the place of all their tombstones: batches delete faster than any purge.

**Users who begin above zero** begin with a marker, too. After a restore (`taskward after-restore`) the default of
`users.revision` is a number that nobody has seen, as a user of the time that was lost may come back and must not
count the same numbers again.

When their user is deleted, tasks leave no tombstones: the trigger finds the user's row gone and does no more.

For the markers, the policies of `users` are off for the table's owner, within this transaction and under a lock
that lets nobody read or write it.
"""

from alembic import op
from sqlalchemy import text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

USER = "nullif(current_setting('app.user_id', true), '')"

# The function of migration 0008. Tombstones and their count are new; downgrading leaves them out.
NUMBER_WRITES = """
    CREATE OR REPLACE FUNCTION tasks_take_the_next_revision() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    DECLARE
        owner            text   := CASE TG_OP WHEN 'DELETE' THEN OLD.user_id ELSE NEW.user_id END;
        tasks_more       bigint := CASE TG_OP WHEN 'INSERT' THEN 1 WHEN 'DELETE' THEN -1 ELSE 0 END;
        completed_before bigint := CASE WHEN TG_OP <> 'INSERT' AND OLD.completed THEN 1 ELSE 0 END;
        completed_after  bigint := CASE WHEN TG_OP <> 'DELETE' AND NEW.completed THEN 1 ELSE 0 END;
        next_revision    bigint;{declared}
        most             bigint := CASE TG_OP WHEN 'INSERT'
                                       THEN nullif(current_setting('app.max_tasks', true), '')::bigint END;
    BEGIN
        FOR attempt IN 1..10 LOOP
            UPDATE users
               SET revision        = revision + 1,
                   task_count      = task_count + tasks_more,
                   completed_count = completed_count + completed_after - completed_before{counted}
             WHERE id = owner AND (most IS NULL OR task_count < most)
            RETURNING revision{returned} INTO next_revision{taken};
            EXIT WHEN FOUND;

            IF TG_OP = 'DELETE' THEN
                RETURN OLD; -- the user is being deleted, and the tasks with them (ON DELETE CASCADE)
            END IF;

            IF most IS NOT NULL THEN
                PERFORM 1 FROM users WHERE id = owner AND task_count >= most;
                IF FOUND THEN
                    RETURN NULL; -- as many as they may have: no task is made, and the statement returns none
                END IF;
            END IF;

            -- The first task of a user whom an outside identity provider knows. Two first tasks may come
            -- at once: the slower one finds the row of the faster one in the next round. DO NOTHING and not
            -- DO UPDATE, which row-level security once failed to check (mended in PostgreSQL 18.7).
            INSERT INTO users (id) VALUES (owner) ON CONFLICT DO NOTHING;
        END LOOP;
        IF next_revision IS NULL THEN
            RAISE EXCEPTION 'the row of user % is there, and cannot be seen', owner;
        END IF;

        IF TG_OP = 'DELETE' THEN{tombstone}
            RETURN OLD;
        END IF;
        -- The clock is read, and an id taken, when the lock is held: so ids, times and numbers have one order.
        -- What a statement brings for them is overwritten.
        NEW.revision   := next_revision;
        NEW.updated_at := clock_timestamp();
        IF TG_OP = 'INSERT' THEN
            NEW.id         := nextval('tasks_id_seq');
            NEW.created_at := NEW.updated_at;
        END IF;
        RETURN NEW;
    END
    $$
"""
WITH_TOMBSTONES = NUMBER_WRITES.format(
    declared="""
        deletions        bigint;""",
    counted=""",
                   deleted_count   = deleted_count - least(tasks_more, 0)""",
    returned=", deleted_count",
    taken=", deletions",
    tombstone="""
            IF deletions <= 100000 THEN
                INSERT INTO deleted_tasks (user_id, revision, task_id, uid, deleted_at)
                VALUES (owner, next_revision, OLD.id, OLD.uid, clock_timestamp());
            ELSE -- more than anybody reads; else a user could fill the disk with what is not there
                INSERT INTO deleted_tasks (user_id, revision, deleted_at)
                VALUES (owner, next_revision, '-infinity');
                UPDATE users SET deleted_count = 0 WHERE id = owner;
                PERFORM forget_deleted_tasks(next_revision);
            END IF;""",
)
WITHOUT_TOMBSTONES = NUMBER_WRITES.format(declared="", counted="", returned="", taken="", tombstone="")

# Removes the acting user's tombstones before one, and no other's: the policy of users holds the janitor as well.
FORGET = """
    CREATE FUNCTION forget_deleted_tasks(before bigint) RETURNS void
    LANGUAGE sql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
        DELETE FROM {schema}.deleted_tasks WHERE user_id = {user} AND revision < before
    $$
"""

MARK_THE_BEGINNING = """
    CREATE FUNCTION users_begin_with_a_marker() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        INSERT INTO deleted_tasks (user_id, revision, deleted_at) VALUES (NEW.id, NEW.revision, '-infinity');
        RETURN NULL;
    END
    $$
"""

# Several tombstones of a user may be too old at once: the newest becomes the marker, and the others go. They are
# found by an index that has no markers, so that it costs as much as there is to do.
PURGE = """
    CREATE FUNCTION purge_deleted_tasks(at_most bigint) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
        WITH expired AS MATERIALIZED (
            SELECT user_id, revision
              FROM {schema}.deleted_tasks
             WHERE deleted_at > '-infinity' AND deleted_at < now() - interval '30 days'
             ORDER BY deleted_at
             LIMIT at_most
        ), newest AS (
            SELECT user_id, max(revision) AS revision FROM expired GROUP BY user_id
        ), marked AS (
            UPDATE {schema}.deleted_tasks AS kept
               SET task_id = NULL, uid = NULL, deleted_at = '-infinity'
              FROM newest
             WHERE kept.user_id = newest.user_id AND kept.revision = newest.revision
        ), purged AS (
            DELETE FROM {schema}.deleted_tasks AS older
             USING newest
             WHERE older.user_id = newest.user_id AND older.revision < newest.revision
        )
        SELECT count(*) FROM expired
    $$
"""


def upgrade() -> None:
    """Keep what is deleted, and mark where that begins."""
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute("""
        CREATE TABLE deleted_tasks (
            user_id    text        NOT NULL,
            revision   bigint      NOT NULL,
            task_id    bigint,
            uid        text,
            deleted_at timestamptz NOT NULL,
            CONSTRAINT pk_deleted_tasks PRIMARY KEY (user_id, revision),
            CONSTRAINT fk_deleted_tasks_user_id_users
                FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
            CONSTRAINT ck_deleted_tasks_marker CHECK ((task_id IS NULL) = (deleted_at = '-infinity'))
        )
    """)
    op.execute("CREATE INDEX ix_deleted_tasks_due ON deleted_tasks (deleted_at) WHERE deleted_at > '-infinity'")

    op.execute("ALTER TABLE users NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        INSERT INTO deleted_tasks (user_id, revision, deleted_at)
        SELECT id, revision, '-infinity' FROM users WHERE revision > 0
    """)
    op.execute("ALTER TABLE users FORCE ROW LEVEL SECURITY")

    op.execute("ALTER TABLE deleted_tasks ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE deleted_tasks FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY "users see and change only what is their own" ON deleted_tasks
        FOR ALL TO PUBLIC USING (user_id = {USER}) WITH CHECK (user_id = {USER})
    """)
    op.execute("""
        GRANT SELECT, INSERT (user_id, revision, task_id, uid, deleted_at) ON deleted_tasks TO taskward_app
    """)  # what is written is written through the triggers
    op.execute("ALTER TABLE users ADD deleted_count bigint NOT NULL DEFAULT 0")
    op.execute("GRANT UPDATE (deleted_count) ON users TO taskward_app")  # through the trigger
    op.execute(WITH_TOMBSTONES)
    op.execute(MARK_THE_BEGINNING)
    op.execute("""
        CREATE TRIGGER begin_with_a_marker
        AFTER INSERT ON users FOR EACH ROW WHEN (NEW.revision > 0)
        EXECUTE FUNCTION users_begin_with_a_marker()
    """)

    # As for idempotency keys: the janitor sees only what is due, of all users, and its one function answers with a
    # number.
    op.execute("""
        GRANT SELECT, DELETE, UPDATE (task_id, uid, deleted_at) ON deleted_tasks TO taskward_janitor
    """)
    op.execute("""
        CREATE POLICY "the janitor removes what is older than 30 days" ON deleted_tasks
        FOR ALL TO taskward_janitor
        USING (deleted_at < now() - interval '30 days') WITH CHECK (deleted_at = '-infinity')
    """)
    op.execute(PURGE.format(schema=schema))
    op.execute(FORGET.format(schema=schema, user=USER))
    op.execute("GRANT taskward_janitor TO CURRENT_USER")
    op.execute(f"GRANT CREATE ON SCHEMA {schema} TO taskward_janitor")
    for function in ("purge_deleted_tasks(bigint)", "forget_deleted_tasks(bigint)"):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO taskward_app")
        op.execute(f"ALTER FUNCTION {function} OWNER TO taskward_janitor")
    op.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM taskward_janitor")
    op.execute("REVOKE taskward_janitor FROM CURRENT_USER")


def downgrade() -> None:
    """Forget what was deleted. Users go on from the numbers they have reached, also those who begin."""
    op.execute("GRANT taskward_janitor TO CURRENT_USER")
    op.execute("DROP FUNCTION purge_deleted_tasks(bigint)")
    op.execute("DROP FUNCTION forget_deleted_tasks(bigint)")
    op.execute("REVOKE taskward_janitor FROM CURRENT_USER")
    op.execute("DROP TRIGGER begin_with_a_marker ON users")
    op.execute("DROP FUNCTION users_begin_with_a_marker()")
    op.execute(WITHOUT_TOMBSTONES)
    op.execute("DROP TABLE deleted_tasks")
    op.execute("ALTER TABLE users DROP deleted_count")
