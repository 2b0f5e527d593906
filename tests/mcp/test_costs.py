"""What an agent costs the service, beside the same over the API."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
import pytest

from taskward.settings import Settings
from tests.cli.command import workers_of
from tests.client import Client
from tests.conftest import SECRET
from tests.mcp.agents import META, NEWEST, answer, message
from tests.profiles import SOAK, by_profile
from tests.purges import purges_end
from tests.server.wire import TOKENS
from tests.service import Service
from tests.tasks.path_prefixes import create
from tests.tasks.wire import CountingProxy

TIMES = 2.0  # as much processor time as the list
TASKS = 50


class TestRoundTrips:
    @pytest.fixture
    def settings(self, database_url: str, wire: CountingProxy) -> Settings:
        return Settings(
            DATABASE_URL=wire.behind(database_url), JWT_SECRET_KEY=SECRET, DB_POOL_SIZE=1, DB_MAX_OVERFLOW=0
        )

    @pytest.mark.quick
    async def test_a_call_is_as_many_round_trips_as_the_api_needs(
        self, alice: Client, wire: CountingProxy
    ) -> None:
        tasks = [await create(alice) for _ in range(8)]
        await alice.delete(f"/tasks/{(await create(alice))['id']}")
        await purges_end()
        for task in tasks:
            change = {"id": task["id"], "if_revision": task["revision"], "title": "Buy bread"}
            calls: list[tuple[str, dict[str, Any]]] = [
                ("find_tasks", {}),
                ("find_tasks", {"q": "bread", "sort": "due", "limit": 2}),
                ("add_tasks", {"tasks": [{"title": "Buy eggs"}] * 3}),
                ("update_tasks", {"tasks": [change]}),
                ("complete_tasks", {"ids": [task["id"]]}),
            ]  # fmt: skip
            for tool, arguments in calls:
                before = wire.round_trips
                await answer(alice, tool, **arguments)
                assert wire.round_trips - before == 1, tool


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "data", {"JWT_SECRET_KEY": SECRET}) as started:
        yield started


@pytest.mark.soak
def test_finding_tasks_costs_at_most_twice_the_list(service: Service) -> None:
    """Counted in processor time of the worker. In `make test` it is looked that all of it answers."""
    requests, rounds = by_profile(20, 1500), by_profile(1, 5)
    call = message("tools/call", {"name": "find_tasks", "arguments": {"status": "all"}, "_meta": META})
    headers = {"MCP-Protocol-Version": NEWEST, "Mcp-Method": "tools/call", "Mcp-Name": "find_tasks"}
    with httpx2.Client(base_url=service.url, headers={"Authorization": f"Bearer {TOKENS['alice']}"}) as client:
        operations = [{"do": "create", "task": {"uid": f"{n}", "title": "Buy milk"}} for n in range(TASKS)]
        assert client.post("/tasks/batch", json={"operations": operations}).status_code == 200
        (worker,) = workers_of(service)

        def cost_of_lists() -> float:
            began = sum(worker.cpu_times()[:2])
            for _ in range(requests):
                assert len(client.get("/tasks").json()["tasks"]) == TASKS
            return sum(worker.cpu_times()[:2]) - began

        def cost_of_calls() -> float:
            began = sum(worker.cpu_times()[:2])
            for _ in range(requests):
                result = client.post("/mcp", json=call, headers=headers).json()["result"]
                assert len(result["structuredContent"]["tasks"]) == TASKS
            return sum(worker.cpu_times()[:2]) - began

        turns = [(cost_of_lists(), cost_of_calls()) for _ in range(rounds)]
    lists, calls = (median(spent) / requests * 1000 for spent in zip(*turns, strict=True))
    print(f"processor time of {TASKS} tasks: {lists:.2f} ms as a list, {calls:.2f} ms by find_tasks")  # noqa: T201
    if SOAK:
        assert calls <= TIMES * lists


def test_a_worker_loads_no_library_for_agents(tmp_path: Path) -> None:
    """What they cost a service that is not asked is a few modules of ours."""
    loaded = "{name.partition('.')[0] for name in sys.modules}"
    program = f"import sys, taskward.app; print({loaded} & {{'mcp', 'mcp_types', 'jsonschema', 'sse_starlette'}})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
