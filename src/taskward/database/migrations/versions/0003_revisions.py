"""The counter of each user: every write to a task takes the next number.

A trigger does it, not the application's statements, for three reasons. No statement can forget it. A trigger
sees the row as it is when its lock has been taken; a common table expression in the statement itself would
decide by the snapshot of when the statement began, and count a task twice that two writers complete at once.
And statements stay as plain as `UPDATE tasks SET ... WHERE ...`.

The update of the user's row is also a lock: writers to one user's tasks queue there until the one before has
committed, so per user the order of numbers is the order of commits.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Number every write, and keep the counts that lists answer with."""
    op.execute("""
        CREATE FUNCTION tasks_take_the_next_revision() RETURNS trigger
        LANGUAGE plpgsql
        AS $$
        DECLARE
            owner            text   := CASE TG_OP WHEN 'DELETE' THEN OLD.user_id ELSE NEW.user_id END;
            tasks_more       bigint := CASE TG_OP WHEN 'INSERT' THEN 1 WHEN 'DELETE' THEN -1 ELSE 0 END;
            completed_before bigint := CASE WHEN TG_OP <> 'INSERT' AND OLD.completed THEN 1 ELSE 0 END;
            completed_after  bigint := CASE WHEN TG_OP <> 'DELETE' AND NEW.completed THEN 1 ELSE 0 END;
            next_revision    bigint;
        BEGIN
            FOR attempt IN 1..10 LOOP
                UPDATE users
                   SET revision        = revision + 1,
                       task_count      = task_count + tasks_more,
                       completed_count = completed_count + completed_after - completed_before
                 WHERE id = owner
                RETURNING revision INTO next_revision;
                EXIT WHEN FOUND;

                IF TG_OP = 'DELETE' THEN
                    RETURN OLD; -- the user is being deleted, and the tasks with them (ON DELETE CASCADE)
                END IF;

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
    """)
    op.execute("""
        CREATE TRIGGER take_the_next_revision
        BEFORE INSERT OR UPDATE OR DELETE ON tasks
        FOR EACH ROW EXECUTE FUNCTION tasks_take_the_next_revision()
    """)


def downgrade() -> None:
    """Stop numbering."""
    op.execute("DROP TRIGGER take_the_next_revision ON tasks")
    op.execute("DROP FUNCTION tasks_take_the_next_revision()")
