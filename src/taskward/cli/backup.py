"""`taskward backup` and `taskward restore`, for the embedded database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from taskward.cli.postgres import database_of
from taskward.database.backup import BackupError, restore_backup, write_backup
from taskward.database.embedded import superuser_of_running
from taskward.settings import Settings


def backup(file: Path) -> str:
    """Back the embedded database up to `file`, whether the service runs or not; return what to say."""
    settings = _of_the_embedded_database()
    if not (settings.data_dir / "postgres").exists():
        raise BackupError(f"there is no database in {settings.data_dir.resolve()}")
    with _superuser(settings) as superuser:
        write_backup(superuser, file)
    return f"Wrote {file}, {file.stat().st_size:,} bytes."


def restore(file: Path, *, replace: bool) -> str:
    """Restore the embedded database from `file` while no service runs on it; return what to say."""
    settings = _of_the_embedded_database()
    with file.open("rb"), database_of(settings):  # a file that cannot be read is told before a database is made
        superuser = superuser_of_running(settings.data_dir)
        assert superuser is not None
        restore_backup(superuser, file, replace=replace)
    return f"Restored {file} to {settings.data_dir.resolve()}."


def _of_the_embedded_database() -> Settings:
    settings = Settings.load()
    if settings.database_url is not None:
        raise BackupError("DATABASE_URL is set: back that database up with pg_dump, as docs/backup.md tells")
    return settings


@contextmanager
def _superuser(settings: Settings) -> Iterator[str]:
    """Give the superuser's way into the server that runs, or into one that runs inside the block."""
    running = superuser_of_running(settings.data_dir)
    if running is not None and _answers(running):
        yield running
        return
    with database_of(settings):
        started = superuser_of_running(settings.data_dir)
        assert started is not None
        yield started


def _answers(address: str) -> bool:
    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError:
        return False  # the service was killed, or is starting; the lock of the folder knows which
    return True
