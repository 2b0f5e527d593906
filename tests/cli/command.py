"""`taskward` as an operator runs it, and what it leaves running."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import psutil

from bench.usage import Tree
from tests.service import Service

COMMAND_SECONDS = 60


def taskward(*arguments: str, settings: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end with these settings and none of this process's."""
    environment = {"PATH": os.environ["PATH"], **settings}
    # Python reads its own settings when it starts. Other systems' libraries may not be used after a fork.
    if sys.platform == "linux" and not any(name.startswith("PYTHON") for name in settings):
        return _forks().run(list(arguments), environment, folder)
    return subprocess.run(
        [sys.executable, "-m", "taskward", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
    )  # fmt: skip


class _Forks:
    """The process that forks for each command; it ends when this one does, as its socket closes."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.settimeout(COMMAND_SECONDS)
        self._one_at_a_time = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__).with_name("forks.py")), str(theirs.fileno())],
                pass_fds=[theirs.fileno()], env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        atexit.register(self.end)

    def run(
        self, arguments: list[str], environment: dict[str, str], folder: Path
    ) -> subprocess.CompletedProcess[str]:
        message = json.dumps([arguments, environment, str(folder)]).encode()
        with self._one_at_a_time, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            socket.send_fds(self._connection, [message], [output.fileno(), errors.fileno()])
            pid = int(self._connection.recv(100))
            try:
                code = int(self._connection.recv(100))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self._connection.recv(100)
                raise
            printed = []
            for file in (output, errors):
                file.seek(0)
                printed.append(file.read().decode().replace("\r\n", "\n"))
        return subprocess.CompletedProcess(arguments, code, *printed)

    def end(self) -> None:
        self._connection.close()
        self._process.wait(COMMAND_SECONDS)


@cache
def _forks() -> _Forks:
    return _Forks()


def refusal(*arguments: str, settings: Mapping[str, str], folder: Path) -> str:
    """Run a command that must refuse: exit code 1, and one line on standard error, which is returned."""
    done = taskward(*arguments, settings=settings, folder=folder)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("taskward: ")
    return line


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Every process of a service on `data_dir`: supervisor, workers, PostgreSQL."""
    return [process for process in psutil.process_iter() if _belongs_to(process, str(data_dir))]


def _belongs_to(process: psutil.Process, data_dir: str) -> bool:
    if data_dir in command_line(process):
        return True
    try:
        return process.environ().get("DATA_DIR") == data_dir
    except psutil.Error:
        return False


def command_line(process: psutil.Process) -> str:
    """The command of a process, empty when it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def workers_of(service: Service) -> list[psutil.Process]:
    """The processes that answer requests."""
    return workers_below(service.process.pid)


def workers_below(supervisor: int) -> list[psutil.Process]:
    """Those that a process has started to answer requests, or load to do so."""
    return [worker.root for worker in Tree.of(supervisor).workers()]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition that no event announces."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
