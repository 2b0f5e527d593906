"""One schema for one PostgreSQL and for Citus, which spreads rows over several of them by user.

Whatever Citus cannot do, and one server can do otherwise at no cost, is done otherwise on both:

- **Policies** are without a sub-select (Citus: "Subqueries are not supported in policies on distributed tables").
- **Bodies of functions are texts.** Citus makes a table anew when it distributes it. A body that PostgreSQL has
  parsed depends on the table, and would be dropped with it, with no more than a NOTICE.
- **Purges** find the moment of a batch's last row, and delete by time: `ctid` means nothing to another server.
- **The id of a task** is taken from the transaction's setting `app.task_id`, if there is one. On one server there
  is none, and the trigger takes the next of the sequence under its lock, as before. Where rows are distributed the
  coordinator gives ids, so that they are unique, below 2^53 and in the order of creation, wherever a user's rows
  are moved to. The server that has the rows has no sequence, so that nobody can forget to ask for an id.

What one server would pay for is done only where rows are distributed (`taskward/database/engine.py`). What is
called there is here:

- `act_as`: the identity by SET LOCAL, which Citus sends on to the servers with the rows, as it does not with
  `set_config`. It must be a procedure: in a function that comes first, Citus sees no transaction yet.
- `hold_user`: locks the row of the user, or makes it. It does what the foreign key to accounts does on one server,
  and cannot do there, as accounts are not distributed: it makes no row for a user whose account is gone, and holds
  on to the account meanwhile, so that a deletion and a first write wait for each other. Then it takes an id.
- `create_task_once`: creates that look for what is there, step by step. Citus cannot do it in one statement.

They are as good on one server, where tests run them.
"""

from alembic import op
from sqlalchemy import text

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

POLICY = '"users see and change only what is their own"'
USER_COLUMN = {"users": "id", "tasks": "user_id", "idempotency_keys": "user_id"}

FROM_SEQUENCE = "NEW.id         := nextval('tasks_id_seq');"
# A statement of its own, which PL/pgSQL reads only when it comes to it: there may be no such sequence.
GIVEN_OR_FROM_SEQUENCE = f"""NEW.id         := nullif(current_setting('app.task_id', true), '')::bigint;
                    IF NEW.id IS NULL THEN
                        {FROM_SEQUENCE}
                    END IF;"""

TRIGGER_FUNCTION = "SELECT pg_get_functiondef('tasks_take_the_next_revision()'::regprocedure)"
FOR_USERS = ("hold_account(text)", "hold_user(text)", "create_task_once(text, jsonb, text, bytea, bigint)")

# A definer's function must not find a stranger's objects under the names it uses (see migration 0004).
DEFINER = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"

# The moments are variables, as Citus wants no function that is not immutable in a CASE of an UPDATE.
COUNT_KEYS = """
    CREATE OR REPLACE FUNCTION idempotency_keys_are_counted() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    DECLARE
        this_moment timestamptz := now();
        a_day_ago   timestamptz := this_moment - interval '24 hours';
    BEGIN
        UPDATE users
           SET key_count  = CASE WHEN keys_since > a_day_ago THEN key_count + 1 ELSE 1 END,
               keys_since = CASE WHEN keys_since > a_day_ago THEN keys_since ELSE this_moment END
         WHERE id = NEW.user_id;
        RETURN NEW;
    END
    $$
"""

# The last of a batch is found by an index, and the batch is all that is not younger. Where several rows are
# equally old it has more rows than it was to have. In PL/pgSQL, so that each delete is planned for its moment; and
# never by a scan of the table, whatever the statistics say: a batch is small.
PURGE_KEYS = """
    SET enable_seqscan = off
    AS $$
    DECLARE
        youngest timestamptz;
        purged   bigint;
    BEGIN
        SELECT max(stored_at) INTO youngest
          FROM (SELECT stored_at
                  FROM {schema}.idempotency_keys
                 WHERE stored_at < now() - interval '24 hours'
                 ORDER BY stored_at
                 LIMIT at_most) AS batch;
        DELETE FROM {schema}.idempotency_keys WHERE stored_at <= youngest;
        GET DIAGNOSTICS purged = ROW_COUNT;
        RETURN purged;
    END
    $$
"""
# What a user deleted before a deletion of the batch goes, markers included. So of each user one is left, the
# newest of the batch, and becomes the marker.
PURGE_DELETED = """
    SET enable_seqscan = off
    AS $$
    DECLARE
        youngest timestamptz;
        purged   bigint;
        marked   bigint;
    BEGIN
        SELECT max(deleted_at) INTO youngest
          FROM (SELECT deleted_at
                  FROM {schema}.deleted_tasks
                 WHERE deleted_at > '-infinity' AND deleted_at < now() - interval '30 days'
                 ORDER BY deleted_at
                 LIMIT at_most) AS batch;
        SELECT count(*) INTO purged
          FROM {schema}.deleted_tasks
         WHERE deleted_at > '-infinity' AND deleted_at <= youngest;
        DELETE FROM {schema}.deleted_tasks AS older
         USING {schema}.deleted_tasks AS newer
         WHERE newer.deleted_at > '-infinity' AND newer.deleted_at <= youngest
           AND older.user_id = newer.user_id AND older.revision < newer.revision;
        UPDATE {schema}.deleted_tasks
           SET task_id = NULL, uid = NULL, deleted_at = '-infinity'
         WHERE deleted_at > '-infinity' AND deleted_at <= youngest;
        RETURN purged;
    END
    $$
"""

