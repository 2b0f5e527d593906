"""A user who is deleted while others of their requests still write: nothing is left, and nobody waits for ever."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from taskward.database.acting_as import IDENTITY
from taskward.database.statement import Statement
from taskward.settings import Settings
from tests.accounts.conftest import logged_in
from tests.accounts.people import log_in, refresh, register
from tests.client import Client
from tests.conftest import SECRET, UNLIMITED

CONNECTIONS = 8
ROUNDS = 6
MILK = {"title": "Buy milk"}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
WAITING_SINCE = """
    SELECT xact_start FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
LEFT = """
    SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM tasks) + (SELECT count(*) FROM idempotency_keys)
           + (SELECT count(*) FROM accounts) + (SELECT count(*) FROM refresh_tokens)
"""

QUICK_TO_GIVE_UP = Statement(IDENTITY.sql.replace("'1s'", "'200ms'"))
SLOW_TO_GIVE_UP = Statement(IDENTITY.sql.replace("'1s'", "'20s'"))  # so that a deadlock is found and counted


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        DATABASE_URL=database_url,
        JWT_SECRET_KEY=SECRET,
        DB_POOL_SIZE=CONNECTIONS,
        DB_MAX_OVERFLOW=0,
        RATE_LIMIT=UNLIMITED,
        AUTH_RATE_LIMIT=UNLIMITED,
    )


@asynccontextmanager
async def while_it_waits(superuser: psycopg.Connection, request: asyncio.Task[Any]) -> AsyncIterator[None]:
    """Go on when the request waits for a lock that this connection holds."""
    async with asyncio.timeout(10):
        while superuser.execute(WAITING).fetchone() != (1,):
            assert not request.done(), request.result()
            await asyncio.sleep(0.005)  # PostgreSQL has no event to wait for
    yield


async def test_deleting_waits_for_a_writer_who_has_a_task_and_wants_the_user(
    registered_alice: Client, superuser: psycopg.Connection
) -> None:
    await registered_alice.post("/tasks", json=MILK)
    with superuser.transaction():
        superuser.execute("SELECT FROM tasks FOR UPDATE")  # as an update of the task begins
        deletion = asyncio.create_task(registered_alice.delete("/auth/me"))
        async with while_it_waits(superuser, deletion):
            superuser.execute("SELECT FROM users FOR UPDATE")  # and as it goes on; it would wait, were it locked
    assert (await deletion).status_code == 204
    assert superuser.execute(LEFT).fetchone() == (0,)


async def test_deleting_waits_for_a_first_write_and_takes_it_along(
    registered_alice: Client, superuser: psycopg.Connection
) -> None:
    with superuser.transaction():
        superuser.execute("INSERT INTO tasks (user_id, title) VALUES (%s, 'Buy milk')", [registered_alice.user_id])
        deletion = asyncio.create_task(registered_alice.delete("/auth/me"))
        async with while_it_waits(superuser, deletion):
            pass
    assert (await deletion).status_code == 204
    assert superuser.execute(LEFT).fetchone() == (0,)


async def test_a_first_write_waits_for_deleting_and_is_refused(
    registered_alice: Client, superuser: psycopg.Connection
) -> None:
    with superuser.transaction():
        superuser.execute("DELETE FROM accounts")
        write = asyncio.create_task(registered_alice.post("/tasks", json=MILK))
        async with while_it_waits(superuser, write):
            pass
    assert (await write).status_code == 401
    assert superuser.execute(LEFT).fetchone() == (0,)


async def test_a_log_in_waits_for_deleting_and_is_refused(
    registered_alice: Client, anonymous: Client, superuser: psycopg.Connection
) -> None:
    form = {"grant_type": "password", "username": "alice@example.com", "password": "correct horse battery staple"}
    with superuser.transaction():
        superuser.execute("DELETE FROM accounts")
        attempt = asyncio.create_task(anonymous.post("/auth/token", data=form))
        async with while_it_waits(superuser, attempt):
            pass
    assert (await attempt).json()["code"] == "CREDENTIALS_INVALID"


