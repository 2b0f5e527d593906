"""A thousand connections: at a rate that two workers can serve, and at one that they cannot."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import servers, wrk
from bench.servers import Server
from bench.users import User, write

CONNECTIONS = 1000
RATE = 1500
WARM_UP_SECONDS = 3  # for connecting, too


@dataclass(frozen=True)
class Crowd:
    """What the clients saw; latencies in milliseconds, memory in bytes."""

    steady: dict[str, Any]
    saturated: wrk.Run
    shares: dict[str, Any]
    worker_memory: int
    worker_memory_before: int


def measure(folder: Path, url: str, users: list[User], *, seconds: int) -> Crowd:
    """Return what two workers do at a steady rate and saturated, and what one worker then holds in memory."""
    file = write(folder / "crowd.users", users)
    with servers.taskward(folder, "crowd", DATABASE_URL=url, WORKERS="2") as server:
        _saturate(server, file, WARM_UP_SECONDS)
        steady = _client(server, file, seconds, "--rate", str(RATE))
        saturated = _saturate(server, file, seconds)
        shares = _client(server, file, seconds)
    with servers.taskward(folder, "crowd", DATABASE_URL=url, WORKERS="1") as server:
        before = server.tree.workers()[0].resident_bytes()
        _saturate(server, file, seconds)
        memory = server.tree.workers()[0].resident_bytes()
    return Crowd(steady, saturated, shares, memory, before)


def _saturate(server: Server, file: Path, seconds: int) -> wrk.Run:
    return wrk.run(server, "mix", file, seconds=seconds, connections=CONNECTIONS, overload=True)


def _client(server: Server, file: Path, seconds: int, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.client", str(server.port), str(file), "--connections",
               str(CONNECTIONS), "--seconds", str(seconds), *options]  # fmt: skip
    done = subprocess.run(command, cwd=servers.ROOT, capture_output=True, text=True, check=True)
    seen: dict[str, Any] = json.loads(done.stdout)
    seen["refused"] = seen["statuses"].pop(wrk.REFUSED, 0)
    seen["per_second"] = (seen["requests"] - seen["refused"]) / seconds
    if set(seen["statuses"]) - wrk.GOOD["mix"]:
        raise wrk.BadResponsesError(f"{server.name} answered with {seen['statuses']}")
    return seen
