"""One run of wrk, whose answers must all be good."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.servers import TASKWARD, Server

SCRIPT = Path(__file__).with_name("load.lua")
GOOD = {"unchanged": {"304"}, "create": {"201"}, "mix": {"200", "201"}}
GOOD_OF_POCKETBASE = {"create": {"200"}}
REFUSED = "503"
MISSING = "wrk is not installed. On Debian and Ubuntu: apt install wrk. On macOS: brew install wrk."


class BadResponsesError(Exception):
    """A server gave other answers than were asked for, so the figures would mean nothing."""


@dataclass(frozen=True)
class Run:
    """What wrk saw. Latencies are in milliseconds, refused requests among them."""

    requests: int  # with a good response
    refused: int  # with 503, for want of a connection to the database in time
    per_second: float
    p50: float
    p95: float
    p99: float


def is_installed() -> bool:
    """Tell whether there is a wrk."""
    return shutil.which("wrk") is not None


def run(server: Server, action: str, users: Path, *, seconds: int, connections: int, counting: bool = True,
        overload: bool = False) -> Run:  # fmt: skip
    """Load a server with one action; raise BadAnswersError unless every response has the right status.

    Without `counting` only errors are seen, which costs the client least. Under `overload`, a server may refuse.
    """
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s",
               "--timeout", "20s", "--latency", "--script", str(SCRIPT), f"http://127.0.0.1:{server.port}",
               "--", action, str(users), "count" if counting else "trust", server.api]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    refused = seen["statuses"].pop(REFUSED, 0) if overload else 0
    good = GOOD if server.api == TASKWARD else GOOD_OF_POCKETBASE
    bad = set(seen["statuses"]) - good.get(action, {"200"})
    requests = seen["requests"] - refused
    if bad or seen["failed"] > refused or not requests:
        raise BadResponsesError(f"{server.name} answered {action} with {seen}")
    return Run(requests, refused, requests / seen["seconds"], seen["p50"], seen["p95"], seen["p99"])
