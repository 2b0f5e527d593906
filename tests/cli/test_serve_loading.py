"""Workers load while the database is made ready, and are nobody's to wait for when it never is."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.cli.command import until, workers_below
from tests.conftest import SECRET
from tests.service import STOP_SECONDS, start


@contextmanager
def waiting(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A service with a database that takes connections and says nothing, and its two workers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(STOP_SECONDS)
        url = f"postgresql://taskward@127.0.0.1:{listener.getsockname()[1]}/taskward?connect_timeout=60"
        settings = {"DATABASE_URL": url, "JWT_SECRET_KEY": SECRET, "PORT": "0", "WORKERS": "2"}
        with start(settings, folder) as service:
            try:
                connection, _ = listener.accept()  # it has begun to prepare the database
                with connection:
                    workers = workers_below(service.pid)
                    yield service, workers
                    psutil.wait_procs(workers, STOP_SECONDS)
                    assert not any(worker.is_running() for worker in workers)
            finally:
                service.kill()  # one that did not stop would be waited for without end


def ignores(process: psutil.Process, sort: signal.Signals) -> bool:
    """Whether a process of Linux ignores a signal (proc_pid_status(5), SigIgn)."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return bool(int(status.split("SigIgn:")[1].split()[0], 16) >> (sort - 1) & 1)


@pytest.mark.parametrize(
    ("asked_to_stop", "code"),
    [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGHUP, 0), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_workers_that_wait_for_the_database_end_with_the_service(
    tmp_path: Path, asked_to_stop: signal.Signals, code: int
) -> None:
    with waiting(tmp_path) as (service, workers):
        assert len(workers) == 2
        if sys.platform == "linux":
            assert [worker.cmdline() == service.args for worker in workers] == [True, False]
            until(lambda: ignores(workers[0], signal.SIGHUP))  # it has the name of the supervisor, which obeys it
        service.send_signal(asked_to_stop)
        assert service.wait(STOP_SECONDS) == code
