"""Accounts that can be disabled, and log-ins that can be told apart.

`disabled_at` is when an operator closed an account: nobody logs in to it until it is null again. Its tasks stay.

Of a log-in it is kept when it began, as none goes on for ever, and what its owner knows it by: the name of the
program, and the network of the address. Neither says more than that: a whole user agent would tell versions, and a
whole address where somebody is. Log-ins from before this count as begun now, for nobody knows better.

No row is written anew: the default is the same for all, and PostgreSQL keeps it beside the table.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and the rights that log-in has on them."""
    op.execute("ALTER TABLE accounts ADD disabled_at timestamptz")
    op.execute("GRANT UPDATE (disabled_at) ON accounts TO taskward_accounts")
    op.execute("""
        ALTER TABLE refresh_tokens
            ADD created_at timestamptz NOT NULL DEFAULT now(),
            ADD client     text,
            ADD address    text,
            ADD CONSTRAINT ck_refresh_tokens_client_length CHECK (char_length(client) BETWEEN 1 AND 100),
            ADD CONSTRAINT ck_refresh_tokens_address_length CHECK (char_length(address) BETWEEN 1 AND 100)
    """)
    op.execute("GRANT INSERT (client, address), UPDATE (client, address) ON refresh_tokens TO taskward_accounts")


def downgrade() -> None:
    """Forget which accounts are disabled, and when log-ins began."""
    op.execute("ALTER TABLE refresh_tokens DROP created_at, DROP client, DROP address")
    op.execute("ALTER TABLE accounts DROP disabled_at")
