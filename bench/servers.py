"""The servers that are measured, each a process of its own on a free port of loopback."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.usage import Tree

SECRET = "a secret for measurements, of more than 32 characters"  # noqa: S105
ROOT = Path(__file__).parents[1]
START_SECONDS = 60
STOP_SECONDS = 30


class ServerFailedError(Exception):
    """A server did not start; the message says where its log is."""


class Server:
    """A server process: started, and answering, inside the context."""

    def __init__(self, name: str, command: list[str], settings: Mapping[str, str], folder: Path) -> None:
        """Take a name, the command with its settings as environment variables, and where its log goes."""
        self.name = name
        self.port = _free_port()
        self._command = [part.format(port=self.port) for part in command]
        self._environment = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": str(self.port), **settings,
        }  # fmt: skip
        self._folder = folder
        self._log = folder / f"{name}.log"

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self._command], cwd=self._folder, env=self._environment, stdout=log, stderr=log
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self._stop()
            raise
        self.tree = Tree.of(self.process.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def get(self, path: str, token: str | None = None) -> tuple[int, Mapping[str, str], bytes]:
        """Return the status, headers and body of one response; raise OSError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                self.get("/health/live")
            except OSError:
                time.sleep(0.005)  # there is no event for a port that opens
            else:
                return
        raise ServerFailedError(f"{self.name} did not start; see {self._log}")

    def _stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def taskward(folder: Path, name: str = "taskward", **settings: str) -> Server:
    """Return the service as `make run` starts it, with everything on; limits on rates are out of reach."""
    limits = {
        "RATE_LIMIT": "100000000/minute",
        "AUTH_RATE_LIMIT": "100000000/minute",
        "MAX_CONCURRENT_REQUESTS": "1000000",
    }
    return Server(name, ["-m", "taskward", "serve"], {"JWT_SECRET_KEY": SECRET, **limits, **settings}, folder)


def uvicorn(folder: Path, name: str, application: str, **settings: str) -> Server:
    """Return an application under one uvicorn, tuned as the service's own is."""
    command = ["-m", "uvicorn", application, "--port", "{port}", "--loop", "uvloop", "--http", "httptools",
               "--no-access-log", "--no-server-header", "--no-proxy-headers", "--backlog", "2048",
               "--log-level", "warning"]  # fmt: skip
    return Server(name, command, {"JWT_SECRET_KEY": SECRET, **settings}, folder)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
