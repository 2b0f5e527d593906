"""The servers that are measured, each a process of its own on a free port of loopback."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.usage import Tree

SECRET = "a secret for measurements, of more than 32 characters"  # noqa: S105
ROOT = Path(__file__).parents[1]
START_SECONDS = 60
STOP_SECONDS = 30
TASKWARD = "taskward"  # whose paths and bodies a server has, as load.lua knows them


class ServerFailedError(Exception):
    """A server did not start; the message says where its log is."""


class Server:
    """A server process: started, and answering, inside the context."""

    def __init__(
        self, name: str, command: list[str], settings: Mapping[str, str], folder: Path, api: str = TASKWARD
    ) -> None:
        """Take a name, the command with its settings as environment variables, and where its log goes."""
        self.name = name
        self.api = api
        self.port = _free_port()
        self._command = [part.format(port=self.port) for part in command]
        self._environment = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": str(self.port), **settings,
        }  # fmt: skip
        self._folder = folder
        self.log = folder / f"{name}.log"

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdout=log, stderr=log
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
        return self._ask("GET", path, None, {"Authorization": f"Bearer {token}"} if token else {})

    def post(self, path: str, body: object, token: str | None = None) -> Any:
        """Return the JSON that answers this JSON; raise ServerFailedError unless it went well, and OSError."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        status, _, answer = self._ask("POST", path, json.dumps(body), headers)
        if status != 200:
            raise ServerFailedError(f"{self.name} answered {path} with {status}: {answer[:200].decode()}")
        return json.loads(answer)

    def _ask(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)
        try:
            connection.request(method, path, body, headers)
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
        raise ServerFailedError(f"{self.name} did not start; see {self.log}")

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
    return Server(
        name, [sys.executable, "-m", "taskward", "serve"], {"JWT_SECRET_KEY": SECRET, **limits, **settings}, folder
    )


def uvicorn(folder: Path, name: str, application: str, **settings: str) -> Server:
    """Return an application under one uvicorn, tuned as the service's own is."""
    command = [sys.executable, "-m", "uvicorn", application, "--port", "{port}", "--loop", "uvloop", "--http",
               "httptools", "--no-access-log", "--no-server-header", "--no-proxy-headers", "--backlog", "2048",
               "--log-level", "warning"]  # fmt: skip
    return Server(name, command, {"JWT_SECRET_KEY": SECRET, **settings}, folder)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
