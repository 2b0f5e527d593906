"""`taskward migrate`, and the migration at the start of the service."""

import psycopg

from taskward.cli.postgres import database_of
from taskward.database import migrate as migrations
from taskward.database.url import conninfo, without_pooler
from taskward.features import TABLES
from taskward.settings import Settings


def migrate() -> None:
    """Migrate the database of the settings; the embedded one beside its service, or started for this."""
    settings = Settings.load()
    with database_of(settings, beside_a_service=True) as url:
        migrate_url(settings, url)


def migrate_url(settings: Settings, url: str) -> None:
    """Migrate the database at `url`, through DATABASE_MIGRATION_URL where it is set."""
    if not (settings.database_url and settings.database_migration_url):
        migrations.migrate(without_pooler(conninfo(url)), tables=TABLES.names)
        return
    setting = "DATABASE_MIGRATION_URL"
    address = conninfo(settings.database_migration_url.get_secret_value(), setting)
    try:
        migrations.migrate(without_pooler(address), tables=TABLES.names)
    except psycopg.Error as error:
        error.add_note(setting)  # whose address it is, for `cause_of`
        raise
