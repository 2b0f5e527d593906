import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import psycopg
import pytest

from taskward.settings import Settings
from tests.books import check_books
from tests.client import Client
from tests.patience import CONNECTIONS, WAITING, patient_settings
from tests.tasks.path_prefixes import counts, create

ALICES_TASKS = "SELECT FROM tasks WHERE user_id = 'alice' FOR UPDATE"

Request = Coroutine[Any, Any, httpx2.Response]


@pytest.fixture
def settings(database_url: str) -> Settings:
    return patient_settings(database_url)


@asynccontextmanager
async def held_back(
    superuser: psycopg.Connection, lock: str, *requests: Request
) -> AsyncIterator[asyncio.Future[Any]]:
    """Send the requests and hold them at a row's lock until all wait; then let them go, all at once."""
    with superuser.transaction(force_rollback=True):
        superuser.execute(lock.encode())
        responses = asyncio.gather(*requests)
        async with asyncio.timeout(10):
            while superuser.execute(WAITING).fetchone() != (len(requests),):
                await asyncio.sleep(0.01)  # PostgreSQL has no event to wait for
                superuser.execute("SELECT pg_stat_clear_snapshot()")  # or new sessions stay unseen
    yield responses


async def check_books_and_lists(superuser: psycopg.Connection, client: Client) -> None:
    """Fail unless the counters of a user say what is really there, and lists say the same."""
    check_books(superuser)
    kept = superuser.execute("SELECT task_count, completed_count FROM users WHERE id = %s", [client.user_id])
    tasks, completed = kept.fetchone() or (None, None)
    assert await counts(client) == {"all": tasks, "completed": completed, "pending": tasks - completed}


async def test_first_writes_at_once_all_succeed(charlie: Client, superuser: psycopg.Connection) -> None:
    writes = [charlie.post("/tasks", json={"title": "Buy milk"}) for _ in range(CONNECTIONS)]
    async with held_back(superuser, "INSERT INTO users (id) VALUES ('charlie')", *writes) as responses:
        created = await responses
    assert [response.status_code for response in created] == [201] * CONNECTIONS
    assert sorted(response.json()["revision"] for response in created) == list(range(1, CONNECTIONS + 1))
    await check_books_and_lists(superuser, charlie)


async def test_more_first_writes_than_connections_all_succeed(charlie: Client) -> None:
    responses = await asyncio.gather(*(charlie.post("/tasks", json={"title": "Buy milk"}) for _ in range(50)))
    assert sorted(response.json()["revision"] for response in responses) == list(range(1, 51))
    made = sorted((response.json() for response in responses), key=lambda task: int(task["revision"]))
    assert made == sorted(made, key=lambda task: int(task["id"]))
    assert made == sorted(made, key=lambda task: str(task["created_at"]))


@pytest.mark.parametrize("writers", [2, 7])
async def test_flips_that_see_the_same_task_are_counted_one_by_one(
    alice: Client, superuser: psycopg.Connection, writers: int
) -> None:
    task = await create(alice)
    flips = [alice.patch(f"/tasks/{task['id']}/complete") for _ in range(writers)]
    async with held_back(superuser, ALICES_TASKS, *flips) as responses:
        flipped = sorted(
            (response.json()["revision"], response.json()["completed"]) for response in await responses
        )
    assert flipped == [(number + 2, number % 2 == 0) for number in range(writers)]
    await check_books_and_lists(superuser, alice)


async def test_completing_twice_at_once_is_counted_once(alice: Client, superuser: psycopg.Connection) -> None:
    task = await create(alice)
    writes = [alice.patch(f"/tasks/{task['id']}/complete", json={"completed": True}) for _ in range(5)]
    async with held_back(superuser, ALICES_TASKS, *writes) as responses:
        assert {response.status_code for response in await responses} == {200}
    assert (await counts(alice))["completed"] == 1
    await check_books_and_lists(superuser, alice)


async def test_of_deletions_at_once_one_succeeds(alice: Client, superuser: psycopg.Connection) -> None:
    task, _ = await create(alice, completed=True), await create(alice)
    writes = [alice.delete(f"/tasks/{task['id']}") for _ in range(5)]
    async with held_back(superuser, ALICES_TASKS, *writes) as responses:
        assert sorted(response.status_code for response in await responses) == [204, 404, 404, 404, 404]
    assert await counts(alice) == {"all": 1, "completed": 0, "pending": 1}
    await check_books_and_lists(superuser, alice)


async def test_changes_of_two_fields_at_once_lose_neither(alice: Client, superuser: psycopg.Connection) -> None:
    task = await create(alice)
    path = f"/tasks/{task['id']}"
    writes = [alice.patch(path, json={"title": "Buy bread"}), alice.put(path, json={"description": "Rye"})]
    async with held_back(superuser, ALICES_TASKS, *writes) as responses:
        last = max((response.json() for response in await responses), key=lambda task: int(task["revision"]))
    assert (last["title"], last["description"], last["revision"]) == ("Buy bread", "Rye", 3)


async def test_the_books_are_right_after_many_writers(
    alice: Client, bob: Client, superuser: psycopg.Connection
) -> None:
    chance = random.Random(11)
    writes: list[tuple[Client, Request]] = []
    for client in (alice, bob):
        ids = [(await create(client))["id"] for _ in range(6)]
        for _ in range(80):
            path, flag = f"/tasks/{chance.choice(ids)}", chance.random() < 0.5
            method, path, body = chance.choice(
                [
                    ("POST", "/tasks", {"title": "x", "completed": flag}),
                    ("PATCH", f"{path}/toggle", None),
                    ("PATCH", f"{path}/complete", {"completed": flag}),
                    ("PUT", path, {"completed": flag}),
                    ("DELETE", path, None),
                ]
            )
            writes.append((client, client.request(method, path, json=body)))
    chance.shuffle(writes)
    responses = await asyncio.gather(*(write for _, write in writes))
    assert {response.status_code for response in responses} == {200, 201, 204, 404}
    done = Counter(client for (client, _), response in zip(writes, responses, strict=True) if response.is_success)
    for client in (alice, bob):
        await check_books_and_lists(superuser, client)
        assert (await create(client))["revision"] == 6 + done[client] + 1
