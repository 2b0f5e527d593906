"""A replica that only reads the feed equals the service, whatever happens to connections, workers and data.

In `make soak` the histories of the clients are given to Porcupine, a checker of linearizability that `go` fetches.
"""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.command import taskward, workers_of
from tests.conftest import SECRET
from tests.faults.client import Client
from tests.profiles import SOAK, by_profile
from tests.service import Service
from tests.sync.history import Histories, anomalies
from tests.sync.replica import Replica
from tests.sync.writers import World, Writer

USERS = ["alice", "bob", "charlie"]
WRITERS = 9  # and two replicas for each user
OPERATIONS = by_profile(1_500, 100_000)
KILLS = by_profile(2, 20)
SETTINGS = {"WORKERS": "2", "JWT_SECRET_KEY": SECRET}


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="taskward-") as folder:
        yield Path(folder)


class Follower:
    """A replica, and the connection it has at the time."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.replica = Replica(self._get)
        self.gone = 0  # how often it was told to start again

    def connect(self, url: str) -> None:
        self._client = Client(url, self.user)

    def hang_up(self) -> None:
        self._client.hang_up()

    async def _get(self, path: str, **query: object) -> tuple[int, Any]:
        parameters = "&".join(f"{name}={value}" for name, value in query.items())
        response = await self._client.request("GET", f"{path}?{parameters}")
        if response is None or response.status not in (200, 410):
            raise ConnectionError(response)
        self.gone += response.status == 410
        return response.status, response.body

    async def follow(self, enough: asyncio.Event) -> None:
        """Follow the feed until it is enough, now and then losing the connection."""
        while not enough.is_set():
            await self.try_a_step()
            if random.random() < 0.05:
                self.hang_up()

    async def try_a_step(self) -> None:
        try:
            await self.replica.step(wait=1)
        except ConnectionError:
            await asyncio.sleep(0.02)


async def test_a_replica_equals_the_service_whatever_happens(folder: Path) -> None:
    world = World(USERS)
    followers = [Follower(user) for user in USERS * 2]
    found: list[str] = []
    backup = folder / "backup"
    command = partial(taskward, settings={"DATA_DIR": str(folder / "data")}, folder=folder)
    with Service(folder / "data", SETTINGS) as service:
        await go_on(service, world, followers, OPERATIONS // 4)
        assert command("backup", str(backup)).returncode == 0
        await go_on(service, world, followers, OPERATIONS // 2)
    found += check(world.histories)
    gone_before = [follower.gone for follower in followers]
    assert command("restore", "--replace", str(backup)).returncode == 0
    with Service(folder / "data", SETTINGS) as service:
        for follower in followers:
            follower.connect(service.url)
        await begin_anew(service.url, world)
        await go_on(service, world, followers, OPERATIONS)
    found += check(world.histories)
    assert found == []
    assert [follower.gone - before for follower, before in zip(followers, gone_before, strict=True)] == [1] * 6
    assert world.given_twice == [], "an entity tag was given twice for different content"
    print(  # noqa: T201
        f"\n{world.done} operations of {WRITERS} clients, {world.lost} of them lost, over two workers,"
        f" {2 * KILLS} of which were killed, and one restore: 0 differences of {len(followers)} replicas"
    )


async def go_on(service: Service, world: World, followers: list[Follower], operations: int) -> None:
    """Have clients write until there have been so many operations; then hold the replicas to the service."""
    enough = asyncio.Event()
    for follower in followers:
        follower.connect(service.url)
    async with asyncio.TaskGroup() as following:
        for follower in followers:
            following.create_task(follower.follow(enough))
        async with asyncio.TaskGroup() as writing:
            for number in range(WRITERS):
                user = USERS[number % len(USERS)]
                writing.create_task(Writer(service.url, user, number, world).write(operations))
            writing.create_task(kill_workers(service, world, operations))
        enough.set()
    for follower in followers:
        revision, tasks = await everything(service.url, follower.user)
        async with asyncio.timeout(60):
            while follower.replica.revision != revision:
                await follower.try_a_step()
        follower.hang_up()
        assert follower.replica.tasks == {task["id"]: task for task in tasks}


async def kill_workers(service: Service, world: World, operations: int) -> None:
    """Kill a worker after every so many operations."""
    begun = world.done
    for number in range(1, KILLS + 1):
        due = begun + (operations - begun) * number // (KILLS + 1)
        while world.done < due:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        workers = workers_of(service)
        with suppress(psutil.NoSuchProcess, IndexError):
            random.choice(workers).kill()


async def everything(url: str, user: str) -> tuple[int, list[dict[str, Any]]]:
    """Return a user's revision and all of their tasks, while nobody writes."""
    client = Client(url, user)
    tasks: list[dict[str, Any]] = []
    path = "/tasks?limit=1000"
    cursor = ""
    while True:
        response = await client.request("GET", path + cursor)
        assert response is not None
        assert response.status == 200
        tasks += response.body["tasks"]
        if response.body["next_cursor"] is None:
            client.hang_up()
            return response.body["revision"], tasks
        cursor = f"&cursor={response.body['next_cursor']}"


async def begin_anew(url: str, world: World) -> None:
    there = {user: await everything(url, user) for user in USERS}
    world.begin_anew(
        {user: tasks for user, (_, tasks) in there.items()},
        {user: revision for user, (revision, _) in there.items()},
    )


def check(histories: Histories) -> list[str]:
    """Return the anomalies in histories, where there is time to look for them."""
    return anomalies(histories.all()) if SOAK else []


@pytest.mark.skipif(not SOAK, reason="fetches a checker: make soak")
async def test_the_checker_finds_a_write_that_was_a_lie(folder: Path) -> None:
    assert shutil.which("go"), "Porcupine needs Go"
    world = World(USERS[:1])
    with Service(folder / "data", SETTINGS) as service:
        await Writer(service.url, "alice", 0, world).write(300)
    assert anomalies(world.histories.all()) == []
    histories = list(world.histories.all())
    writes = [
        (history, operation)
        for history in histories
        for operation in history.operations
        if operation.get("applied") and operation["do"] == "update"
    ]
    history, lied = writes[len(writes) // 2]
    lied["task"] = {**lied["task"], "title": "what was never written", "completed": True}
    lied["want"] = {"title": "what was never written", "completed": True}
    assert anomalies(histories) == [history.name]
    counter = next(history for history in histories if history.kind == "counter")
    del counter.operations[len(counter.operations) // 2 : len(counter.operations) // 2 + 1]
    assert counter.name in anomalies([counter])
