"""`taskward migrate`, `after-restore` and `distribute`, and the migration at the start of the service."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from taskward.cli.postgres import database_of
from taskward.database.after_restore import begin_again
from taskward.database.cluster import CannotDistributeError, check_entry
from taskward.database.distribute import distribute as spread_rows
from taskward.database.distribute import is_distributed
from taskward.database.migrated import is_migrated
from taskward.database.url import conninfo, without_pooler
from taskward.features import TABLES
from taskward.settings import Settings


def migrate() -> None:
    """Migrate the database of the settings; the embedded one beside its service, or started for this."""
    settings = Settings.load()
    with database_of(settings, beside_a_service=True) as url:
        migrate_url(settings, url)


def after_restore() -> str:
    """Do what a restored database needs, after migrating it; return what to say."""
    settings = Settings.load()
    with database_of(settings, beside_a_service=True) as url:
        migrate_url(settings, url)
        with _owners_address(settings, url) as address:
            begin_again(address, TABLES)
    return "Counters have begun again: every client reads its tasks anew, once. All log-ins have ended."


def distribute() -> str:
    """Migrate the database of the settings and spread its rows over its Citus cluster; return what to say."""
    settings = Settings.load()
    if settings.database_url is None:
        raise CannotDistributeError(
            "no DATABASE_URL is set, and the embedded database is one server. docs/scaling.md tells how to move it"
        )
    with database_of(settings) as url:
        migrate_url(settings, url)
        with _owners_address(settings, url) as address:
            spread = spread_rows(address, TABLES)
    return f"Spread by user: {', '.join(spread)}." if spread else "All tables were spread by user already."


def migrate_url(settings: Settings, url: str) -> None:
    """Migrate the database at `url`, through DATABASE_MIGRATION_URL where it is set.

    Where its rows are distributed, those of new tables are as well from then on.
    """
    with _owners_address(settings, url) as address:
        check_entry(address)
        _migrate(address)


def migrate_where_needed(settings: Settings, url: str) -> None:
    """Do so unless it is migrated already, as at most starts."""
    with _owners_address(settings, url) as address:
        check_entry(address)
        if not is_migrated(address):
            _migrate(address)


def _migrate(address: str) -> None:
    from taskward.database.migrate import migrate as run  # with Alembic and SQLAlchemy: 0.2 s of most starts

    run(address, tables=TABLES.names)
    if is_distributed(address):
        spread_rows(address, TABLES)


@contextmanager
def _owners_address(settings: Settings, url: str) -> Iterator[str]:
    """Give the address (libpq) of whoever migrates: DATABASE_MIGRATION_URL where it is set, else `url`."""
    if not (settings.database_url and settings.database_migration_url):
        yield without_pooler(conninfo(url))
        return
    setting = "DATABASE_MIGRATION_URL"
    address = conninfo(settings.database_migration_url.get_secret_value(), setting)
    try:
        yield without_pooler(address)
    except psycopg.Error as error:
        error.add_note(setting)  # whose address it is, for `cause_of`
        raise
