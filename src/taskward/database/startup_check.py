"""Before the service serves: is row-level security in force in this very database, and are sessions as needed?"""

import logging
import secrets

import psycopg
from psycopg import errors as postgres

from taskward.database.causes import primary
from taskward.database.driver.exchange import Row
from taskward.database.driver.statement import Statement
from taskward.database.transaction import ACCOUNTS_ROLE, APP_ROLE, NOBODY, Database
from taskward.errors import DatabaseUnavailableError, ForbiddenError

logger = logging.getLogger(__name__)

# What a session begins with may be set by the environment, the address, a role or a database.
SESSION = Statement("""
    SELECT current_setting('server_encoding') AS server_encoding,
           current_setting('client_encoding') AS client_encoding, current_setting('row_security') AS row_security,
           current_setting('session_replication_role') AS session_replication_role
""")
NEEDED = {
    "client_encoding": "UTF8",
    "row_security": "on",  # if off, every statement on user data fails
    "session_replication_role": "origin",  # any other value turns triggers and foreign keys off
}

ROLE_IS_POWERLESS = Statement("""
    SELECT 'the role ' || rolname || ' ' || CASE
               WHEN rolsuper THEN 'is a superuser'
               WHEN rolbypassrls THEN 'bypasses row-level security'
               ELSE 'can log in' END AS problem
      FROM pg_roles
     WHERE rolname = current_user AND (rolsuper OR rolbypassrls OR rolcanlogin)
""")

# Tables that hold user data: the ones that statements name, wherever the search path finds them, and whatever else
# there has a user_id. An owner, or a member of one, can take a policy away.
USER_TABLES = """
    SELECT c.oid, relname, relowner, relrowsecurity, relforcerowsecurity
      FROM pg_class AS c
     WHERE c.oid IN ('users'::regclass, 'tasks'::regclass, 'idempotency_keys'::regclass)
        OR (relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'tasks'::regclass)
            AND relkind IN ('r', 'p')
            AND EXISTS (SELECT FROM pg_attribute
                         WHERE attrelid = c.oid AND attname = 'user_id' AND NOT attisdropped))
"""

TABLES_HAVE_ROW_SECURITY = Statement(f"""
    SELECT 'table ' || relname || ' ' || CASE
               WHEN NOT relrowsecurity THEN 'has row-level security disabled'
               WHEN NOT relforcerowsecurity THEN 'does not force row-level security on its owner'
               WHEN pg_has_role(current_user, relowner, 'MEMBER') THEN 'belongs to ' || current_user
               WHEN has_table_privilege(current_user, t.oid, 'TRUNCATE, TRIGGER, REFERENCES')
               THEN 'can be truncated, or given triggers or references, by ' || current_user
               ELSE 'has no policy that asks for app.user_id' END AS problem
      FROM ({USER_TABLES}) AS t
     WHERE NOT relrowsecurity OR NOT relforcerowsecurity OR pg_has_role(current_user, relowner, 'MEMBER')
           OR has_table_privilege(current_user, t.oid, 'TRUNCATE, TRIGGER, REFERENCES')
           OR NOT EXISTS (SELECT FROM pg_policy, unnest(polroles) AS role
                           WHERE polrelid = t.oid AND (role = 0 OR pg_has_role(current_user, role, 'MEMBER')))
""")

# Policies are joined by OR: a single one without the identity opens the table.
POLICIES_ASK_WHO = Statement(f"""
    SELECT format('policy "%%s" on table %%s does not ask for app.user_id', polname, relname) AS problem
      FROM pg_policy JOIN ({USER_TABLES}) AS t ON t.oid = polrelid
     WHERE polpermissive
       AND EXISTS (SELECT FROM unnest(polroles) AS role
                    WHERE role = 0 OR pg_has_role(current_user, role, 'MEMBER'))
       AND (coalesce(pg_get_expr(polqual, polrelid), 'app.user_id') NOT LIKE '%%app.user_id%%'
            OR coalesce(pg_get_expr(polwithcheck, polrelid), 'app.user_id') NOT LIKE '%%app.user_id%%')
""")

WRITES_ARE_COUNTED = Statement("""
    SELECT 'the trigger that numbers the writes to tasks is off' AS problem
     WHERE NOT EXISTS (SELECT FROM pg_trigger
                        WHERE tgrelid = 'tasks'::regclass AND tgname = 'take_the_next_revision'
                          AND tgenabled = 'O')
""")

