"""`taskward doctor database`: whether the database of the settings is as the service needs it."""

import asyncio
import logging
import statistics
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from taskward.cli.diagnostics import Diagnostic
from taskward.cli.postgres import database_of
from taskward.database.driver.causes import cause_of
from taskward.database.migrate import head
from taskward.database.startup_check import (
    IT_ONLY_READS,
    UnfitDatabaseError,
    check_encoding,
    check_isolation_at,
    mended_in,
)
from taskward.database.transaction import ACCOUNTS_ROLE, APP_ROLE
from taskward.database.url import conninfo, is_pooled
from taskward.errors import ApiError
from taskward.features import TABLES
from taskward.settings import Settings

ROUND_TRIPS = 9
SLOW_MILLISECONDS = 20
OLDEST = 15

FACTS = """
    SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
           current_setting('server_encoding') AS encoding, current_setting('TimeZone') AS time_zone,
           current_setting('transaction_read_only')::bool AS only_reads,
           (SELECT string_agg(name, ' and ' ORDER BY name) FROM pg_settings
             WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off') AS unsafe,
           current_user AS role, rolsuper, rolbypassrls, rolcreaterole, pg_backend_pid() AS pid,
           (SELECT count(*) = 2 FROM pg_roles AS needed
             WHERE needed.rolname IN (%(app)s, %(accounts)s)
               AND pg_has_role(current_user, needed.oid, 'MEMBER')) AS acts,
           to_regclass('alembic_version') IS NOT NULL AS migrated,
           (SELECT concat_ws(', ',
                       CASE WHEN has_database_privilege(app.oid, current_database(), 'TEMPORARY')
                            THEN 'temporary tables' END,
                       CASE WHEN has_function_privilege(app.oid, 'pg_catalog.lo_creat(int)', 'EXECUTE')
                            THEN 'large objects' END,
                       CASE WHEN has_function_privilege(app.oid, 'pg_catalog.pg_advisory_lock(bigint)', 'EXECUTE')
                            THEN 'advisory locks' END)
              FROM pg_roles AS app WHERE app.rolname = %(app)s) AS needless
      FROM pg_roles WHERE rolname = current_user
"""

Connection = psycopg.Connection[DictRow]


def doctor_database() -> bool:
    """Print a line for everything that was looked at; return whether there is no problem."""
    settings = Settings.load()
    logging.getLogger("taskward").addHandler(logging.NullHandler())  # what it would say is said below
    problems = 0
    for diagnostic in _of_settings(settings):
        print(diagnostic, flush=True)
        problems += diagnostic.level == "problem"
    return problems == 0


def _of_settings(settings: Settings) -> Iterator[Diagnostic]:
    if settings.database_url is None and not (settings.data_dir / "postgres").exists():
        where = settings.data_dir.resolve()
        yield Diagnostic("problem", "reachable", f"There is no database in {where} yet. Start the service once.")
        return
    with database_of(settings, beside_a_service=True) as url:
        yield from examine(url, embedded=settings.database_url is None)


def examine(url: str, *, embedded: bool = False) -> Iterator[Diagnostic]:
    """Look at the database at `url`, which may be the embedded one, and yield what is found as it is found."""
    address = conninfo(url)
    try:
        with psycopg.connect(address, autocommit=True, row_factory=dict_row, prepare_threshold=None) as connection:
            yield Diagnostic("ok", "reachable", f"as {connection.info.user} on {connection.info.dbname}")
            facts = connection.execute(FACTS, {"app": APP_ROLE, "accounts": ACCOUNTS_ROLE}).fetchone()
            assert facts is not None
            yield about_server(facts, embedded=embedded)
            yield about_role(facts)
            yield about_needless_rights(facts)
            yield about_encoding(facts)
            yield about_writes(facts)
            yield about_pooler(address, connection, facts)
            yield about_migrations(connection, facts)
            yield about_latency(connection)
    except psycopg.OperationalError as error:
        yield Diagnostic("problem", "reachable", cause_of(error))
        return
    yield about_isolation(address)


def about_server(facts: dict[str, Any], *, embedded: bool) -> Diagnostic:
    """Tell whether PostgreSQL is new enough, and lacks no known repair."""
    number, name = facts["number"], f"PostgreSQL {facts['version']}"
    if embedded:
        return Diagnostic("ok", "server", f"{name}, the embedded one")
    if number // 10_000 < OLDEST:
        return Diagnostic("problem", "server", f"{name} is too old. Use {OLDEST} or newer.")
    if mended := mended_in(number):
        text = f"{name} has a gap in row-level security, which {mended} closed. Upgrade the server. Taskward uses"
        return Diagnostic("note", "server", f"{text} no affected statement, but other programs on it may.")
    return Diagnostic("ok", "server", name)