async def test_deleting_does_not_wait_for_a_newer_task_whose_writer_waits_for_the_user(
    app: FastAPI, registered_alice: Client, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskward.database.acting_as.IDENTITY", SLOW_TO_GIVE_UP)
    app.state.database._timeout = 30
    app.state.database.statement_timeout = "30s"
    await registered_alice.post("/tasks", json=MILK)
    async with await psycopg.AsyncConnection.connect(superuser.info.dsn) as writer:
        with superuser.transaction():
            superuser.execute("SELECT FROM users FOR UPDATE")
            deletion = asyncio.create_task(registered_alice.delete("/auth/me"))
            async with while_it_waits(superuser, deletion):  # it has the one task, and wants the user
                await writer.execute("SET session_replication_role = replica")  # or this would wait for the user
                await writer.execute(
                    "INSERT INTO tasks (user_id, id, title, revision) SELECT id, 7, 'New', 7 FROM users"
                )
                await writer.commit()
                await writer.execute("SELECT FROM tasks WHERE id = 7 FOR UPDATE")
                write = asyncio.create_task(writer.execute("SELECT FROM users FOR UPDATE"))
                while superuser.execute(WAITING).fetchone() != (2,):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        await write
        await writer.commit()
    assert (await deletion).status_code == 204
    assert superuser.execute(LEFT).fetchone() == (0,)
    superuser.execute("SELECT pg_stat_clear_snapshot()")
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert superuser.execute(deadlocks).fetchone() == (0,)


async def test_a_lock_that_is_gone_at_the_second_attempt_fails_nobody(
    registered_alice: Client, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskward.database.acting_as.IDENTITY", QUICK_TO_GIVE_UP)
    with superuser.transaction():
        superuser.execute("SELECT FROM accounts FOR UPDATE")
        deletion = asyncio.create_task(registered_alice.delete("/auth/me"))
        async with asyncio.timeout(10):
            attempts: set[object] = set()
            while len(attempts - {None}) < 2:
                superuser.execute("SELECT pg_stat_clear_snapshot()")
                attempts.add(superuser.execute(WAITING_SINCE).fetchone())
                await asyncio.sleep(0.005)
    assert (await deletion).status_code == 204


async def test_a_lock_that_stays_is_told(
    registered_alice: Client, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskward.database.acting_as.IDENTITY", QUICK_TO_GIVE_UP)
    with superuser.transaction():
        superuser.execute("SELECT FROM accounts FOR UPDATE")
        answer = await registered_alice.delete("/auth/me")
    assert answer.json()["code"] == "DATABASE_UNAVAILABLE"
    assert (await registered_alice.delete("/auth/me")).status_code == 204


async def write_until(client: Client, done: asyncio.Event, task_id: int, seen: Counter[Any]) -> None:
    """Create, change and delete tasks, as fast as they are answered."""
    while not done.is_set():
        created: httpx2.Response = await client.post("/tasks", json=MILK)
        answers = [created, await client.patch(f"/tasks/{task_id}/toggle")]
        if created.status_code == 201:
            answers.append(await client.patch(f"/tasks/{created.json()['id']}", json={"completed": True}))
            answers.append(await client.delete(f"/tasks/{created.json()['id']}"))
        seen.update(answer.status_code for answer in answers)


@pytest.mark.usefixtures("quick_passwords")
async def test_deleting_among_many_writers_leaves_nothing_and_fails_nobody(
    app: FastAPI, anonymous: Client, superuser: psycopg.Connection
) -> None:
    seen: Counter[Any] = Counter()
    for _ in range(ROUNDS):
        await register(anonymous, "alice")
        tokens = await log_in(anonymous, "alice")
        async with logged_in(app, tokens) as alice:
            ids = [(await alice.post("/tasks", json=MILK)).json()["id"] for _ in range(CONNECTIONS)]
            done, enough = asyncio.Event(), seen.total() + 50
            writers = [asyncio.create_task(write_until(alice, done, task_id, seen)) for task_id in ids]
            while seen.total() < enough:  # they are at it  # noqa: ASYNC110
                await asyncio.sleep(0)
            answers = await asyncio.gather(alice.delete("/auth/me"), refresh(anonymous, tokens["refresh_token"]))
            done.set()
            await asyncio.gather(*writers)
        assert answers[0].status_code == 204
        assert answers[1].status_code in (200, 401)
        assert superuser.execute(LEFT).fetchone() == (0,)
    assert seen.keys() <= {200, 201, 204, 401, 404}, seen
    assert seen[201] > ROUNDS
    assert seen[404] + seen[401] > 0
