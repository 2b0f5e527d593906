"""`taskward` as an operator runs it, and what it leaves running."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from tests.service import Service


def taskward(*arguments: str, settings: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end with these settings and none of this process's."""
    return subprocess.run(
        [sys.executable, "-m", "taskward", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


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
    children = psutil.Process(service.process.pid).children()
    return [child for child in children if "spawn_main" in command_line(child)]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition that no event announces."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
