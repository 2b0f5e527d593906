"""How long starting takes: the service on data that are there, and the command line."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import servers
from bench.users import User

REPEATS = 3


@dataclass(frozen=True)
class Starts:
    """Seconds."""

    first_response: float
    help: float


def measure(data_dir: Path, user: User) -> Starts:
    """Return how long it is to the first task out of the database in `data_dir`, and to `taskward --help`.

    No other server may be using `data_dir`.
    """
    return Starts(
        median(_first_response(data_dir, user) for _ in range(REPEATS)), median(_help() for _ in range(REPEATS))
    )


def _first_response(data_dir: Path, user: User) -> float:
    start = time.perf_counter()
    with servers.taskward(data_dir, "start", DATA_DIR=str(data_dir)) as server:
        status, _, _ = server.get(f"/tasks/{user.task_ids[0]}", user.token)
        seconds = time.perf_counter() - start
    if status != 200:
        raise AssertionError(f"the first response was {status}")
    return seconds


def _help() -> float:
    start = time.perf_counter()
    subprocess.run([Path(sys.executable).with_name("taskward"), "--help"], capture_output=True, check=True)
    return time.perf_counter() - start