ACT_AS = """
    CREATE PROCEDURE act_as(
        acting_role text, owner text, timeout text, max_tasks text, only_reads boolean, INOUT correlation_id text)
    LANGUAGE plpgsql
    AS $$
    BEGIN
        -- Each of them in a command of its own, as Citus sends on the text of the command it is in.
        PERFORM set_config('citus.propagate_set_commands', 'local', true);
        EXECUTE format('SET LOCAL app.user_id = %L', owner);
        EXECUTE format('SET LOCAL app.max_tasks = %L', max_tasks);
        EXECUTE format('SET LOCAL statement_timeout = %L', timeout);
        SET LOCAL lock_timeout = '1s';
        IF only_reads THEN
            SET LOCAL transaction_read_only = on;
        END IF;
        PERFORM set_config('role', acting_role, true); -- not sent on: Citus logs in as this role
    END
    $$
"""
HOLD_ACCOUNT = """
    AS $$
    BEGIN
        PERFORM 1 FROM {schema}.accounts WHERE id = account FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE foreign_key_violation
                USING MESSAGE = 'there is no such account', CONSTRAINT = 'fk_users_account_id_accounts';
        END IF;
    END
    $$
"""
HOLD_USER = """
    CREATE PROCEDURE hold_user(owner text)
    LANGUAGE plpgsql
    AS $$
    BEGIN
        PERFORM 1 FROM users WHERE id = owner FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            IF owner ~ '^usr_[a-z2-7]{28}$' THEN
                PERFORM hold_account(owner);
            END IF;
            INSERT INTO users (id) VALUES (owner) ON CONFLICT DO NOTHING;
            PERFORM 1 FROM users WHERE id = owner FOR NO KEY UPDATE;
        END IF;
        EXECUTE format('SET LOCAL app.task_id = %L', nextval('tasks_id_seq'));
    END
    $$
"""
# For the policies of distributed tables. A server that was not told who asks must not say that there is nothing.
ARRIVED = """
    CREATE FUNCTION arrived(identity text) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $$
    BEGIN
        IF identity IS NULL AND current_user = 'taskward_app' THEN
            RAISE object_not_in_prerequisite_state USING MESSAGE = 'no identity has arrived at this server';
        END IF;
        RETURN identity;
    END
    $$
"""
# A task is given and answered as JSON, so that the function does not depend on the table: distributing makes that
# anew. What is answered is created or known, with the fingerprint of the create that it was stored for; or
# nothing, where there is no room for it.
CREATE_TASK_ONCE = """
    CREATE FUNCTION create_task_once(
        owner text, given jsonb, wanted_key text, wanted_fingerprint bytea, max_keys bigint)
    RETURNS TABLE (created boolean, fingerprint bytea, task jsonb)
    LANGUAGE plpgsql
    AS $$
    #variable_conflict use_column
    DECLARE
        stored idempotency_keys;
        known  tasks;
        made   tasks := jsonb_populate_record(NULL::tasks, given);
    BEGIN
        CALL hold_user(owner);
        IF wanted_key IS NOT NULL THEN
            SELECT * INTO stored FROM idempotency_keys WHERE user_id = owner AND key = wanted_key;
            IF FOUND THEN
                RETURN QUERY SELECT false, stored.fingerprint,
                                    to_jsonb(stored) || jsonb_build_object('id', stored.task_id,
                                                                           'updated_at', stored.created_at);
                RETURN;
            END IF;
        END IF;
        SELECT * INTO known FROM tasks WHERE user_id = owner AND uid = made.uid;
        IF FOUND THEN
            RETURN QUERY SELECT false, NULL::bytea, to_jsonb(known);
            RETURN;
        END IF;
        IF wanted_key IS NOT NULL THEN
            PERFORM 1
               FROM users
              WHERE id = owner AND keys_since > now() - interval '24 hours'
                AND key_count >= greatest(max_keys, nullif(current_setting('app.max_tasks', true), '')::bigint);
            IF FOUND THEN
                RETURN;
            END IF;
        END IF;

        INSERT INTO tasks (user_id, uid, title, description, completed, due_date, due_time, due_zone, priority,
                           tags)
        VALUES (owner, made.uid, made.title, made.description, made.completed, made.due_date, made.due_time,
                made.due_zone, made.priority, made.tags)
        RETURNING * INTO made;
        IF NOT FOUND THEN
            RETURN; -- the trigger that counts has skipped it
        END IF;
        IF wanted_key IS NOT NULL THEN
            INSERT INTO idempotency_keys (user_id, key, fingerprint, task_id, uid, title, description, completed,
                                          completed_at, due_date, due_time, due_zone, priority, tags, created_at,
                                          revision)
            VALUES (owner, wanted_key, wanted_fingerprint, made.id, made.uid, made.title, made.description,
                    made.completed, made.completed_at, made.due_date, made.due_time, made.due_zone, made.priority,
                    made.tags, made.created_at, made.revision);
        END IF;
        RETURN QUERY SELECT true, NULL::bytea, to_jsonb(made);
    END
    $$
"""


