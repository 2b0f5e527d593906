"""Writes cost PostgreSQL less: it no longer reads what does not change anew for each of them.

PostgreSQL keeps the plan of a statement, but not the expressions of a table's checks and generated columns. Those
it reads from their stored text, simplifies and compiles for every INSERT and UPDATE, whatever is written: 14 KB
for a task, a quarter of what a create cost. What a PL/pgSQL function says is read once for each session. So

- **four checks call a function**, each by the name that it had. The functions are strict: for a null none is
  called. In SQL they would be put in the place of their calls, and read each time after all. What the other checks
  say is hardly longer than such a call;
- **`due_key` is kept by a trigger** that runs where there is a day, or where day or time change, as `completed_at`
  is. Its values stay, and nobody but that trigger may write it;
- **the trigger that numbers writes says each kind of write by itself**: an expression of PL/pgSQL is made ready
  once in each transaction, and there were more of them than a write needs.

The table is read once to check it, and not written anew, under a lock that lets nobody read or write it: less than
three seconds for 300,000 tasks on a machine with much else to do. To downgrade is to write it anew.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

FUNCTION = """
    CREATE FUNCTION {name}({kind}) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    BEGIN
        RETURN {condition};
    END
    $$
"""
# Most tasks have none, and for them the rest is not made ready.
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
    "is_due_date(date)": "$1 BETWEEN '1900-01-01' AND '9999-12-31'",
    "is_due_time(time)": "$1 < '24:00' AND extract(second FROM $1) = 0",
    "is_due_zone(text)": "char_length($1) BETWEEN 1 AND 255",
}

CHECKS = """
    ALTER TABLE tasks
        DROP CONSTRAINT ck_tasks_due_date,
        DROP CONSTRAINT ck_tasks_due_time,
        DROP CONSTRAINT ck_tasks_due_zone_length,
        DROP CONSTRAINT ck_tasks_tags,
        ADD CONSTRAINT ck_tasks_due_date CHECK ({due_date}),
        ADD CONSTRAINT ck_tasks_due_time CHECK ({due_time}),
        ADD CONSTRAINT ck_tasks_due_zone_length CHECK ({due_zone}),
        ADD CONSTRAINT ck_tasks_tags CHECK ({tags})
"""
BY_FUNCTIONS = {
    "due_date": "is_due_date(due_date)",
    "due_time": "is_due_time(due_time)",
    "due_zone": "is_due_zone(due_zone)",
    "tags": "are_tags(tags)",
}
IN_FULL = {
    "due_date": "due_date BETWEEN '1900-01-01' AND '9999-12-31'",
    "due_time": "due_time < '24:00' AND extract(second FROM due_time) = 0",
    "due_zone": "char_length(due_zone) BETWEEN 1 AND 255",
    "tags": r"""
                cardinality(tags) <= 20
                AND cardinality(tags) = cardinality(string_to_array(array_to_string(tags, ',', ','), ','))
                AND array_to_string(tags, ',')
                    ~ '^([^,\u0001-\u001f\u007f-\u009f\u2028\u2029]{1,50}(,(?!$)|$))*$'
            """,
}

# What sorting by due compares: see migration 0009.
NEVER = 9223372036854775807
DUE_KEY = f"""
    coalesce((%s.due_date - '1899-12-31'::date)::bigint * 1441
             + coalesce(extract(epoch FROM %s.due_time)::bigint / 60, 1440), {NEVER})
"""

NUMBER_WRITES = """
    CREATE OR REPLACE FUNCTION tasks_take_the_next_revision() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    DECLARE
        most          bigint;
        next_revision bigint;
        deletions     bigint;
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            UPDATE users
               SET revision        = revision + 1,
                   completed_count = completed_count + NEW.completed::int - OLD.completed::int
             WHERE id = NEW.user_id
            RETURNING revision INTO NEW.revision;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the row of user % is there, and cannot be seen', NEW.user_id;
            END IF;
            NEW.updated_at := clock_timestamp();
            RETURN NEW;
        END IF;

        IF TG_OP = 'INSERT' THEN
            -- Of a transaction before, the setting is '' and not unset. Null is any number.
            most := nullif(current_setting('app.max_tasks', true), '')::bigint;
            FOR attempt IN 1..10 LOOP
                UPDATE users
                   SET revision        = revision + 1,
                       task_count      = task_count + 1,
                       completed_count = completed_count + NEW.completed::int
                 WHERE id = NEW.user_id AND (most IS NULL OR task_count < most)
                RETURNING revision INTO NEW.revision;
                IF FOUND THEN
                    -- The clock is read, and an id taken, when the lock is held: so ids, times and numbers have
                    -- one order. What a statement brings for them is overwritten.
                    NEW.id         := nextval('tasks_id_seq');
                    NEW.updated_at := clock_timestamp();
                    NEW.created_at := NEW.updated_at;
                    RETURN NEW;
                END IF;

                IF most IS NOT NULL THEN
                    PERFORM 1 FROM users WHERE id = NEW.user_id AND task_count >= most;
                    IF FOUND THEN
                        RETURN NULL; -- as many as they may have: no task is made, and the statement returns none
                    END IF;
                END IF;

                -- The first task of a user whom an outside identity provider knows. Two first tasks may come
                -- at once: the slower one finds the row of the faster one in the next round. DO NOTHING and not
                -- DO UPDATE, which row-level security once failed to check (mended in PostgreSQL 18.7).
                INSERT INTO users (id) VALUES (NEW.user_id) ON CONFLICT DO NOTHING;
            END LOOP;
            RAISE EXCEPTION 'the row of user % is there, and cannot be seen', NEW.user_id;
        END IF;

        UPDATE users
           SET revision        = revision + 1,
               task_count      = task_count - 1,
               completed_count = completed_count - OLD.completed::int,
               deleted_count   = deleted_count + 1
         WHERE id = OLD.user_id
        RETURNING revision, deleted_count INTO next_revision, deletions;
        IF NOT FOUND THEN
            RETURN OLD; -- the user is being deleted, and the tasks with them (ON DELETE CASCADE)
        END IF;
        IF deletions <= 100000 THEN
            INSERT INTO deleted_tasks (user_id, revision, task_id, uid, deleted_at)
            VALUES (OLD.user_id, next_revision, OLD.id, OLD.uid, clock_timestamp());
        ELSE -- more than anybody reads; else a user could fill the disk with what is not there
            INSERT INTO deleted_tasks (user_id, revision, deleted_at)
            VALUES (OLD.user_id, next_revision, '-infinity');
            UPDATE users SET deleted_count = 0 WHERE id = OLD.user_id;
            PERFORM forget_deleted_tasks(next_revision);
        END IF;
        RETURN OLD;
    END
    $$
