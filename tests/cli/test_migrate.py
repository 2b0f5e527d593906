import signal
from pathlib import Path

import httpx2
import psycopg
import pytest

from taskward.database.migrate import head
from taskward.database.url import conninfo
from taskward.embedded.server import EmbeddedPostgres, url_of_running
from tests.cli.command import processes_of, refusal, taskward, until
from tests.database.downgrades import downgrade
from tests.service import Service, start


def revision_of(url: str) -> object:
    with psycopg.connect(conninfo(url)) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchall()


def test_it_migrates_the_database_of_database_url(tmp_path: Path, empty_database_url: str) -> None:
    for _ in range(2):  # safe at any time
        done = taskward("migrate", settings={"DATABASE_URL": empty_database_url}, folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert revision_of(empty_database_url) == [(head(),)]
    assert list(tmp_path.iterdir()) == []


def test_it_migrates_the_embedded_database_and_stops_it(tmp_path: Path) -> None:
    done = taskward("migrate", settings={"DATA_DIR": str(tmp_path / "data")}, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    until(lambda: processes_of(tmp_path / "data") == [])
    with EmbeddedPostgres(tmp_path / "data", max_connections=5) as server:
        assert revision_of(server.url) == [(head(),)]


def test_beside_a_service_it_migrates_the_database_that_runs(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        address = conninfo(str(url_of_running(service.data_dir)))
        downgrade(address, "0006")
        done = taskward("migrate", settings={"DATA_DIR": str(service.data_dir)}, folder=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert revision_of(str(url_of_running(service.data_dir))) == [(head(),)]
        assert httpx2.get(f"{service.url}/health/ready").status_code == 200
    assert processes_of(tmp_path / "data") == []


def test_it_goes_through_database_migration_url_where_that_is_set(tmp_path: Path, empty_database_url: str) -> None:
    settings = {
        "DATABASE_URL": "postgresql://alice:hunter2@127.0.0.1:1/behind-a-pooler",
        "DATABASE_MIGRATION_URL": empty_database_url,
    }
    done = taskward("migrate", settings=settings, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert revision_of(empty_database_url) == [(head(),)]


def test_a_database_that_is_away_is_told_in_one_line_without_its_password(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": "postgresql://alice:hunter2@127.0.0.1:1/tasks"}
    line = refusal("migrate", settings=settings, folder=tmp_path)
    assert "the database cannot be reached: Connection refused (tasks on 127.0.0.1:1, as alice)." in line
    assert "hunter2" not in line


@pytest.mark.parametrize("sort", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_database_that_it_started(tmp_path: Path, sort: signal.Signals) -> None:
    lock = tmp_path / "data" / "postgres" / "postmaster.pid"
    with start({"DATA_DIR": str(tmp_path / "data")}, tmp_path, "migrate") as migration:
        until(lambda: lock.exists() or migration.poll() is not None)
        migration.send_signal(sort)
        migration.wait(30)
    until(lambda: processes_of(tmp_path / "data") == [])


BEGUN_AGAIN = "Counters have begun again: every client reads its tasks anew, once. All log-ins have ended.\n"
COUNTERS = "SELECT user_id, users.revision FROM users JOIN deleted_tasks ON user_id = id AND task_id IS NULL"


@pytest.mark.parametrize("through", ["DATABASE_URL", "DATABASE_MIGRATION_URL"])
def test_after_a_restore_elsewhere_the_database_is_migrated_and_counters_begin_again(
    tmp_path: Path, database_url: str, superuser: psycopg.Connection, through: str
) -> None:
    superuser.execute("INSERT INTO tasks (user_id, title) VALUES ('alice', 'Buy milk')")
    downgrade(conninfo(database_url), "0009")
    settings = {"DATABASE_URL": "postgresql://alice:hunter2@127.0.0.1:1/behind-a-pooler", through: database_url}
    before = 2**50
    for _ in range(2):
        done = taskward("after-restore", settings=settings, folder=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, BEGUN_AGAIN, "")
        ((user_id, revision),) = superuser.execute(COUNTERS).fetchall()
        assert (user_id, revision > before) == ("alice", True)
        before = revision
    assert revision_of(database_url) == [(head(),)]


def test_after_a_restore_of_files_the_embedded_database_is_told_beside_its_service(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        done = taskward("after-restore", settings={"DATA_DIR": str(service.data_dir)}, folder=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, BEGUN_AGAIN, "")
        assert httpx2.get(f"{service.url}/health/ready").status_code == 200


def test_who_does_not_own_the_tables_is_told_so_in_one_line(
    tmp_path: Path, database_url: str, superuser: psycopg.Connection
) -> None:
    superuser.execute("CREATE ROLE serving LOGIN; GRANT taskward_app TO serving")
    try:
        settings = {"DATABASE_URL": database_url.replace("//taskward@", "//serving@")}
        line = refusal("after-restore", settings=settings, folder=tmp_path)
        assert "the database refused: permission denied" in line
        assert line.rstrip().endswith("GRANT taskward TO serving")
    finally:
        superuser.execute("DROP ROLE serving")
