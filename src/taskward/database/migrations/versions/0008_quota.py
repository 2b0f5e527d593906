"""How many tasks a user may have, and how many answered keys are kept of them.

The limit is a setting of the service, so it comes with each transaction, as `app.max_tasks`. The trigger that
counts looks at it under the lock that it takes anyway: whatever comes at once, nobody has one task too many, and
no statement can forget it. A transaction without the setting, as in psql, has no limit.

Where there is no room the row is skipped, and the statement returns none. An error would end the whole
transaction, which may hold more than this task, and would fill the server's log at the pace of whoever is refused.

Answered keys are counted in periods of 24 hours, which begin with the first key after the one before has ended. So
a user has the keys of two periods at most, and nobody has to count again when keys are purged.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# The function of migration 0003. `most` and what becomes of it are new; downgrading leaves them out.
NUMBER_WRITES = """
    CREATE OR REPLACE FUNCTION tasks_take_the_next_revision() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    DECLARE
        owner            text   := CASE TG_OP WHEN 'DELETE' THEN OLD.user_id ELSE NEW.user_id END;
        tasks_more       bigint := CASE TG_OP WHEN 'INSERT' THEN 1 WHEN 'DELETE' THEN -1 ELSE 0 END;
        completed_before bigint := CASE WHEN TG_OP <> 'INSERT' AND OLD.completed THEN 1 ELSE 0 END;
        completed_after  bigint := CASE WHEN TG_OP <> 'DELETE' AND NEW.completed THEN 1 ELSE 0 END;
        next_revision    bigint;{most}
    BEGIN
        FOR attempt IN 1..10 LOOP
            UPDATE users
               SET revision        = revision + 1,
                   task_count      = task_count + tasks_more,
                   completed_count = completed_count + completed_after - completed_before
             WHERE id = owner{has_room}
            RETURNING revision INTO next_revision;
            EXIT WHEN FOUND;

            IF TG_OP = 'DELETE' THEN
                RETURN OLD; -- the user is being deleted, and the tasks with them (ON DELETE CASCADE)
            END IF;
            {skipped}
            -- The first task of a user whom an outside identity provider knows. Two first tasks may come
            -- at once: the slower one finds the row of the faster one in the next round. DO NOTHING and not
            -- DO UPDATE, which row-level security once failed to check (mended in PostgreSQL 18.7).
            INSERT INTO users (id) VALUES (owner) ON CONFLICT DO NOTHING;
        END LOOP;
        IF next_revision IS NULL THEN
            RAISE EXCEPTION 'the row of user % is there, and cannot be seen', owner;
        END IF;

        IF TG_OP = 'DELETE' THEN
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
# Of a transaction before, the setting is '' and not unset. Only a new task needs room; null is room enough.
MOST = """
        most             bigint := CASE TG_OP WHEN 'INSERT'
                                       THEN nullif(current_setting('app.max_tasks', true), '')::bigint END;"""
HAS_ROOM = " AND (most IS NULL OR task_count < most)"
SKIPPED = """
            IF most IS NOT NULL THEN
                PERFORM 1 FROM users WHERE id = owner AND task_count >= most;
                IF FOUND THEN
                    RETURN NULL; -- as many as they may have: no task is made, and the statement returns none
                END IF;
            END IF;
"""

WITH_QUOTA = NUMBER_WRITES.format(most=MOST, has_room=HAS_ROOM, skipped=SKIPPED)
WITHOUT_QUOTA = NUMBER_WRITES.format(most="", has_room="", skipped="")

COUNT_KEYS = """
    CREATE FUNCTION idempotency_keys_are_counted() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        UPDATE users
           SET key_count  = CASE WHEN keys_since > now() - interval '24 hours' THEN key_count + 1 ELSE 1 END,
               keys_since = CASE WHEN keys_since > now() - interval '24 hours' THEN keys_since ELSE now() END
         WHERE id = NEW.user_id;
        RETURN NEW;
    END
    $$
"""

# At the newest revision nobody inherits from the roles of requests (env.py). What earlier migrations did with the
# rights of those roles, their downgrades do as well. Before PostgreSQL 16 there is no such option.
INHERIT_AGAIN = """
    DO $$
    BEGIN
        IF current_setting('server_version_num')::int >= 160000 THEN
            EXECUTE 'GRANT taskward_app, taskward_accounts TO CURRENT_USER WITH INHERIT TRUE';
        END IF;
    END
    $$
"""


def upgrade() -> None:
    """Count keys, and heed how many tasks there may be."""
    op.execute("""
        ALTER TABLE users
            ADD key_count  bigint NOT NULL DEFAULT 0,
            ADD keys_since timestamptz
    """)
    op.execute("GRANT UPDATE (key_count, keys_since) ON users TO taskward_app")  # through the trigger
    op.execute(WITH_QUOTA)
    op.execute(COUNT_KEYS)
    op.execute("""
        CREATE TRIGGER count_keys
        BEFORE INSERT ON idempotency_keys
        FOR EACH ROW WHEN (nullif(current_setting('app.max_tasks', true), '') IS NOT NULL)
        EXECUTE FUNCTION idempotency_keys_are_counted()
    """)


def downgrade() -> None:
    """Count no keys, and limit nothing."""
    op.execute(INHERIT_AGAIN)
    op.execute("DROP TRIGGER count_keys ON idempotency_keys")
    op.execute("DROP FUNCTION idempotency_keys_are_counted()")
    op.execute(WITHOUT_QUOTA)
    op.execute("ALTER TABLE users DROP key_count, DROP keys_since")
