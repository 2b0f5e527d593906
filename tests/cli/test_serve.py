import signal
from pathlib import Path

import httpx2
import psutil

from tests.service import Service


def test_sigterm_stops_the_service_and_its_database(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        database = psutil.Process(service.database_pid)
        assert httpx2.get(f"{service.url}/health").json()["status"] == "healthy"
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == 0
    assert not database.is_running()
