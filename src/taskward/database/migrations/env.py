"""Alembic's entry: runs all pending migrations in one transaction, alone.

It knows no models, so that migrating loads none; `make migration` compares them with what the migrations make.
"""

from alembic import context
from sqlalchemy import text

from taskward.database.engine import IS_DISTRIBUTED
from taskward.database.giving_way import LOCK_TIMEOUT
from taskward.database.migrate import INHERIT_NOTHING, MIGRATION_LOCK

connection = context.config.attributes["connection"]
context.configure(connection=connection)
# Time-outs set on the role or database are meant for the service, not for migrations.
SESSION = """
    SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true),
           set_config('row_security', 'on', true)
"""
# A coordinator of Citus would make roles and functions on its other servers as well, which takes more rights.
# Before tables are distributed nothing of ours is to be there; `taskward distribute` brings what is needed.
ON_THIS_SERVER = "SELECT set_config('citus.enable_ddl_propagation', 'off', true)"
with context.begin_transaction():
    connection.execute(text(SESSION))
    if not connection.execute(text(IS_DISTRIBUTED)).scalar_one():
        connection.execute(text(ON_THIS_SERVER))
    # Services that start together queue here. The lock ends with the transaction, so that it also works
    # through a pooler and cannot be left behind by a crash.
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.execute(text("SELECT set_config('lock_timeout', :value, true)"), {"value": LOCK_TIMEOUT})
    context.run_migrations()
    if context.get_context().get_current_heads() == (context.get_head_revision(),):
        connection.execute(text(INHERIT_NOTHING))
