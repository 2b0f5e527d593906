"""Addresses that are proven, and reset links of which the newest alone is good.

`email_verified_at` is when somebody proved that the mail of the address reaches them: by a link that was mailed,
by an invitation for it, or by a link for a forgotten password. Accounts from before have proven nothing, and are
not said to have: where EMAIL_VERIFICATION asks for proof, their next log-in mails them a link. They stay logged in
where they are.

`reset_link_at` is when the newest link for a new password was made. The token of a link is signed with it, so a
newer link voids the older one, and so does whatever sets it to null: a new password, and the disabling of an
account, which enabling does not undo. It also says how long ago the last mail of the kind was. Links from before
this migration are void; they would have lasted for half an hour.

Both are null for every row, so none is written anew.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and the rights that accounts have on them."""
    op.execute("ALTER TABLE accounts ADD email_verified_at timestamptz, ADD reset_link_at timestamptz")
    op.execute("""
        GRANT INSERT (email_verified_at), UPDATE (email_verified_at, reset_link_at)
           ON accounts TO taskward_accounts
    """)


def downgrade() -> None:
    """Forget which addresses are proven, and which link is the newest."""
    op.execute("ALTER TABLE accounts DROP email_verified_at, DROP reset_link_at")
