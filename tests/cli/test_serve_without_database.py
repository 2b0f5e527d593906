"""With its database away it starts all the same: live, not ready, and of use as soon as the database is there."""

import socket
from datetime import datetime
from pathlib import Path

import httpx2
import psutil
import psycopg

from taskward.cli.serve import PATIENCE_SECONDS
from taskward.database.url import conninfo
from taskward.embedded.server import EmbeddedPostgres
from tests.cli.command import until, workers_of
from tests.conftest import SECRET
from tests.service import Service


def let_connect(superuser: psycopg.Connection, name: str, *, allowed: bool) -> None:
    superuser.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}'.encode())


def is_ready(service: Service) -> bool:
    return httpx2.get(f"{service.url}/health/ready", timeout=30).status_code == 200


def test_it_migrates_and_serves_when_the_database_is_there(
    tmp_path: Path, empty_database_url: str, superuser: psycopg.Connection
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(conninfo(empty_database_url))["dbname"]
    let_connect(superuser, str(name), allowed=False)
    settings = {"DATABASE_URL": empty_database_url, "JWT_SECRET_KEY": SECRET}
    with Service(tmp_path / "data", settings) as service:
        assert httpx2.get(f"{service.url}/health/live").status_code == 200
        assert not is_ready(service)
        bearer = {"Authorization": service.banner.split("Authorization: ")[1].split("'")[0]}
        response = httpx2.get(f"{service.url}/tasks", headers=bearer, timeout=30)
        assert (response.status_code, response.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
        let_connect(superuser, str(name), allowed=True)
        until(lambda: is_ready(service))
        assert httpx2.get(f"{service.url}/tasks", headers=bearer, timeout=30).json()["count"] == 0
    assert service.process.returncode == 0


def test_it_ends_when_a_wall_turns_out_to_be_missing(
    tmp_path: Path, database_url: str, superuser: psycopg.Connection, postgres: EmbeddedPostgres
) -> None:
    superuser.execute("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY")
    name = superuser.info.dbname
    with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as elsewhere:
        let_connect(elsewhere, name, allowed=False)
        with Service(tmp_path / "data", {"DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET}) as service:
            let_connect(elsewhere, name, allowed=True)
            assert service.process.wait(60) == 1
    assert "table tasks has row-level security disabled" in service.rest_of_output


def test_a_wall_that_a_new_worker_misses_is_told_in_one_line_and_ends_the_service_at_once(
    tmp_path: Path, database_url: str, superuser: psycopg.Connection
) -> None:
    settings = {"DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET, "WORKERS": "2"}
    with Service(tmp_path / "data", settings) as service:
        superuser.execute("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY")
        workers_of(service)[0].kill()
        assert service.process.wait(60) == 1
    lines = service.rest_of_output.splitlines()
    refused = [line for line in lines if "[ERROR]" in line and "row-level security" in line]  # by one or both
    assert all(line.endswith("[-] [-] [table tasks has row-level security disabled]") for line in refused)
    assert "Traceback" not in service.rest_of_output
    (ended,) = [line for line in lines if "stopping the parent process" in line]
    assert (at(ended) - at(refused[0])).total_seconds() < PATIENCE_SECONDS / 2


def at(line: str) -> datetime:
    return datetime.fromisoformat(line[1:].partition("]")[0])


def test_a_worker_that_dies_while_the_embedded_database_is_down_does_not_end_the_service(tmp_path: Path) -> None:
    with Service(tmp_path / "data", {"JWT_SECRET_KEY": SECRET}) as service:
        bearer = {"Authorization": service.banner.split("Authorization: ")[1].split("'")[0]}
        control = service.data_dir / "postgres" / "global" / "pg_control"
        control.rename(control.with_name("not there"))
        psutil.Process(service.database_pid).kill()
        until(lambda: not is_ready(service))
        (worker,) = workers_of(service)
        worker.kill()
        until(lambda: [new for new in workers_of(service) if new != worker] != [])
        assert httpx2.get(f"{service.url}/health/live", timeout=30).status_code == 200
        assert not is_ready(service)
        control.with_name("not there").rename(control)
        until(lambda: is_ready(service))
        created = httpx2.post(f"{service.url}/tasks", json={"title": "Buy milk"}, headers=bearer, timeout=30)
        assert created.status_code == 201
    assert service.process.returncode == 0


def test_the_log_says_why_without_the_password(tmp_path: Path) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        settings = {"DATABASE_URL": f"postgresql://alice:hunter2@127.0.0.1:{port}/tasks"}
        with Service(tmp_path / "data", settings) as service:
            pass
    output = service.banner + service.rest_of_output
    assert "the database cannot be reached" in output
    assert "hunter2" not in output
