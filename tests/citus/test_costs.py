"""What a request costs the processors of each server, beside one plain server: the table of docs/scaling.md.

A figure means nothing by itself. Run it alone, for long: `TASKWARD_SOAK=1 TASKWARD_CITUS=... pytest -s` this file.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import psutil
import pytest

from tests.citus.cluster import Cluster, needs_citus
from tests.conftest import SECRET
from tests.faults.client import Client
from tests.profiles import by_profile
from tests.service import Service

pytestmark = [needs_citus, pytest.mark.soak]

USERS = 8
REQUESTS = by_profile(5, 150)  # of each user, of each kind
TASKS = 20
Action = Callable[[Client, int], Awaitable[int]]
_numbers = count(1)


async def status(client: Client, method: str, path: str, body: object = None) -> int:
    response = await client.request(method, path, body)
    assert response is not None
    return response.status


ACTIONS: dict[str, Action] = {
    "read": lambda client, task: status(client, "GET", f"/tasks/{task}"),
    "list of 20": lambda client, _: status(client, "GET", f"/tasks?limit={TASKS}&sort=created&order=asc"),
    "create": lambda client, _: status(client, "POST", "/tasks", {"title": "Buy milk"}),
    "update": lambda client, task: status(client, "PATCH", f"/tasks/{task}", {"title": f"Buy {next(_numbers)}"}),
}


def service(folder: Path, **settings: str) -> Service:
    return Service(folder / "data", {"WORKERS": "1", "JWT_SECRET_KEY": SECRET, **settings})


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="taskward-") as name:
        yield Path(name)


def test_what_a_request_costs_each_server(cluster: Cluster, folder: Path) -> None:
    with service(folder) as plain:
        one_server = asyncio.run(costs(plain.url, [psutil.Process(plain.database_pid)]))
    servers = [psutil.Process(node.process.pid) for node in cluster.nodes]
    with service(folder, DATABASE_URL=cluster.url) as spread:
        on_cluster = asyncio.run(costs(spread.url, servers))
    for action in ACTIONS:
        all_of_them = sum(on_cluster[action])
        print(  # noqa: T201
            f"\n{action}: one server {one_server[action][0]:.0f} us, cluster {all_of_them:.0f} us"
            f" ({all_of_them / max(one_server[action][0], 1):.1f} x), of that the coordinator"
            f" {on_cluster[action][0]:.0f} us",
            end="",
        )


async def costs(url: str, servers: list[psutil.Process]) -> dict[str, list[float]]:
    """Return the microseconds of each server's processors that a request of each kind takes."""
    clients = [Client(url, f"user {number}") for number in range(USERS)]
    tasks = [await first_tasks(client) for client in clients]
    found = {}
    for name, action in ACTIONS.items():
        before = [processor_seconds(server) for server in servers]
        await asyncio.gather(*(repeat(action, client, task) for client, task in zip(clients, tasks, strict=True)))
        after = [processor_seconds(server) for server in servers]
        found[name] = [(end - begin) * 1e6 / (USERS * REQUESTS) for begin, end in zip(before, after, strict=True)]
    for client in clients:
        client.hang_up()
    return found


async def first_tasks(client: Client) -> int:
    """Make as many tasks as a list has, and return the number of one."""
    task = 0
    for _ in range(TASKS):
        response = await client.request("POST", "/tasks", {"title": "Buy milk"})
        assert response is not None
        assert response.status == 201
        task = response.body["id"]
    return task


async def repeat(action: Action, client: Client, task: int) -> None:
    for _ in range(REQUESTS):
        assert await action(client, task) in (200, 201)


def processor_seconds(server: psutil.Process) -> float:
    """Return what a server has used, with its sessions, also those that have ended."""
    own = server.cpu_times()
    used = own.user + own.system + own.children_user + own.children_system
    for session in server.children():
        with suppress(psutil.NoSuchProcess):
            times = session.cpu_times()
            used += times.user + times.system
    return float(used)
