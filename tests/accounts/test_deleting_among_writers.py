"""Users who are deleted while many of their requests write: nothing is left, nobody fails, no deadlock is made."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Coroutine
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from taskward.api.state import state_of
from taskward.settings import Settings
from tests.accounts.conftest import logged_in
from tests.accounts.deleting import LEFT, LOG_IN, MILK, SLOW_TO_GIVE_UP
from tests.accounts.people import ask, delete_me, log_in, refresh, register
from tests.books import check_books
from tests.citus.cluster import on_all_servers
from tests.client import Client
from tests.patience import CONNECTIONS, patient_settings

ROUNDS = 6
DEADLOCKS = on_all_servers("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
SESSIONS = on_all_servers(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE 'taskward%'"
)

Request = Coroutine[Any, Any, httpx2.Response]


@pytest.fixture
def settings(database_url: str) -> Settings:
    return patient_settings(database_url)


async def write_until(client: Client, done: asyncio.Event, ids: deque[int], seen: Counter[Any]) -> None:
    """Create tasks, and change and delete those that others have just created, as fast as they are answered."""
    while not done.is_set():
        created: httpx2.Response = await client.post("/tasks", json=MILK)
        if created.status_code == 201:
            ids.append(created.json()["id"])
        responses = [
            created,
            await client.patch(f"/tasks/{ids[-1]}/toggle"),
            await client.patch(f"/tasks/{random.choice(ids)}", json={"completed": True}),
            await client.delete(f"/tasks/{random.choice(ids)}"),
        ]
        seen.update(response.status_code for response in responses)


async def delete_among_writers(user: Client, seen: Counter[Any], *others: Request) -> list[httpx2.Response]:
    """Delete a user in the middle of many writes, twice and beside other requests; return the responses."""
    ids = deque([(await user.post("/tasks", json=MILK)).json()["id"]], maxlen=CONNECTIONS)
    done, enough = asyncio.Event(), seen.total() + 50
    writers = [asyncio.create_task(write_until(user, done, ids, seen)) for _ in range(CONNECTIONS)]
    while seen.total() < enough:  # they are at it  # noqa: ASYNC110
        await asyncio.sleep(0)
    responses = await asyncio.gather(delete_me(user), delete_me(user), *others)
    done.set()
    await asyncio.gather(*writers)
    return responses


async def deadlocks(app: FastAPI, superuser: psycopg.Connection) -> int:
    """Count those there were. A session tells when it ends, so end all of them first."""
    await state_of(app).database.close()
    async with asyncio.timeout(10):
        while superuser.execute(SESSIONS).fetchone() != (0,):  # noqa: ASYNC110
            await asyncio.sleep(0.005)  # PostgreSQL has no event to wait for
    row = superuser.execute(DEADLOCKS).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def _no_second_attempt(superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every deadlock found, long before a lock is given up, and none of them made up for."""
    monkeypatch.setattr("taskward.database.transaction.IDENTITY", SLOW_TO_GIVE_UP)
    superuser.execute(f"ALTER DATABASE {superuser.info.dbname} SET deadlock_timeout = '20ms'")
    monkeypatch.setattr("taskward.database.transaction.MAX_RETRIES", 0)
    monkeypatch.setattr("taskward.accounts.service.ATTEMPTS", 1)


@pytest.mark.usefixtures("_no_second_attempt", "quick_passwords")
async def test_deleting_among_many_writers_leaves_nothing_and_fails_nobody(
    app: FastAPI, anonymous: Client, superuser: psycopg.Connection
) -> None:
    seen: Counter[Any] = Counter()
    for _ in range(ROUNDS):
        await register(anonymous, "alice")
        tokens = await log_in(anonymous, "alice")
        async with logged_in(app, tokens) as alice:
            tokens_anew = [refresh(anonymous, tokens["refresh_token"]), ask(anonymous, **LOG_IN)]
            responses = await delete_among_writers(alice, seen, *tokens_anew)
        assert [response.status_code for response in responses[:2]] == [204, 204]
        assert {response.status_code for response in responses[2:]} <= {200, 401}
        assert superuser.execute(LEFT).fetchone() == (0,)
    assert seen.keys() <= {200, 201, 204, 401, 404}, seen
    assert seen[201] > ROUNDS
    assert seen[404] + seen[401] > 0
    assert await deadlocks(app, superuser) == 0


@pytest.mark.usefixtures("_no_second_attempt")
async def test_a_user_from_outside_who_writes_on_comes_back_after_deleting(
    app: FastAPI, alice: Client, superuser: psycopg.Connection
) -> None:
    seen: Counter[Any] = Counter()
    for _ in range(ROUNDS):
        responses = await delete_among_writers(alice, seen)
        assert [response.status_code for response in responses] == [204, 204]
        check_books(superuser)
    assert seen.keys() <= {200, 201, 204, 404}, seen
    assert (await delete_me(alice)).status_code == 204
    assert superuser.execute(LEFT).fetchone() == (0,)
    assert await deadlocks(app, superuser) == 0
