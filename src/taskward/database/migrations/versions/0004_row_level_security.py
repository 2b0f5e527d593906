"""The second wall: the database shows and changes only rows of the user it was told.

The first wall is the WHERE clause of every statement. This one holds when a statement forgets it.

ENABLE makes policies apply to everybody but the owner of the table, FORCE to the owner as well. Superusers and
roles with BYPASSRLS are above both, which is why statements run as `taskward_app` and not as the role that
logged in. A start-up check (`database/canary.py`) looks whether all of this holds, and refuses to serve if not.
"""

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Read through a sub-select, so that the planner takes it for a constant and asks once per statement, not once
# per row. After a transaction that set it, the setting is '' and not unset: nullif makes both "nobody", and no
# row equals NULL.
USER = "(SELECT nullif(current_setting('app.user_id', true), ''))"


def upgrade() -> None:
    """Raise the wall."""
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()

    for table, column in (("users", "id"), ("tasks", "user_id")):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        # USING decides which rows are seen, changed and deleted; WITH CHECK which may be written.
        op.execute(f"""
            CREATE POLICY "users see and change only what is their own" ON {table}
            FOR ALL TO PUBLIC USING ({column} = {USER}) WITH CHECK ({column} = {USER})
        """)

    # Column by column: ids, times and revisions are given by the database, and nobody can move a task to
    # another user. On users the application changes the counter (through the trigger) and nothing else.
    op.execute(f"GRANT USAGE ON SCHEMA {schema} TO taskward_app, taskward_witness")
    op.execute("GRANT SELECT, DELETE ON tasks TO taskward_app")
    op.execute("GRANT INSERT (user_id, title, description, completed) ON tasks TO taskward_app")
    op.execute("GRANT USAGE ON SEQUENCE tasks_id_seq TO taskward_app")
    op.execute("GRANT UPDATE (title, description, completed) ON tasks TO taskward_app")
    op.execute("GRANT SELECT ON users TO taskward_app")
    op.execute("GRANT INSERT (id) ON users TO taskward_app")
    op.execute("GRANT UPDATE (revision, task_count, completed_count) ON users TO taskward_app")
    op.execute("GRANT SELECT ON alembic_version TO taskward_app")  # readiness: are the migrations at head?

    # 403 for somebody else's task and 404 for one that does not exist: to tell them apart, somebody must look
    # behind the wall. The witness may read ids of tasks, no other column, and answers yes or no.
    op.execute("GRANT SELECT (id) ON tasks TO taskward_witness")
    op.execute("""
        CREATE POLICY "the witness knows which ids exist" ON tasks
        FOR SELECT TO taskward_witness USING (true)
    """)
    op.execute(f"""
        CREATE FUNCTION task_exists(task_id bigint) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER
        -- A definer's function must not find a stranger's objects under the names it uses
        -- (PostgreSQL manual, CREATE FUNCTION, "Writing SECURITY DEFINER Functions Safely").
        SET search_path = pg_catalog, pg_temp
        RETURN EXISTS (SELECT 1 FROM {schema}.tasks WHERE tasks.id = task_id)
    """)
    op.execute("REVOKE ALL ON FUNCTION task_exists(bigint) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION task_exists(bigint) TO taskward_app")

    # To give a function away, PostgreSQL wants the giver to be a member of the new owner, and the new owner to
    # be allowed to create in the schema. Both only for this moment: a member of the witness sees what it sees.
    op.execute("GRANT taskward_witness TO CURRENT_USER")
    op.execute(f"GRANT CREATE ON SCHEMA {schema} TO taskward_witness")
    op.execute("ALTER FUNCTION task_exists(bigint) OWNER TO taskward_witness")
    op.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM taskward_witness")
    op.execute("REVOKE taskward_witness FROM CURRENT_USER")


def downgrade() -> None:
    """Take the wall down. Nothing may serve from this database any more, and the start-up check sees to it."""
    op.execute("GRANT taskward_witness TO CURRENT_USER")
    op.execute("DROP FUNCTION task_exists(bigint)")
    op.execute('DROP POLICY "the witness knows which ids exist" ON tasks')
    op.execute("DROP OWNED BY taskward_witness")
    op.execute("REVOKE taskward_witness FROM CURRENT_USER")
    op.execute("DROP OWNED BY taskward_app")
    for table in ("tasks", "users"):
        op.execute(f'DROP POLICY "users see and change only what is their own" ON {table}')
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