# Asked without an identity, and as somebody who cannot exist: a policy may name the setting and not heed it.
A_STRANGER_SEES_NOTHING = Statement("""
    SELECT 'a row can be read by somebody whose row it is not' AS problem
     WHERE EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM tasks) OR EXISTS (SELECT FROM idempotency_keys)
""")

# Neither of the two roles may reach what is the other's: not by a grant, not by a grant to everybody, and not as a
# member of the other role or of an owner.
REACHED = """
    SELECT format('the role %%s can reach table %%s', current_user, relname) AS problem
      FROM ({tables}) AS t
     WHERE has_table_privilege(current_user, t.oid,
                               'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
           OR has_any_column_privilege(current_user, t.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
           OR pg_has_role(current_user, relowner, 'MEMBER')
           OR pg_has_role(current_user, '{other}', 'MEMBER')
"""
ACCOUNT_TABLES = """
    SELECT oid, relname, relowner, relrowsecurity, relforcerowsecurity
      FROM pg_class WHERE oid IN ('accounts'::regclass, 'refresh_tokens'::regclass)
"""
ACCOUNTS_ARE_OUT_OF_REACH = Statement(REACHED.format(tables=ACCOUNT_TABLES, other=ACCOUNTS_ROLE))
USER_DATA_IS_OUT_OF_REACH = Statement(REACHED.format(tables=USER_TABLES, other=APP_ROLE))

ACCOUNTS_HAVE_ROW_SECURITY = Statement(f"""
    SELECT 'table ' || relname || ' ' || CASE
               WHEN NOT relrowsecurity THEN 'has row-level security disabled'
               WHEN NOT relforcerowsecurity THEN 'does not force row-level security on its owner'
               ELSE 'has a policy for others than ' || current_user END AS problem
      FROM ({ACCOUNT_TABLES}) AS t
     WHERE NOT relrowsecurity OR NOT relforcerowsecurity
           OR EXISTS (SELECT FROM pg_policy
                       WHERE polrelid = t.oid AND polroles <> ARRAY[current_user::regrole::oid])
""")

# The policies for these two show every row, and so to a role that inherits from them. ADMIN OPTION alone inherits
# nothing, and migrations need it. Asked of the role that logged in, whose rights a session can always go back to.
THE_LOGIN_SEES_NO_MORE = Statement("""
    SELECT format('the role of DATABASE_URL inherits from %%s, for which no policy hides a row: have an'
                  ' administrator run REVOKE %%s%%s FROM %%s GRANTED BY %%s', roleid::regrole,
                  CASE WHEN has_options THEN 'INHERIT OPTION FOR ' END, roleid::regrole,
                  member::regrole, grantor::regrole) AS problem
      FROM pg_auth_members AS membership, pg_roles AS us,
           LATERAL (SELECT to_jsonb(membership) ? 'inherit_option') AS since_16 (has_options)
     WHERE us.rolname = session_user AND NOT us.rolsuper
           AND roleid::regrole::text IN ('taskward_witness', 'taskward_janitor')
           AND pg_has_role(us.oid, roleid, 'USAGE') AND pg_has_role(us.oid, member, 'USAGE')
           AND to_jsonb(membership) ->> 'inherit_option' IS DISTINCT FROM 'false'
""")

ONLY_READS = Statement("SELECT current_setting('transaction_read_only')::bool AS it_does")
IT_ONLY_READS = "The database only reads: it is a standby, or default_transaction_read_only is on"

SERVER_VERSION = Statement("""
    SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS name
""")
# Before these minor releases, by major one, INSERT ... ON CONFLICT DO UPDATE could get round a policy
# (CVE-2026-120154). Taskward never uses it; tests/database/test_upserts.py checks that.
FIRST_MENDED = {15: 20, 16: 16, 17: 12, 18: 7}

CHECKS = (
    ROLE_IS_POWERLESS, TABLES_HAVE_ROW_SECURITY, POLICIES_ASK_WHO, WRITES_ARE_COUNTED, A_STRANGER_SEES_NOTHING,
    ACCOUNTS_ARE_OUT_OF_REACH, THE_LOGIN_SEES_NO_MORE,
)  # fmt: skip
CHECKS_OF_ACCOUNTS = (ROLE_IS_POWERLESS, USER_DATA_IS_OUT_OF_REACH, ACCOUNTS_HAVE_ROW_SECURITY)


