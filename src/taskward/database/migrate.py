"""Migrations: to the newest revision, once, however many services start together."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

# An arbitrary constant. Whoever holds this advisory lock may change the schema.
MIGRATION_LOCK = 0x7A5C0A4D


class UnknownRevisionError(Exception):
    """The database has been migrated by a newer version than this one."""


def migrate(conninfo: str, *, revision: str = "head") -> None:
    """Bring the database at `conninfo` (libpq) up to `revision`. Waits while another process does so.

    Raises UnknownRevisionError, and psycopg.Error when the database cannot be reached or does not allow it.
    """
    try:
        with engine(conninfo).connect() as connection:
            command.upgrade(alembic_config(connection), revision)
    except DBAPIError as error:
        raise error.orig or error from None
    except CommandError as error:
        raise UnknownRevisionError(f"the database is at a revision this version does not know: {error}") from None


def engine(conninfo: str) -> Engine:
    """Return a SQLAlchemy engine that keeps no connection."""
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo), poolclass=NullPool)


def alembic_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration; the migrations are part of this package and there is no ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """Return the newest revision this code knows."""
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert newest is not None
    return newest


def current(connection: Connection) -> str | None:
    """Return the revision the database is at, or None when it has never been migrated."""
    return MigrationContext.configure(connection).get_current_revision()
