"""Before the service serves: is row-level security in force in this very database, and are sessions as needed?"""

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence

import psycopg
from psycopg import errors as postgres

from taskward.database.driver.causes import primary
from taskward.database.driver.results import Row
from taskward.database.driver.statement import Statement
from taskward.database.isolation_checks import READS_ARE_HELD, checks_of
from taskward.database.node_checks import problems_of_nodes
from taskward.database.tables import Tables
from taskward.database.transaction import ACCOUNTS_ROLE, APP_ROLE, NOBODY, Database
from taskward.errors import DatabaseUnavailableError, ForbiddenError

logger = logging.getLogger(__name__)

# What a session begins with may be set by the environment, the address, a role or a database.
SESSION = Statement("""
    SELECT current_setting('server_encoding') AS server_encoding,
           current_setting('client_encoding') AS client_encoding, current_setting('row_security') AS row_security,
           current_setting('session_replication_role') AS session_replication_role,
           current_setting('default_transaction_isolation') AS default_transaction_isolation
""")
NEEDED = {
    "client_encoding": "UTF8",
    "row_security": "on",  # if off, every statement on user data fails
    "session_replication_role": "origin",  # any other value turns triggers and foreign keys off
    # A statement sees what was committed while one before it waited: so no log-in outlives its password.
    "default_transaction_isolation": "read committed",
}

ONLY_READS = Statement("SELECT current_setting('transaction_read_only')::bool AS it_does")
IT_ONLY_READS = "The database only reads: it is a standby, or default_transaction_read_only is on"

SERVER_VERSION = Statement("""
    SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS name
""")
# Before these minor releases, by major one, INSERT ... ON CONFLICT DO UPDATE could get round a policy
# (CVE-2026-120154). Taskward never uses it; tests/database/test_upserts.py checks that.
FIRST_MENDED = {15: 20, 16: 16, 17: 12, 18: 7}


class UnfitDatabaseError(Exception):
    """The service must not serve this database; the message says why and what to do, in one line."""


class IsolationError(UnfitDatabaseError):
    """Row-level security, or one of its conditions, is missing; the message names each gap."""


class NotMigratedError(IsolationError):
    """There is nothing to protect yet: `taskward migrate` makes it."""


async def check_isolation_at(
    address: str, tables: Tables, *, also: Sequence[Callable[[Database], Awaitable[None]]] = ()
) -> None:
    """Raise as `check_isolation` does for the database of a libpq connection string, over one connection.

    `also` is what is looked at then.
    """
    database = Database(address, pool_size=1, max_overflow=0)
    try:
        await check_isolation(database, tables)
        for look in also:
            await look(database)
    finally:
        await database.close()


async def check_isolation(database: Database, tables: Tables) -> None:
    """Raise IsolationError when one user could reach another's rows in these tables.

    Raises DatabaseUnavailableError if that is not known, and UnfitDatabaseError where the encoding, or what
    sessions begin with, is not as statements need it.
    """
    checks = checks_of(tables)
    try:
        await database.find_engine()
        async with database.acting_as(NOBODY, checked=False) as transaction:
            session = transaction.execute(SESSION)
        _check_session(session.all[0])
        async with database.acting_as(NOBODY, checked=False) as transaction:
            # Where rows are distributed, they do not even say "nothing" to nobody.
            left_out = {checks.of_a_stranger.name} if database.distributed else set()
            results = [transaction.execute(check) for check in checks.of_users if check.name not in left_out]
        async with database.acting_as(f"nobody {secrets.token_hex(16)}", checked=False) as transaction:
            results.append(transaction.execute(checks.of_a_stranger))
        async with database.acting_as(NOBODY, checked=False, only_reads=True) as transaction:
            results.append(transaction.execute(READS_ARE_HELD))
        async with database.acting_for_accounts(checked=False) as transaction:
            results += [transaction.execute(check) for check in checks.of_accounts]
    except ForbiddenError as refused:
        raise IsolationError(
            f"the role in DATABASE_URL cannot act as {APP_ROLE} and {ACCOUNTS_ROLE}, or one of those lacks a"
            f" grant: {_said(refused)}. GRANT {APP_ROLE}, {ACCOUNTS_ROLE} to that role WITH INHERIT FALSE, SET"
            " TRUE, or run 'taskward migrate' as that role"
        ) from refused
    except DatabaseUnavailableError as error:
        if isinstance(error.__cause__, postgres.InvalidParameterValue):  # a role that is not there
            raise _not_migrated(error) from error
        raise
    except psycopg.ProgrammingError as error:
        raise _not_migrated(error) from error
    problems = [row["problem"] for result in results for row in result.all]
    if database.distributed:
        problems += await problems_of_nodes(database, tables)
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
