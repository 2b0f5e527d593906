"""Two roles that nobody can log in as: one acts for users, one may look whether a task exists.

Roles belong to the whole server, tables to one database. Several Taskward databases on one server share these
roles, so creating them must tolerate that they exist, and dropping them that another database still uses them.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CREATE = """
DO $$
BEGIN
    CREATE ROLE {role} NOLOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- made for another database, perhaps this moment
END
$$
"""

DROP = """
DO $$
BEGIN
    DROP ROLE {role};
EXCEPTION
    WHEN dependent_objects_still_exist THEN NULL; -- another database of this server uses it
END
$$
"""


def upgrade() -> None:
    """Make the roles."""
    # Every statement on user data runs as this role (SET LOCAL ROLE, through set_config). It owns nothing and
    # cannot bypass row-level security, whatever the role of DATABASE_URL may be.
    op.execute(CREATE.format(role="taskward_app"))
    # Owns one function that answers "is there a task with this id?", and nothing else. Nobody is a member.
    op.execute(CREATE.format(role="taskward_witness"))

    # The role that migrates is usually the role that serves; it must be able to become taskward_app.
    op.execute("GRANT taskward_app TO CURRENT_USER")


def downgrade() -> None:
    """Drop the roles, unless another database of this server uses them."""
    op.execute(DROP.format(role="taskward_witness"))
    op.execute(DROP.format(role="taskward_app"))
