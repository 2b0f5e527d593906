"""Several workers are one service: whichever of them answers, the numbers are those of all."""

import tempfile
from pathlib import Path

import httpx2

from tests.cli.command import until, workers_of
from tests.conftest import SECRET
from tests.observability.scrape import value
from tests.service import Service

LIMIT = "taskward_database_connections_limit"


def scrape(service: Service) -> str:
    return httpx2.get(f"{service.url}/metrics", timeout=30).text


def answered(text: str, route: str = "/health/ready") -> float:
    return value(text, "taskward_requests_total", method="GET", route=route, status="200")


def ask_until_all_have_answered(service: Service, shared: Path) -> int:
    """Ask on ever new connections, often, and until each worker has had some; return how often."""
    files = [shared / f"counter_{worker.pid}.db" for worker in workers_of(service)]
    asked = 0

    def all_have_answered() -> bool:
        nonlocal asked
        asked += 1
        assert httpx2.get(f"{service.url}/health/ready", timeout=30).status_code == 200
        return asked >= 60 and all(b"/health/ready" in file.read_bytes() for file in files)

    until(all_have_answered)
    return asked


def test_the_numbers_are_those_of_all_workers_and_outlive_one(tmp_path: Path, database_url: str) -> None:
    (folder := tmp_path / "temporary").mkdir()
    settings = {
        "DATABASE_URL": database_url, "WORKERS": "2", "JWT_SECRET_KEY": SECRET, "TMPDIR": str(folder),
        "DB_POOL_SIZE": "2", "DB_MAX_OVERFLOW": "1",
    }  # fmt: skip
    with Service(tmp_path / "data", settings) as service:
        until(lambda: value(scrape(service), LIMIT) == 6)  # both have started
        (shared,) = folder.glob("taskward-metrics-*")
        asked = ask_until_all_have_answered(service, shared)
        until(lambda: answered(scrape(service)) == asked)  # a request is counted when its response is on its way
        assert {answered(scrape(service)) for _ in range(10)} == {asked}

        worker = workers_of(service)[0]
        worker.kill()
        gauges = [shared / f"gauge_{mode}_{worker.pid}.db" for mode in ("livesum", "livemax")]
        until(lambda: not any(file.exists() for file in gauges))
        until(lambda: value(scrape(service), LIMIT) == 6)
        assert answered(scrape(service)) == asked
        assert worker.pid not in {process.pid for process in workers_of(service)}
    assert service.process.returncode == 0
    assert list(folder.glob("taskward-metrics-*")) == []
    assert tempfile.gettempdir() != str(folder)
