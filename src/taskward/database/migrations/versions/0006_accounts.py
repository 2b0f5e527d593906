"""Accounts and refresh tokens, behind a wall of their own.

Whoever logs in is nobody yet, so no policy can compare these rows with a user. What keeps them apart is a second
role: `taskward_accounts` reaches these two tables and no user data, and `taskward_app`, as which everything else
runs, cannot reach these at all. Row-level security is forced here as well, with a policy for that role alone: a
grant given by mistake still shows nothing, and the owner of the tables sees nothing either.
"""

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROLE = """
DO $$
BEGIN
    CREATE ROLE taskward_accounts NOLOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- made for another database of this server
END
$$
"""


def upgrade() -> None:
    """Make the tables, the role that reaches them, and the tie between an account and its tasks."""
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(ROLE)
    op.execute("GRANT taskward_accounts TO CURRENT_USER")

    # The address is kept as it was written, and unique without regard to case. Collation "C", so that a server in
    # Turkish folds I as all others do.
    op.execute("""
        CREATE TABLE accounts (
            id            text        NOT NULL,
            email         text        NOT NULL,
            folded_email  text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(email COLLATE "C")) STORED,
            name          text,
            password_hash text        NOT NULL,
            created_at    timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_accounts PRIMARY KEY (id),
            CONSTRAINT uq_accounts_folded_email UNIQUE (folded_email),
            CONSTRAINT ck_accounts_id_form CHECK (id ~ '^usr_[a-z2-7]{28}$'),
            CONSTRAINT ck_accounts_email_length CHECK (char_length(email) BETWEEN 3 AND 254),
            CONSTRAINT ck_accounts_name_length CHECK (char_length(name) BETWEEN 1 AND 200)
        )
    """)

    # One row for each family, which is what began with one log-in, however often it is rotated: only hashes of the
    # newest token and the one before. Every older token still names its family, so that its use is noticed.
    op.execute("""
        CREATE TABLE refresh_tokens (
            family_hash   bytea       NOT NULL,
            account_id    text        NOT NULL,
            current_hash  bytea       NOT NULL,
            previous_hash bytea,
            rotated_at    timestamptz NOT NULL DEFAULT now(),
            expires_at    timestamptz NOT NULL,
            CONSTRAINT pk_refresh_tokens PRIMARY KEY (family_hash),
            CONSTRAINT fk_refresh_tokens_account_id_accounts
                FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE,
            CONSTRAINT ck_refresh_tokens_hash_lengths CHECK (
                octet_length(family_hash) = 32 AND octet_length(current_hash) = 32
                AND octet_length(previous_hash) = 32)
        )
    """)
    op.execute("CREATE INDEX ix_refresh_tokens_account_id ON refresh_tokens (account_id)")
    op.execute("CREATE INDEX ix_refresh_tokens_expires_at ON refresh_tokens (expires_at)")

    for table in ("accounts", "refresh_tokens"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY "only log-in reaches accounts" ON {table}
            FOR ALL TO taskward_accounts USING (true) WITH CHECK (true)
        """)
    op.execute(f"GRANT USAGE ON SCHEMA {schema} TO taskward_accounts")
    op.execute("""
        GRANT SELECT, DELETE, INSERT (id, email, name, password_hash), UPDATE (password_hash)
        ON accounts TO taskward_accounts
    """)
    op.execute("""
        GRANT SELECT, DELETE, INSERT (family_hash, account_id, current_hash, expires_at),
              UPDATE (current_hash, previous_hash, rotated_at, expires_at)
        ON refresh_tokens TO taskward_accounts
    """)

    # An access token outlives the account it was made for, by minutes. Its next write would make the user anew. So
    # a user whose id has the form of an account's must have that account. A key does this without asking at every
    # request: it is looked at only when the row of a user is made, it takes the lock that makes a deletion and a
    # first write wait for each other, and nobody needs a right on accounts for it.
    #
    # It deletes nothing: tasks are deleted by statements that run under both walls, or not at all.
    op.execute("""
        ALTER TABLE users ADD account_id text
            GENERATED ALWAYS AS (CASE WHEN id ~ '^usr_[a-z2-7]{28}$' THEN id END) STORED,
        ADD CONSTRAINT fk_users_account_id_accounts FOREIGN KEY (account_id) REFERENCES accounts (id)
    """)
    op.execute("CREATE INDEX ix_users_account_id ON users (account_id) WHERE account_id IS NOT NULL")

    # Users can delete themselves. The policy lets them delete nobody else.
    op.execute("GRANT DELETE ON users TO taskward_app")


def downgrade() -> None:
    """Forget every account. Their tasks stay, and belong to users who cannot log in any more."""
    op.execute("REVOKE DELETE ON users FROM taskward_app")
    op.execute("ALTER TABLE users DROP account_id")
    op.execute("DROP TABLE refresh_tokens")
    op.execute("DROP TABLE accounts")
    op.execute("DROP OWNED BY taskward_accounts")
    op.execute("""
        DO $$
        BEGIN
            DROP ROLE taskward_accounts;
        EXCEPTION
            WHEN dependent_objects_still_exist THEN NULL; -- another database of this server uses it
        END
        $$
    """)
