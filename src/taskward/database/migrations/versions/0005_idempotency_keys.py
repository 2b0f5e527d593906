"""Idempotency keys: what a create was answered, so that its repeat creates nothing and is answered the same.

A key is stored by the statement that creates the task, in the same transaction: there is a key when, and only
when, there is a task. The primary key is what makes "exactly once" true under any concurrency.
"""

from alembic import op
from sqlalchemy import text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

USER = "(SELECT nullif(current_setting('app.user_id', true), ''))"

JANITOR = """
DO $$
BEGIN
    CREATE ROLE taskward_janitor NOLOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- made for another database of this server
END
$$
"""


def upgrade() -> None:
    """Make the table, its wall, and the one way to clean it."""
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()

    # The answer is kept as the columns of the task it showed, for the task may have changed or gone since.
    op.execute("""
        CREATE TABLE idempotency_keys (
            user_id     text        NOT NULL,
            key         text        NOT NULL,
            fingerprint bytea       NOT NULL,
            stored_at   timestamptz NOT NULL DEFAULT now(),
            task_id     bigint      NOT NULL,
            title       text        NOT NULL,
            description text,
            completed   boolean     NOT NULL,
            created_at  timestamptz NOT NULL,
            revision    bigint      NOT NULL,
            CONSTRAINT pk_idempotency_keys PRIMARY KEY (user_id, key),
            CONSTRAINT fk_idempotency_keys_user_id_users
                FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
            CONSTRAINT ck_idempotency_keys_key_length CHECK (char_length(key) BETWEEN 1 AND 255),
            CONSTRAINT ck_idempotency_keys_fingerprint_length CHECK (octet_length(fingerprint) = 32)
        )
    """)
    op.execute("CREATE INDEX ix_idempotency_keys_stored_at ON idempotency_keys (stored_at)")

    op.execute("ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY "users see and change only what is their own" ON idempotency_keys
        FOR ALL TO PUBLIC USING (user_id = {USER}) WITH CHECK (user_id = {USER})
    """)
    op.execute("""
        GRANT SELECT,
              INSERT (user_id, key, fingerprint, task_id, title, description, completed, created_at, revision)
        ON idempotency_keys TO taskward_app
    """)

    # Keys of all users go after a day. The janitor can see and delete only what is due, and its one function
    # answers with a number, so anybody may call it: there is nothing to choose and nothing to read.
    op.execute(JANITOR)
    op.execute(f"GRANT USAGE ON SCHEMA {schema} TO taskward_janitor")
    op.execute("GRANT SELECT, DELETE ON idempotency_keys TO taskward_janitor")
    op.execute("""
        CREATE POLICY "the janitor removes what is older than a day" ON idempotency_keys
        FOR ALL TO taskward_janitor USING (stored_at < now() - interval '24 hours') WITH CHECK (false)
    """)
    op.execute(f"""
        CREATE FUNCTION purge_idempotency_keys(at_most bigint) RETURNS bigint
        LANGUAGE sql VOLATILE SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp
        BEGIN ATOMIC
            WITH purged AS (
                DELETE FROM {schema}.idempotency_keys
                 WHERE ctid = ANY (ARRAY( -- by place, so that no plan begins with a scan of the table
                     SELECT ctid
                       FROM {schema}.idempotency_keys
                      WHERE stored_at < now() - interval '24 hours'
                      ORDER BY stored_at
                      LIMIT at_most))
                RETURNING 1
            )
            SELECT count(*) FROM purged;
        END
    """)
    op.execute("REVOKE ALL ON FUNCTION purge_idempotency_keys(bigint) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION purge_idempotency_keys(bigint) TO taskward_app")

    # As for task_exists: what giving a function away takes, only for this moment.
    op.execute("GRANT taskward_janitor TO CURRENT_USER")
    op.execute(f"GRANT CREATE ON SCHEMA {schema} TO taskward_janitor")
    op.execute("ALTER FUNCTION purge_idempotency_keys(bigint) OWNER TO taskward_janitor")
    op.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM taskward_janitor")
    op.execute("REVOKE taskward_janitor FROM CURRENT_USER")


def downgrade() -> None:
    """Forget the keys: a repeat of a create made before is a second create."""
    op.execute("GRANT taskward_janitor TO CURRENT_USER")
    op.execute("DROP FUNCTION purge_idempotency_keys(bigint)")
    op.execute("DROP TABLE idempotency_keys")
    op.execute("DROP OWNED BY taskward_janitor")
    op.execute("REVOKE taskward_janitor FROM CURRENT_USER")
    op.execute("""
        DO $$
        BEGIN
            DROP ROLE taskward_janitor;
        EXCEPTION
            WHEN dependent_objects_still_exist THEN NULL; -- another database of this server uses it
        END
        $$
    """)
