"""`taskward backup` and `taskward restore`, for the embedded database."""

from pathlib import Path

from taskward.cli.postgres import database_of
from taskward.embedded.backup import BackupError, check_backup, restore_backup, write_backup
from taskward.embedded.server import superuser_of_running
from taskward.features import TABLES
from taskward.settings import Settings


def backup(file: Path) -> str:
    """Back the embedded database up to `file`, whether the service runs or not; return what to say."""
    settings = _of_the_embedded_database()
    if not (settings.data_dir / "postgres").exists():
        raise BackupError(f"there is no database in {settings.data_dir.resolve()}")
    with database_of(settings, beside_a_service=True):
        write_backup(_superuser(settings), file)
    return f"Wrote {file}, {file.stat().st_size:,} bytes."


def restore(file: Path, *, replace: bool) -> str:
    """Restore the embedded database from `file` while no service runs on it; return what to say."""
    settings = _of_the_embedded_database()
    check_backup(file)  # told before a database is made
    with database_of(settings):
        restore_backup(_superuser(settings), file, TABLES, replace=replace)
    return f"Restored {file} to {settings.data_dir.resolve()}."


def _of_the_embedded_database() -> Settings:
    settings = Settings.load()
    if settings.database_url is not None:
        raise BackupError("DATABASE_URL is set: this is for the embedded database. For yours, see docs/backup.md")
    return settings


def _superuser(settings: Settings) -> str:
    superuser = superuser_of_running(settings.data_dir)
    assert superuser is not None
    return superuser
