"""Backups of the embedded database: everything or nothing, in both directions."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from taskward.database.migrate import head, migrate
from taskward.database.startup_check import IsolationError
from taskward.database.url import conninfo
from taskward.embedded.backup import BackupError, restore_backup, write_backup
from taskward.embedded.server import OWNER, EmbeddedPostgres
from taskward.features import TABLES
from tests.embedded.clusters import embedded

TASKS = "SELECT user_id, title, revision FROM tasks ORDER BY id"
DATABASES = "SELECT datname FROM pg_database WHERE datname LIKE 'taskward%'"


def as_superuser(server: EmbeddedPostgres) -> psycopg.Connection:
    return psycopg.connect(make_conninfo(server.superuser_conninfo, dbname=OWNER), autocommit=True)


def write_tasks(server: EmbeddedPostgres, *titles: str) -> None:
    migrate(conninfo(server.url))
    with as_superuser(server) as connection:
        for title in titles:
            connection.execute("INSERT INTO tasks (user_id, title) VALUES ('alice', %s)", [title])


def back_up_after(server: EmbeddedPostgres, statement: str, file: Path) -> None:
    """Back up a database that somebody has changed like this."""
    with as_superuser(server) as connection:
        connection.execute(statement.encode())
    write_backup(server.superuser_conninfo, file)


def refused(server: EmbeddedPostgres, file: Path, kind: type[Exception], reason: str, *, replace: bool) -> None:
    """Restore what must not be restored, and look whether all is as it was."""
    with as_superuser(server) as connection:
        before = connection.execute(TASKS).fetchall()
    with pytest.raises(kind, match=reason) as refusal:
        restore_backup(server.superuser_conninfo, file, TABLES, replace=replace)
    assert "\n" not in str(refusal.value)
    with as_superuser(server) as connection:
        assert connection.execute(TASKS).fetchall() == before
        assert connection.execute(DATABASES).fetchall() == [(OWNER,)]


def test_only_what_is_sound_takes_the_place_of_what_is_there(tmp_path: Path) -> None:
    file, open_wall, newer, broken = (tmp_path / name for name in ("good", "open", "newer", "broken"))
    with embedded(tmp_path / "data") as server:
        write_tasks(server, "Buy milk", "Call bob")
        write_backup(server.superuser_conninfo, file)
        back_up_after(server, "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY", open_wall)
        back_up_after(server, "UPDATE alembic_version SET version_num = 'from the future'", newer)
        broken.write_bytes(file.read_bytes()[:-200])

        refused(server, file, BackupError, "--replace", replace=False)
        refused(server, open_wall, IsolationError, "tasks has row-level security disabled", replace=True)
        refused(server, newer, BackupError, "newer is of a newer Taskward: .* from the future", replace=True)
        refused(server, broken, BackupError, "pg_restore", replace=True)

        restore_backup(server.superuser_conninfo, file, TABLES, replace=True)
        with as_superuser(server) as connection:
            assert connection.execute(TASKS).fetchall() == [("alice", "Buy milk", 1), ("alice", "Call bob", 2)]
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(head(),)]
            assert connection.execute(DATABASES).fetchall() == [(OWNER,)]


def test_what_is_restored_begins_again_above_every_number_before(tmp_path: Path) -> None:
    file = tmp_path / "good"
    beginning = "SELECT revision FROM users UNION ALL SELECT revision FROM deleted_tasks WHERE task_id IS NULL"
    with embedded(tmp_path / "data") as server:
        write_tasks(server, "Buy milk", "Call bob")
        with as_superuser(server) as connection:
            connection.execute("DELETE FROM tasks WHERE title = 'Call bob'")
        write_backup(server.superuser_conninfo, file)
        reached = 3
        for _ in range(2):
            restore_backup(server.superuser_conninfo, file, TABLES, replace=True)
            write_tasks(server, "Lost again")
            with as_superuser(server) as connection:
                (revision,), (marker,) = connection.execute(beginning).fetchall()
                assert (marker, connection.execute("SELECT count(*) FROM deleted_tasks").fetchall()) == (
                    revision - 1,
                    [(1,)],
                )
                assert revision > reached
                reached = revision


def test_a_backup_of_an_older_schema_is_migrated(tmp_path: Path) -> None:
    file = tmp_path / "old"
    with embedded(tmp_path / "data") as server:
        migrate(conninfo(server.url), revision="0004")
        back_up_after(server, "INSERT INTO tasks (user_id, title) VALUES ('alice', 'Buy milk')", file)
        restore_backup(server.superuser_conninfo, file, TABLES, replace=True)
        with as_superuser(server) as connection:
            assert connection.execute(TASKS).fetchall() == [("alice", "Buy milk", 1)]
            assert connection.execute("SELECT count(*) FROM accounts").fetchall() == [(0,)]
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(head(),)]


def test_a_backup_is_private_new_and_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with embedded(tmp_path / "data") as server:
        write_tasks(server, "Buy milk")
        with pytest.raises(BackupError, match="pg_dump"):
            write_backup(
                make_conninfo(server.superuser_conninfo, user="taskward", sslmode="require"), folder / "one"
            )
        assert list(folder.iterdir()) == []
        monkeypatch.setenv("PGOPTIONS", "-c role=taskward")  # of a shell, and none of our business
        write_backup(server.superuser_conninfo, folder / "one")
        assert (folder / "one").stat().st_mode & 0o777 == 0o600
        with pytest.raises(BackupError, match="already exists"):
            write_backup(server.superuser_conninfo, folder / "one")
        assert [path.name for path in folder.iterdir()] == ["one"]
