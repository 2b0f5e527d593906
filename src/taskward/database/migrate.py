"""Migrations: to the newest revision, once, however many services start together."""

from collections.abc import Sequence
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from taskward.database.driver.causes import primary
from taskward.database.giving_way import giving_way
from taskward.database.migrated import INHERITED, MissingRightsError, UnknownRevisionError
from taskward.database.startup_check import check_encoding

# An arbitrary constant. Whoever holds this advisory lock may change the schema.
MIGRATION_LOCK = 0x7A5C0A4D

# What the role that migrates lacks, as statements for somebody who may run them. In PostgreSQL 15, CREATEROLE is
# all it takes to grant a role. A member that inherits from the witness or the janitor would see everybody's rows.
MISSING_RIGHTS = """
    SELECT concat_ws('; ',
               CASE WHEN NOT has_schema_privilege(current_schema(), 'CREATE WITH GRANT OPTION')
                         OR NOT has_schema_privilege(current_schema(), 'USAGE WITH GRANT OPTION')
                    THEN format('GRANT ALL ON SCHEMA %%I TO %%I WITH GRANT OPTION', current_schema(), rolname) END,
               CASE WHEN NOT rolcreaterole THEN format('ALTER ROLE %%I CREATEROLE', rolname) END,
               (SELECT format('GRANT %%s TO %%I WITH ADMIN TRUE, INHERIT FALSE, SET FALSE',
                              string_agg(made.rolname, ', '), us.rolname)
                  FROM pg_roles AS made
                 WHERE made.rolname IN ('taskward_app', 'taskward_accounts',
                                        'taskward_witness', 'taskward_janitor')
                   AND current_setting('server_version_num')::int >= 160000
                   AND NOT pg_has_role(us.oid, made.oid, 'MEMBER WITH ADMIN OPTION')
                HAVING count(*) > 0),
               (SELECT format('GRANT %%I TO %%I', relowner::regrole::text, us.rolname)
                  FROM pg_class
                 WHERE pg_class.oid IN (SELECT to_regclass(name) FROM unnest(%s::text[]) AS name)
                   AND NOT pg_has_role(us.oid, relowner, 'MEMBER')
                 LIMIT 1))
      FROM pg_roles AS us
     WHERE rolname = current_user AND NOT rolsuper
"""

# Whoever logs in becomes the role of a request by SET ROLE. Who inherits from that of accounts could read password
# hashes without it. GRANT gives both unless told otherwise, which it can be from PostgreSQL 16 on. So here are the
# grants, whoever made them and for whichever login role, that this role may change: its own, and all where it is a
# superuser. The start-up check names what is left.
INHERIT_NOTHING = f"""
    DO $$
    DECLARE
        granted record;
    BEGIN
        FOR granted IN
            SELECT roleid::regrole AS made, member::regrole AS member, grantor::regrole AS grantor
              FROM pg_auth_members AS membership
             WHERE {INHERITED}
        LOOP
            EXECUTE format('GRANT %s TO %s WITH INHERIT FALSE GRANTED BY %s',
                           granted.made, granted.member, granted.grantor);
        END LOOP;
    END
    $$
"""  # noqa: S608  # put together from our own texts


def migrate(conninfo: str, *, tables: Sequence[str] = (), revision: str = "head") -> None:
    """Bring the database at `conninfo` (libpq) up to `revision`. Waits while another process does so.

    Also waits, for as long as it takes, for transactions that use a table which a migration changes. `tables` are
    those whose owner may have to grant something first. Raises UnknownRevisionError, MissingRightsError,
    UnfitDatabaseError, and psycopg.Error when the database cannot be reached or does not allow it. Then nothing of
    it has happened.
    """
    try:
        with engine(conninfo).connect() as connection:
            check_encoding(_told(connection, "server_encoding"))
            giving_way(lambda: _upgrade(connection, revision), what="the migration")
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise MissingRightsError(_missing_rights(conninfo, tables, error.orig)) from None
        raise error.orig or error from None
    except CommandError:
        raise UnknownRevisionError(
            f"the database is at revision {_revision_of(conninfo)}, but this Taskward knows only those up to"
            f" {head()}. Run the newer Taskward that migrated it"
        ) from None


def _upgrade(connection: Connection, revision: str) -> None:
    try:
        command.upgrade(alembic_config(connection), revision)
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            connection.rollback()
            raise error.orig from None
        raise


def _told(connection: Connection, name: str) -> str:
    """Return what the server said of itself as the session began, for which nothing has to be asked."""
    session = connection.connection.dbapi_connection
    assert isinstance(session, psycopg.Connection)
    return session.info.parameter_status(name) or ""


def _missing_rights(conninfo: str, tables: Sequence[str], error: psycopg.Error) -> str:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(MISSING_RIGHTS, ([*tables, "alembic_version"],)).fetchone()
    if row is None or not row[0]:
        return f"the database refused: {primary(error)}"
    return f"the database refused: {primary(error)}. Have an administrator of it run: {row[0]}"


def _revision_of(conninfo: str) -> str | None:
    with engine(conninfo).connect() as connection:
        return current(connection)


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