class UnfitDatabaseError(Exception):
    """The service must not serve this database; the message says why and what to do, in one line."""


class IsolationError(UnfitDatabaseError):
    """Row-level security, or one of its conditions, is missing; the message names each gap."""


class NotMigratedError(IsolationError):
    """There is nothing to protect yet: `taskward migrate` makes it."""


async def check_isolation(database: Database) -> None:
    """Raise IsolationError when one user could reach another's rows, DatabaseUnavailableError if unknown.

    Raises UnfitDatabaseError where the encoding, or what sessions begin with, is not as statements need it.
    """
    try:
        async with database.acting_as(NOBODY, checked=False) as transaction:
            session = transaction.execute(SESSION)
        _check_session(session.all[0])
        async with database.acting_as(NOBODY, checked=False) as transaction:
            results = [transaction.execute(check) for check in CHECKS]
        async with database.acting_as(f"nobody {secrets.token_hex(16)}", checked=False) as transaction:
            results.append(transaction.execute(A_STRANGER_SEES_NOTHING))
        async with database.acting_for_accounts(checked=False) as transaction:
            results += [transaction.execute(check) for check in CHECKS_OF_ACCOUNTS]
    except ForbiddenError as refused:
        raise IsolationError(
            f"the role in DATABASE_URL cannot act as {APP_ROLE} and {ACCOUNTS_ROLE}, or one of those lacks a"
            f" grant: {_said(refused)}. GRANT {APP_ROLE}, {ACCOUNTS_ROLE} to that role, or run 'taskward migrate'"
            " as that role"
        ) from refused
    except DatabaseUnavailableError as error:
        if isinstance(error.__cause__, postgres.InvalidParameterValue):  # a role that is not there
            raise _not_migrated(error) from error
        raise
    except psycopg.ProgrammingError as error:
        raise _not_migrated(error) from error
    problems = [row["problem"] for result in results for row in result.all]
    if problems:
        raise IsolationError("; ".join(problems))


def check_encoding(encoding: str) -> None:
    """Raise UnfitDatabaseError unless the encoding of the database, as PostgreSQL names it, holds every text."""
    if encoding != "UTF8":
        raise UnfitDatabaseError(
            f"the encoding of this database is {encoding}, but Taskward needs UTF8: make one with CREATE DATABASE"
            " its_name ENCODING 'UTF8' TEMPLATE template0, and put its name into DATABASE_URL"
        )


def _check_session(settings: Row) -> None:
    check_encoding(settings["server_encoding"])
    wrong = [
        f"{name} = {settings[name]}, but Taskward needs {value}"
        for name, value in NEEDED.items()
        if settings[name] != value
    ]
    if wrong:
        raise UnfitDatabaseError(
            f"sessions start with {'; '.join(wrong)}. Undo this with ALTER ROLE ... RESET or ALTER DATABASE ..."
            " RESET, or remove it from PGOPTIONS or the options of DATABASE_URL"
        )


def _not_migrated(error: Exception) -> NotMigratedError:
    return NotMigratedError(f"this database is not migrated ({_said(error)}). Run 'taskward migrate'")


def _said(error: Exception) -> str:
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    assert isinstance(cause, psycopg.Error)
    return primary(cause)


async def warn_of_a_server_that_only_reads(database: Database) -> None:
    """Log a warning when nothing can be written: a provider does that when a disk is full. Reads are served."""
    async with database.acting_as(NOBODY) as transaction:
        only_reads = transaction.execute(ONLY_READS)
    if only_reads.all[0]["it_does"]:
        logger.warning("%s. Reads are served, and writes are answered with 503.", IT_ONLY_READS)


async def warn_of_an_old_server(database: Database) -> None:
    """Log a warning when a minor release of PostgreSQL is in use that has a gap in row-level security."""
    async with database.acting_as(NOBODY) as transaction:
        version = transaction.execute(SERVER_VERSION)
    (row,) = version.all
    if mended := mended_in(row["number"]):
        logger.warning(
            "PostgreSQL %s has a gap in row-level security, which %s closed. Upgrade the server. Taskward uses no"
            " affected statement, but other programs on this server may.", row["name"], mended,
        )  # fmt: skip


def mended_in(number: int) -> str | None:
    """Return the release that closes the gap which the server of this version number has, None if it has none."""
    major, minor = divmod(number, 10_000)
    return f"{major}.{FIRST_MENDED[major]}" if minor < FIRST_MENDED.get(major, 0) else None
