"""The canary: before the service serves, look whether both walls stand in this very database."""

import logging

from taskward.database.acting_as import APP_ROLE, NOBODY, Database
from taskward.database.compiled import Statement
from taskward.errors import ForbiddenError

logger = logging.getLogger(__name__)

ROLE_IS_POWERLESS = Statement("""
    SELECT 'the role ' || rolname || ' ' || CASE
               WHEN rolsuper THEN 'is a superuser'
               WHEN rolbypassrls THEN 'bypasses row-level security'
               ELSE 'can log in' END AS problem
      FROM pg_roles
     WHERE rolname = current_user AND (rolsuper OR rolbypassrls OR rolcanlogin)
""")

# Tables that hold user data: those with a user_id, and users itself. An owner, or a member of one, can take a
# policy away.
TABLES_ARE_WALLED = Statement("""
    SELECT 'table ' || relname || ' ' || CASE
               WHEN NOT relrowsecurity THEN 'has row-level security disabled'
               WHEN NOT relforcerowsecurity THEN 'does not force row-level security on its owner'
               WHEN pg_has_role(current_user, relowner, 'MEMBER') THEN 'belongs to ' || current_user
               ELSE 'has no policy that asks for app.user_id' END AS problem
      FROM pg_class AS c
     WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
       AND (relname = 'users' OR EXISTS (
               SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'user_id' AND NOT attisdropped))
       AND (NOT relrowsecurity OR NOT relforcerowsecurity OR pg_has_role(current_user, relowner, 'MEMBER')
            OR NOT EXISTS (SELECT FROM pg_policy, unnest(polroles) AS role
                            WHERE polrelid = c.oid AND (role = 0 OR pg_has_role(current_user, role, 'MEMBER'))))
""")

# Policies are joined by OR: a single one without the identity opens the table.
POLICIES_ASK_WHO = Statement("""
    SELECT format('policy "%%s" on table %%s does not ask for app.user_id', polname, relname) AS problem
      FROM pg_policy JOIN pg_class AS c ON c.oid = polrelid
     WHERE relnamespace = current_schema()::regnamespace AND polpermissive
       AND EXISTS (SELECT FROM unnest(polroles) AS role
                    WHERE role = 0 OR pg_has_role(current_user, role, 'MEMBER'))
       AND (coalesce(pg_get_expr(polqual, polrelid), 'app.user_id') NOT LIKE '%%app.user_id%%'
            OR coalesce(pg_get_expr(polwithcheck, polrelid), 'app.user_id') NOT LIKE '%%app.user_id%%')
""")

NOBODY_SEES_NOTHING = Statement("""
    SELECT 'a row can be read without an identity' AS problem
     WHERE EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM tasks)
""")

SERVER_VERSION = Statement("""
    SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS name
""")
FIRST_MENDED = 18_00_07  # before 18.7, INSERT ... ON CONFLICT DO UPDATE could get round a policy

CHECKS = (ROLE_IS_POWERLESS, TABLES_ARE_WALLED, POLICIES_ASK_WHO, NOBODY_SEES_NOTHING)


class WallMissingError(Exception):
    """A wall between users is missing, so the service must not serve; the message names each gap."""


async def check_walls(database: Database) -> None:
    """Raise WallMissingError when one user could reach another's rows, DatabaseUnavailableError if unknown."""
    try:
        async with database.acting_as(NOBODY) as unit:
            results = [await unit.execute(check) for check in CHECKS]
    except ForbiddenError as refused:
        raise WallMissingError(
            f"the role of DATABASE_URL cannot act as {APP_ROLE}, or that role lacks a grant: {refused.__cause__}"
        ) from refused
    problems = [row["problem"] for result in results for row in result.all]
    if problems:
        raise WallMissingError("; ".join(problems))


async def warn_of_an_old_server(database: Database) -> None:
    """Log a warning when a minor release of PostgreSQL is in use that has since been mended where walls matter."""
    async with database.acting_as(NOBODY) as unit:
        version = await unit.execute(SERVER_VERSION)
    number, name = version.all[0]["number"], version.all[0]["name"]
    if number // 10_000 == FIRST_MENDED // 10_000 and number < FIRST_MENDED:
        logger.warning(
            "PostgreSQL %s has a gap in row-level security that 18.7 closed. Taskward uses no statement that"
            " it concerns; other programs on this server may.", name,
        )  # fmt: skip
