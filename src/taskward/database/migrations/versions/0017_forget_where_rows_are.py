"""Deletions of a user who has made very many are forgotten where rows are distributed as well.

`forget_deleted_tasks` is called by a trigger, on the server with the rows, which may ask for nothing elsewhere.
There Citus knows by a parameter which rows are meant, and by an expression not: it would have asked every server,
and was refused, and with it the deletion of the task. So whose deletions they are is put into a variable first.
"""

from alembic import op
from sqlalchemy import text

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ACTING = "nullif(current_setting('app.user_id', true), '')"

# The acting user's, and no other's, as before.
IN_SQL = """
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
        DELETE FROM {schema}.deleted_tasks WHERE user_id = {acting} AND revision < before
    $$
"""
BY_VARIABLE = """
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
        acting text := {acting};
    BEGIN
        DELETE FROM {schema}.deleted_tasks WHERE user_id = acting AND revision < before;
    END
    $$
"""


def upgrade() -> None:
    """Put the user into a variable."""
    _define(BY_VARIABLE)


def downgrade() -> None:
    """Compare with the expression again."""
    _define(IN_SQL)


def _define(body: str) -> None:
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    body = body.format(schema=schema, acting=ACTING)
    op.execute("GRANT taskward_janitor TO CURRENT_USER")  # who owns it, and whose members alone may change it
    op.execute(f"CREATE OR REPLACE FUNCTION forget_deleted_tasks(before bigint) RETURNS void {body}")
    op.execute("REVOKE taskward_janitor FROM CURRENT_USER")
