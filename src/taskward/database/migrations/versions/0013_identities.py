"""Accounts of people who log in with another provider (OpenID Connect).

Such an account is its issuer and its subject there (OpenID Connect Core, 2: `sub` is unique within the issuer and
never given to somebody else), and never an e-mail address: that can go to another person. It has no password, and
no address either where the provider tells none, has not verified it, or an account has it already: two accounts
are never made one because of an address.

The table is behind the same wall as accounts (migration 0006): log-in alone reaches it.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Argon2id, of no password that anybody knows: 32 bytes of nothing. Older versions want some hash.
NOBODYS = "$argon2id$v=19$m=65536,t=3,p=1$" + "A" * 22 + "$" + "A" * 43


def upgrade() -> None:
    """Make the table, and let accounts be without address and password."""
    op.execute("""
        ALTER TABLE accounts
            ALTER email DROP NOT NULL,
            ALTER folded_email DROP NOT NULL,
            ALTER password_hash DROP NOT NULL
    """)
    op.execute("""
        CREATE TABLE identities (
            issuer     text        NOT NULL,
            subject    text        NOT NULL,
            account_id text        NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_identities PRIMARY KEY (issuer, subject),
            CONSTRAINT uq_identities_account_id UNIQUE (account_id),
            CONSTRAINT fk_identities_account_id_accounts
                FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE,
            CONSTRAINT ck_identities_issuer_length CHECK (char_length(issuer) BETWEEN 1 AND 2000),
            CONSTRAINT ck_identities_subject_length CHECK (char_length(subject) BETWEEN 1 AND 255)
        )
    """)
    op.execute("ALTER TABLE identities ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE identities FORCE ROW LEVEL SECURITY")
    op.execute("""
        CREATE POLICY "only log-in reaches accounts" ON identities
        FOR ALL TO taskward_accounts USING (true) WITH CHECK (true)
    """)
    op.execute("GRANT SELECT, DELETE, INSERT (issuer, subject, account_id) ON identities TO taskward_accounts")


def downgrade() -> None:
    """Forget the identities. The accounts stay, with an address and a password that nobody has."""
    op.execute("DROP TABLE identities")
    op.execute("ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY")  # or their owner sees none of them
    op.execute("UPDATE accounts SET email = id || '@provider.invalid' WHERE email IS NULL")
    op.execute(f"UPDATE accounts SET password_hash = '{NOBODYS}' WHERE password_hash IS NULL")
    op.execute("ALTER TABLE accounts FORCE ROW LEVEL SECURITY")
    op.execute("""
        ALTER TABLE accounts
            ALTER email SET NOT NULL,
            ALTER folded_email SET NOT NULL,
            ALTER password_hash SET NOT NULL
    """)
