"""Whether there is anything to migrate, asked without Alembic, which takes most starts 0.2 s for nothing."""

import psycopg

from taskward.database.revision import newest

# Whoever inherits from these roles could use them without SET ROLE. PostgreSQL 15 knows no such option of a grant.
INHERITED = """
    roleid IN ('taskward_app'::regrole, 'taskward_accounts'::regrole)
    AND to_jsonb(membership) ->> 'inherit_option' = 'true'
    AND pg_has_role(grantor, 'USAGE')
"""
STATE = f"""
    SELECT version_num, EXISTS (SELECT FROM pg_auth_members AS membership WHERE {INHERITED}) FROM alembic_version
"""  # noqa: S608  # put together from texts of this file


class UnknownRevisionError(Exception):
    """The database has been migrated by a newer version than this one."""


class MissingRightsError(Exception):
    """The role may not do what migrations do; the message says who must grant what, in one line."""


def is_migrated(conninfo: str) -> bool:
    """Tell whether migrating the database at `conninfo` (libpq) would find nothing to do.

    Also False where that cannot be told, such as for an empty database: who migrates it then says what is wrong.
    Raises psycopg.OperationalError when the database cannot be reached.
    """
    with psycopg.connect(conninfo) as connection:
        try:
            rows = connection.execute(STATE).fetchall()
        except (psycopg.ProgrammingError, psycopg.DataError):
            return False
        return connection.info.parameter_status("server_encoding") == "UTF8" and rows == [(newest(), False)]