def about_role(facts: dict[str, Any]) -> Diagnostic:
    """Tell whether the role can act as those of the service."""
    powers = {"rolsuper": "is a superuser", "rolbypassrls": "bypasses row-level security"}
    power = next((text for name, text in powers.items() if facts[name]), None)
    if not facts["acts"]:
        return Diagnostic(
            "problem", "role",
            f"{facts['role']} cannot act as {APP_ROLE} and {ACCOUNTS_ROLE}. Run 'taskward migrate', or GRANT"
            f" {APP_ROLE}, {ACCOUNTS_ROLE} TO it WITH INHERIT FALSE, SET TRUE.",
        )  # fmt: skip
    if power is not None:
        return Diagnostic("note", "role", f"{facts['role']} {power}. Statements run as {APP_ROLE}; less would do.")
    more = ", and may create roles" if facts["rolcreaterole"] else ""
    return Diagnostic("ok", "role", f"{facts['role']} acts as {APP_ROLE}{more}")


def about_needless_rights(facts: dict[str, Any]) -> Diagnostic:
    """Tell what PostgreSQL allows everybody and no request needs; others in the database may."""
    if facts["needless"]:
        return Diagnostic(
            "note", "rights",
            f"{APP_ROLE} may make {facts['needless']}, and needs none. docs/database.md tells how to take them"
            " away.",
        )  # fmt: skip
    return Diagnostic("ok", "rights", f"{APP_ROLE} has none that it does not need")


def about_encoding(facts: dict[str, Any]) -> Diagnostic:
    """Tell whether every text can be stored."""
    try:
        check_encoding(facts["encoding"])
    except UnfitDatabaseError as error:
        return Diagnostic("problem", "encoding", f"{error}.")
    return Diagnostic("ok", "encoding", f"UTF8; the time zone {facts['time_zone']} makes no difference")


def about_writes(facts: dict[str, Any]) -> Diagnostic:
    """Tell whether the database takes writes, and keeps them (PostgreSQL manual, "Write Ahead Log")."""
    if facts["only_reads"]:
        text = f"{IT_ONLY_READS}. Reads are served, and writes are answered with 503."
        return Diagnostic("problem", "writes", f"{text} Is its disk full?")
    if facts["unsafe"]:
        return Diagnostic(
            "note", "writes",
            f"taken, with {facts['unsafe']} off: what was acknowledged may be gone after a crash of the server or"
            " its machine. Turn on what is off.",
        )  # fmt: skip
    return Diagnostic("ok", "writes", "taken, and on its disk before they are acknowledged")


def about_pooler(address: str, connection: Connection, facts: dict[str, Any]) -> Diagnostic:
    """Tell whether there is one: it gives its clients process ids of its own, and the server says another."""
    pooled = connection.info.backend_pid != facts["pid"]
    if pooled and not is_pooled(address):
        return Diagnostic(
            "note", "pooler",
            "There is one, so nothing is prepared, and reads do not travel together. Migrations need"
            " DATABASE_MIGRATION_URL, with the direct address of the database.",
        )  # fmt: skip
    if pooled:
        return Diagnostic(
            "ok", "pooler", "there is one; prepared statements are not used, and migrations go past it"
        )
    return Diagnostic("ok", "pooler", "none")


def about_migrations(connection: Connection, facts: dict[str, Any]) -> Diagnostic:
    """Tell whether the schema is that of this version."""
    try:
        row = _revision(connection, facts) if facts["migrated"] else None
    except psycopg.errors.InsufficientPrivilege:
        return Diagnostic(
            "problem", "migrations", "The role may not read alembic_version. Run 'taskward migrate' as it."
        )
    if row is None:
        return Diagnostic("problem", "migrations", "There are none yet. Run 'taskward migrate'.")
    if row["version_num"] != head():
        text = f"The database is at {row['version_num']}, this version at {head()}. Run 'taskward migrate', which"
        return Diagnostic("problem", "migrations", f"{text} says so if a newer Taskward has been here.")
    return Diagnostic("ok", "migrations", f"at {head()}, the newest")


def _revision(connection: Connection, facts: dict[str, Any]) -> DictRow | None:
    """Read it as requests do, where the role can: what it may do itself says nothing about them."""
    with connection.transaction():
        if facts["acts"]:
            connection.execute(f"SET LOCAL ROLE {APP_ROLE}")
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()


def about_latency(connection: Connection) -> Diagnostic:
    """Tell how long a round trip takes."""

    def milliseconds(ask: Callable[[], object]) -> float:
        start = perf_counter()
        ask()
        return (perf_counter() - start) * 1000

    median = statistics.median(milliseconds(lambda: connection.execute("SELECT 1")) for _ in range(ROUND_TRIPS))
    text = f"{median:.1f} ms for a round trip, the median of {ROUND_TRIPS}"
    if median > SLOW_MILLISECONDS:
        return Diagnostic(
            "note", "latency", f"{text}. Each request waits for one: run the service near the database."
        )
    return Diagnostic("ok", "latency", text)


def about_isolation(address: str) -> Diagnostic:
    """Tell whether users are kept apart."""
    try:
        asyncio.run(check_isolation_at(address, TABLES))
    except UnfitDatabaseError as error:
        return Diagnostic("problem", "isolation", f"{error}. The service does not start like this.")
    except ApiError as error:
        return Diagnostic("problem", "isolation", cause_of(error))
    return Diagnostic("ok", "isolation", "each user sees their own rows alone")