DEFINE = {  # by who owns them, whose members alone may change them
    "taskward_witness": {
        "task_exists(task_id bigint) RETURNS boolean LANGUAGE sql STABLE": """
            AS $$ SELECT EXISTS (SELECT 1 FROM {schema}.tasks WHERE tasks.id = task_id) $$
        """,
    },
    "taskward_janitor": {
        "purge_idempotency_keys(at_most bigint) RETURNS bigint LANGUAGE plpgsql": PURGE_KEYS,
        "purge_deleted_tasks(at_most bigint) RETURNS bigint LANGUAGE plpgsql": PURGE_DELETED,
    },
}


def upgrade() -> None:
    """Say it so that both engines understand."""
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    for table, column in USER_COLUMN.items():
        theirs = f"{column} = nullif(current_setting('app.user_id', true), '')"
        op.execute(f"ALTER POLICY {POLICY} ON {table} USING ({theirs}) WITH CHECK ({theirs})")
    for owner, functions in DEFINE.items():
        op.execute(f"GRANT {owner} TO CURRENT_USER")
        for head, body in functions.items():
            op.execute(f"CREATE OR REPLACE FUNCTION {head} {DEFINER} {body.format(schema=schema)}")
        op.execute(f"REVOKE {owner} FROM CURRENT_USER")
    _replace_in_trigger(FROM_SEQUENCE, GIVEN_OR_FROM_SEQUENCE)
    op.execute(COUNT_KEYS)

    op.execute(ACT_AS)
    op.execute(ARRIVED)
    op.execute(
        f"CREATE FUNCTION hold_account(account text) RETURNS void LANGUAGE plpgsql {DEFINER}"
        f" {HOLD_ACCOUNT.format(schema=schema)}"
    )
    op.execute(HOLD_USER)
    op.execute(CREATE_TASK_ONCE)
    for routine in FOR_USERS:
        op.execute(f"REVOKE ALL ON ROUTINE {routine} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON ROUTINE {routine} TO taskward_app")
    op.execute(f"GRANT CREATE ON SCHEMA {schema} TO taskward_accounts")
    op.execute("ALTER FUNCTION hold_account(text) OWNER TO taskward_accounts")
    op.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM taskward_accounts")


def downgrade() -> None:
    """Take away what is called where rows are distributed. What does the same on one server stays."""
    op.execute("DROP FUNCTION create_task_once(text, jsonb, text, bytea, bigint)")
    op.execute("DROP PROCEDURE hold_user(text)")
    op.execute("SET LOCAL ROLE taskward_accounts")  # whose function it is, and from whom nobody inherits
    op.execute("DROP FUNCTION hold_account(text)")
    op.execute("RESET ROLE")
    op.execute("DROP FUNCTION arrived(text)")
    op.execute("DROP PROCEDURE act_as(text, text, text, text, boolean, text)")
    _replace_in_trigger(GIVEN_OR_FROM_SEQUENCE, FROM_SEQUENCE)


def _replace_in_trigger(old: str, new: str) -> None:
    """Change one expression of the function that numbers writes, and leave the rest as it is."""
    function = op.get_bind().execute(text(TRIGGER_FUNCTION)).scalar_one()
    assert function.count(old) == 1
    op.get_bind().exec_driver_sql(function.replace(old, new).replace("%", "%%"))