"""
# As migration 0010 has left it.
NUMBER_WRITES_BEFORE = """
    CREATE OR REPLACE FUNCTION tasks_take_the_next_revision() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    DECLARE
        owner            text   := CASE TG_OP WHEN 'DELETE' THEN OLD.user_id ELSE NEW.user_id END;
        tasks_more       bigint := CASE TG_OP WHEN 'INSERT' THEN 1 WHEN 'DELETE' THEN -1 ELSE 0 END;
        completed_before bigint := CASE WHEN TG_OP <> 'INSERT' AND OLD.completed THEN 1 ELSE 0 END;
        completed_after  bigint := CASE WHEN TG_OP <> 'DELETE' AND NEW.completed THEN 1 ELSE 0 END;
        next_revision    bigint;
        deletions        bigint;
        most             bigint := CASE TG_OP WHEN 'INSERT'
                                       THEN nullif(current_setting('app.max_tasks', true), '')::bigint END;
    BEGIN
        FOR attempt IN 1..10 LOOP
            UPDATE users
               SET revision        = revision + 1,
                   task_count      = task_count + tasks_more,
                   completed_count = completed_count + completed_after - completed_before,
                   deleted_count   = deleted_count - least(tasks_more, 0)
             WHERE id = owner AND (most IS NULL OR task_count < most)
            RETURNING revision, deleted_count INTO next_revision, deletions;
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

        IF TG_OP = 'DELETE' THEN
            IF deletions <= 100000 THEN
                INSERT INTO deleted_tasks (user_id, revision, task_id, uid, deleted_at)
                VALUES (owner, next_revision, OLD.id, OLD.uid, clock_timestamp());
            ELSE -- more than anybody reads; else a user could fill the disk with what is not there
                INSERT INTO deleted_tasks (user_id, revision, deleted_at)
                VALUES (owner, next_revision, '-infinity');
                UPDATE users SET deleted_count = 0 WHERE id = owner;
                PERFORM forget_deleted_tasks(next_revision);
            END IF;
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


def upgrade() -> None:
    """Have what each write reads anew be short."""
    for signature, condition in FUNCTIONS.items():
        name, kind = signature.removesuffix(")").split("(")
        op.execute(FUNCTION.format(name=name, kind=kind, condition=condition))
    op.execute(ARE_TAGS)
    for signature in (*FUNCTIONS, "are_tags(text[])"):
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO taskward_app")
    op.execute(CHECKS.format(**BY_FUNCTIONS))

    op.execute("ALTER TABLE tasks ALTER due_key DROP EXPRESSION")
    op.execute(f"ALTER TABLE tasks ALTER due_key SET DEFAULT {NEVER}")
    op.execute(f"""
        CREATE FUNCTION tasks_tell_when_due() RETURNS trigger
        LANGUAGE plpgsql
        AS $$
        BEGIN
            NEW.due_key := {DUE_KEY % ("NEW", "NEW")};
            RETURN NEW;
        END
        $$
    """)
    op.execute("""
        CREATE TRIGGER tell_when_due_at_first
        BEFORE INSERT ON tasks FOR EACH ROW WHEN (NEW.due_date IS NOT NULL)
        EXECUTE FUNCTION tasks_tell_when_due()
    """)
    op.execute("""
        CREATE TRIGGER tell_when_due_later
        BEFORE UPDATE OF due_date, due_time ON tasks FOR EACH ROW
        EXECUTE FUNCTION tasks_tell_when_due()
    """)
    op.execute(NUMBER_WRITES)


def downgrade() -> None:
    """Have it as it was."""
    op.execute(NUMBER_WRITES_BEFORE)
    op.execute("DROP TRIGGER tell_when_due_later ON tasks")
    op.execute("DROP TRIGGER tell_when_due_at_first ON tasks")
    op.execute("DROP FUNCTION tasks_tell_when_due()")
    # Its indexes go with the column; they are those of migration 0009.
    op.execute(f"""
        ALTER TABLE tasks
            DROP due_key,
            ADD due_key bigint NOT NULL GENERATED ALWAYS AS ({DUE_KEY % ("tasks", "tasks")}) STORED
    """)
    op.execute("CREATE INDEX ix_tasks_user_id_due ON tasks (user_id, due_key, id)")
    op.execute("CREATE INDEX ix_tasks_user_id_completed_due ON tasks (user_id, completed, due_key, id)")
    op.execute(CHECKS.format(**IN_FULL))
    for signature in (*FUNCTIONS, "are_tags(text[])"):
        op.execute(f"DROP FUNCTION {signature}")
