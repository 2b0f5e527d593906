"""Backups of the embedded PostgreSQL, by the programs that come with it.

Both run as the server's superuser: row-level security is forced on the owner of the tables as well, so a dump by
anybody else would fail.
"""

import asyncio
import os
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from taskward.atomic_files import written_whole
from taskward.database.after_restore import begin_again
from taskward.database.migrate import migrate
from taskward.database.migrated import UnknownRevisionError
from taskward.database.startup_check import check_isolation_at
from taskward.database.tables import Tables
from taskward.embedded.server import OWNER, program

ARCHIVE = b"PGDMP"  # what pg_dump begins its own format with
DRAFT = "taskward_restoring"
REPLACED = "taskward_replaced"

TABLES = """
    SELECT oid::regclass::text FROM pg_class
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
"""


class BackupError(Exception):
    """A backup cannot be made or restored; the message says why, in one line."""


def check_backup(file: Path) -> None:
    """Raise BackupError, OSError unless `file` holds a backup from its beginning to the list of what is in it."""
    with file.open("rb") as content:
        beginning = content.read(200)
    if b"PostgreSQL database dump" in beginning:
        raise BackupError(f"{file} is SQL, not a backup from 'taskward backup'. Use psql to restore it")
    if not beginning.startswith(ARCHIVE):
        raise BackupError(f"{file} is not a backup that 'taskward backup' wrote")
    try:
        listed = _run("pg_restore", "--list", str(file))
    except BackupError as error:
        raise BackupError(f"{file} is cut short, damaged, or from a newer PostgreSQL ({error})") from None
    if "alembic_version" not in listed:
        raise BackupError(f"{file} is a backup of another program's database, not of Taskward's")


def write_backup(superuser: str, file: Path) -> None:
    """Write what the service's database holds at this moment to a new `file`, complete or not at all.

    `superuser` is a libpq connection string. Others may read and write meanwhile (PostgreSQL manual, pg_dump).
    Raises BackupError, OSError.
    """
    if file.exists():
        raise BackupError(f"{file} already exists. Choose another name")
    database = make_conninfo(superuser, dbname=OWNER)
    with written_whole(file, overwrite=False) as draft:
        _run("pg_dump", "--format=custom", f"--file={draft}", f"--dbname={database}")


def restore_backup(superuser: str, file: Path, tables: Tables, *, replace: bool) -> None:
    """Put what `file` holds in the place of the service's database, or leave everything as it was.

    The copy is migrated, begins again as a restored one must, and passes the startup check for `tables`, before
    it takes the place. Without `replace`, only an empty database is replaced. Raises BackupError,
    UnfitDatabaseError, psycopg.Error.
    """
    draft = make_conninfo(superuser, dbname=DRAFT)
    service = make_conninfo(draft, user=OWNER)
    with psycopg.connect(superuser, autocommit=True) as server:
        if not replace and _holds_rows(make_conninfo(superuser, dbname=OWNER)):
            raise BackupError("this database has users or tasks already. To replace them, add --replace")
        try:
            _create_draft(server)
            migrate(service, tables=tables.names)  # makes the roles, which are the server's and in no backup
            _create_draft(server)
            _read(file, draft)
            _migrate_what_is_in(file, service, tables)
            begin_again(service, tables)
            asyncio.run(check_isolation_at(service, tables))
            with psycopg.connect(draft, autocommit=True) as copy:
                copy.execute("ANALYZE")
            _exchange(server)
        finally:
            for name in (DRAFT, REPLACED):
                server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _read(file: Path, database: str) -> None:
    try:
        _run("pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={database}", str(file))
    except BackupError as error:
        raise BackupError(f"{file} cannot be restored, and nothing has changed ({error})") from None


def _migrate_what_is_in(file: Path, service: str, tables: Tables) -> None:
    try:
        migrate(service, tables=tables.names)
    except UnknownRevisionError as error:
        raise BackupError(f"{file} is of a newer Taskward: {error}") from None


def _holds_rows(database: str) -> bool:
    with psycopg.connect(database) as connection:
        tables = [row[0] for row in connection.execute(TABLES)]
        return any(
            connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.SQL(table))).rowcount
            for table in tables
        )


def _create_draft(server: psycopg.Connection) -> None:
    name = sql.Identifier(DRAFT)
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
    server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(OWNER)))


def _exchange(server: psycopg.Connection) -> None:
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with server.transaction():
        for name, new_name in ((OWNER, REPLACED), (DRAFT, OWNER)):
            server.execute(rename.format(sql.Identifier(name), sql.Identifier(new_name)))


def _run(name: str, *arguments: str) -> str:
    """Return what a program of PostgreSQL writes, run without the PG* variables, which would change that."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    done = subprocess.run(
        [program(name), "--no-password", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BackupError(" ".join(done.stderr.split()))
    return done.stdout
