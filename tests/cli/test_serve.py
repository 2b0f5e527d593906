"""Starting and stopping: whoever is signalled or killed, nothing is left running and no task is lost."""

import signal
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.cli.command import processes_of, until, workers_of
from tests.service import Service, start


def client(service: Service) -> httpx2.Client:
    """Somebody who pasted the banner's token."""
    token = service.banner.split("Bearer ")[1].split("'")[0]
    return httpx2.Client(base_url=service.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


@pytest.mark.parametrize("asked_to_stop", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_stops_the_service_and_its_database(tmp_path: Path, asked_to_stop: signal.Signals) -> None:
    with Service(tmp_path / "data", {"PGPORT": "1"}) as service:  # of another server, as a shell may have it
        assert httpx2.get(f"{service.url}/health").json()["status"] == "healthy"
        assert len(processes_of(service.data_dir)) > 2
        service.process.send_signal(asked_to_stop)
        assert service.process.wait(30) == 0
        until(lambda: processes_of(service.data_dir) == [])
    assert "Traceback" not in service.rest_of_output
    assert not (service.data_dir / "postgres" / "postmaster.pid").exists()  # it was stopped, not killed


@pytest.mark.parametrize("moment", ["postgres.new.*", "postgres/postmaster.pid", "sockets/.s.PGSQL.5432"])
def test_a_signal_while_it_starts_leaves_nothing_running(tmp_path: Path, moment: str) -> None:
    data_dir = tmp_path / "data"
    with start({"DATA_DIR": str(data_dir), "PORT": "0"}, tmp_path) as service:
        until(lambda: bool(list(data_dir.glob(moment))))
        service.send_signal(signal.SIGTERM)
        output, _ = service.communicate(timeout=30)
    assert service.returncode == 0, output
    assert "Traceback" not in output
    until(lambda: processes_of(data_dir) == [])


@pytest.mark.parametrize("workers", ["1", "2"])
def test_after_sigkill_the_workers_end_and_the_next_start_has_every_task(tmp_path: Path, workers: str) -> None:
    with Service(tmp_path / "data", {"WORKERS": workers}) as service:
        with client(service) as alice:
            created = alice.post("/tasks", json={"title": "Buy milk"})
            assert created.status_code == 201
        orphans = workers_of(service)
        assert len(orphans) == int(workers)
        service.process.kill()
        _, alive = psutil.wait_procs(orphans, timeout=20)
        assert alive == []
    with Service(tmp_path / "data", {"WORKERS": workers}) as service, client(service) as alice:
        assert alice.get("/tasks/1").json() == created.json()
    until(lambda: processes_of(service.data_dir) == [])


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        (worker,) = workers_of(service)
        worker.kill()
        until(lambda: [new for new in workers_of(service) if new != worker] != [])
        assert httpx2.get(f"{service.url}/health", timeout=30).json()["status"] == "healthy"
    assert service.process.returncode == 0
    until(lambda: processes_of(service.data_dir) == [])


def test_sighup_replaces_the_workers(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        (before,) = workers_of(service)
        service.process.send_signal(signal.SIGHUP)
        until(lambda: not before.is_running())
        assert httpx2.get(f"{service.url}/health", timeout=30).json()["status"] == "healthy"


def test_an_interrupted_terminal_stops_it_cleanly(tmp_path: Path) -> None:
    """Ctrl-C reaches every process of the terminal's group at once, the database excepted."""
    with Service(tmp_path / "data") as service:
        database = service.database_pid
        for process in (*workers_of(service), psutil.Process(service.process.pid)):
            assert process.pid != database
            process.send_signal(signal.SIGINT)
        assert service.process.wait(30) == 0
    assert "Traceback" not in service.rest_of_output
    until(lambda: processes_of(service.data_dir) == [])
