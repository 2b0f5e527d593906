"""Personal tokens, for scripts, of local users and of a provider's: so they belong to a user, not to an account.

Only the SHA-256 of a token is kept. Its owner lists, makes and revokes it under both walls, as `taskward_app`,
which never reads the hash.

**Who has a token is nobody yet**, so no policy can compare its row with a user. One function finds the one row
with a hash. It belongs to the witness, who may read what the answer needs, and is only for `taskward_accounts`:
what runs on user data cannot ask it.

**What was revoked leaves its hash**, by a trigger, for the ten minutes in which every worker hears of it: also
where the user was deleted, and the tokens with them. Such a hash says nothing of anybody. These rows are for
`taskward_accounts`, as ended log-ins are, and the trigger's function runs as that role, since whoever deletes a
token cannot reach them.
"""

from alembic import op
from sqlalchemy import text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

USER = "nullif(current_setting('app.user_id', true), '')"

FIND = """
    CREATE FUNCTION find_token(hash bytea)
    RETURNS TABLE (user_id text, id text, scopes text[], expires_at timestamptz, last_used_on date)
    LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
    SET search_path = pg_catalog, pg_temp
    AS $$
        SELECT user_id, id, scopes, expires_at, last_used_on FROM {schema}.personal_tokens WHERE token_hash = hash
    $$
"""

LEAVE_THE_HASH = """
    CREATE FUNCTION personal_tokens_leave_their_hash() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
    BEGIN
        INSERT INTO {schema}.ended_tokens (token_hash) VALUES (OLD.token_hash);
        RETURN NULL;
    END
    $$
"""


def upgrade() -> None:
    """Make the tables, and the two functions that see past their policies."""
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute("""
        CREATE TABLE personal_tokens (
            user_id      text        NOT NULL,
            id           text        NOT NULL,
            token_hash   bytea       NOT NULL,
            name         text        NOT NULL,
            scopes       text[]      NOT NULL,
            created_at   timestamptz NOT NULL DEFAULT now(),
            expires_at   timestamptz NOT NULL,
            last_used_on date,
            CONSTRAINT pk_personal_tokens PRIMARY KEY (user_id, id),
            CONSTRAINT fk_personal_tokens_user_id_users
                FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
            CONSTRAINT ck_personal_tokens_hash_length CHECK (octet_length(token_hash) = 32),
            CONSTRAINT ck_personal_tokens_name_length CHECK (char_length(name) BETWEEN 1 AND 100)
        )
    """)
    op.execute("CREATE INDEX ix_personal_tokens_token_hash ON personal_tokens (token_hash)")
    op.execute("""
        CREATE TABLE ended_tokens (
            token_hash bytea       NOT NULL,
            ended_at   timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_ended_tokens PRIMARY KEY (token_hash, ended_at)
        )
    """)
    op.execute("CREATE INDEX ix_ended_tokens_ended_at ON ended_tokens (ended_at)")
    for table in ("personal_tokens", "ended_tokens"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")

    op.execute(f"""
        CREATE POLICY "users see and change only what is their own" ON personal_tokens
        FOR ALL TO PUBLIC USING (user_id = {USER}) WITH CHECK (user_id = {USER})
    """)
    op.execute("""
        GRANT SELECT (user_id, id, name, scopes, created_at, expires_at, last_used_on), DELETE,
              INSERT (user_id, id, token_hash, name, scopes, expires_at), UPDATE (last_used_on)
        ON personal_tokens TO taskward_app
    """)
    op.execute("""
        CREATE POLICY "only log-in reaches accounts" ON ended_tokens
        FOR ALL TO taskward_accounts USING (true) WITH CHECK (true)
    """)
    op.execute("GRANT SELECT, DELETE, INSERT (token_hash) ON ended_tokens TO taskward_accounts")

    op.execute("""
        GRANT SELECT (user_id, id, token_hash, scopes, expires_at, last_used_on)
        ON personal_tokens TO taskward_witness
    """)
    op.execute("""
        CREATE POLICY "the witness knows whose a token is" ON personal_tokens
        FOR SELECT TO taskward_witness USING (true)
    """)
    op.execute(FIND.format(schema=schema))
    op.execute("REVOKE ALL ON FUNCTION find_token(bytea) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION find_token(bytea) TO taskward_accounts")
    op.execute(LEAVE_THE_HASH.format(schema=schema))
    op.execute("REVOKE ALL ON FUNCTION personal_tokens_leave_their_hash() FROM PUBLIC")
    op.execute("""
        CREATE TRIGGER leave_the_hash
        AFTER DELETE ON personal_tokens FOR EACH ROW
        EXECUTE FUNCTION personal_tokens_leave_their_hash()
    """)

    # To give a function away, as in migration 0004. The one who migrates may become taskward_accounts already.
    op.execute("GRANT taskward_witness TO CURRENT_USER")
    op.execute(f"GRANT CREATE ON SCHEMA {schema} TO taskward_witness, taskward_accounts")
    op.execute("ALTER FUNCTION find_token(bytea) OWNER TO taskward_witness")
    op.execute("ALTER FUNCTION personal_tokens_leave_their_hash() OWNER TO taskward_accounts")
    op.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM taskward_witness, taskward_accounts")
    op.execute("REVOKE taskward_witness FROM CURRENT_USER")


def downgrade() -> None:
    """Forget every personal token: none of them is good any more, also should this come back."""
    op.execute("DROP TABLE personal_tokens")
    op.execute("DROP TABLE ended_tokens")
    op.execute("GRANT taskward_witness TO CURRENT_USER")
    op.execute("DROP FUNCTION find_token(bytea)")
    op.execute("REVOKE taskward_witness FROM CURRENT_USER")
    op.execute("SET LOCAL ROLE taskward_accounts")  # whose function it is, and from whom nobody inherits
    op.execute("DROP FUNCTION personal_tokens_leave_their_hash()")
    op.execute("RESET ROLE")
