"""A user who is deleted while another of their requests writes: who waits for whom, and what comes of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from taskward.settings import Settings
from tests.accounts.deleting import LEFT, LOG_IN, MILK, SLOW_TO_GIVE_UP, giving_up_after
from tests.accounts.people import ask, delete_me
from tests.citus.cluster import ON_CITUS
from tests.client import Client
from tests.patience import WAITING, patient_settings

WAITING_SINCE = """
    SELECT xact_start FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""

QUICK_TO_GIVE_UP = giving_up_after("200ms")


@pytest.fixture
def settings(database_url: str) -> Settings:
    return patient_settings(database_url)


@asynccontextmanager
async def while_it_waits(superuser: psycopg.Connection, request: asyncio.Task[Any]) -> AsyncIterator[None]:
    """Go on when the request waits for a lock that this connection holds."""
    async with asyncio.timeout(10):
        while superuser.execute(WAITING).fetchone() != (1,):
            assert not request.done(), request.result()
            await asyncio.sleep(0.005)  # PostgreSQL has no event to wait for
            superuser.execute("SELECT pg_stat_clear_snapshot()")  # or new sessions stay unseen
    yield


async def test_deleting_waits_for_a_writer_and_takes_along_what_it_wrote(
    registered_alice: Client, superuser: psycopg.Connection
) -> None:
    await registered_alice.post("/tasks", json=MILK)
    with superuser.transaction():
        superuser.execute(
            "INSERT INTO tasks (user_id, title) VALUES (%s, 'Buy bread')", [registered_alice.user_id]
        )
        deletion = asyncio.create_task(delete_me(registered_alice))
        async with while_it_waits(superuser, deletion):
            # It waits for the user and has no task.
            superuser.execute("SELECT FROM tasks WHERE user_id = %s FOR UPDATE NOWAIT", [registered_alice.user_id])
    assert (await deletion).status_code == 204
    assert superuser.execute(LEFT).fetchone() == (0,)


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [("PUT", "", {"title": "Buy bread"}), ("PATCH", "/toggle", None), ("DELETE", "", None)],
)
async def test_a_writer_waits_for_deleting_without_a_task_and_is_refused(
    registered_alice: Client, superuser: psycopg.Connection, method: str, suffix: str, body: object
) -> None:
    task = (await registered_alice.post("/tasks", json=MILK)).json()
    with superuser.transaction():
        superuser.execute("SELECT FROM accounts FOR UPDATE")
        superuser.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [registered_alice.user_id])
        write = asyncio.create_task(registered_alice.request(method, f"/tasks/{task['id']}{suffix}", json=body))
        async with while_it_waits(superuser, write):
            superuser.execute("SET LOCAL lock_timeout = '1s'; DELETE FROM users; DELETE FROM accounts")
    assert (await write).status_code == 401
    assert superuser.execute(LEFT).fetchone() == (0,)


async def test_deleting_waits_for_a_first_write_and_takes_it_along(
    registered_alice: Client, superuser: psycopg.Connection
) -> None:
    with superuser.transaction():
        if ON_CITUS:  # a create is two commands there, and this is the first
            superuser.execute("CALL hold_user(%s)", [registered_alice.user_id])
        superuser.execute("INSERT INTO tasks (user_id, title) VALUES (%s, 'Buy milk')", [registered_alice.user_id])
        deletion = asyncio.create_task(delete_me(registered_alice))
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
    with superuser.transaction():
        superuser.execute("DELETE FROM accounts")
        attempt = asyncio.create_task(ask(anonymous, **LOG_IN))
        async with while_it_waits(superuser, attempt):
            pass
    assert (await attempt).json()["code"] == "CREDENTIALS_INVALID"


async def test_a_lock_that_is_gone_at_the_second_attempt_fails_nobody(
    registered_alice: Client, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with superuser.transaction():
        superuser.execute("SELECT FROM accounts FOR UPDATE")
        deletion = asyncio.create_task(delete_me(registered_alice))
        async with while_it_waits(superuser, deletion):  # for a second; the attempts after it have all the time
            monkeypatch.setattr("taskward.database.transaction.IDENTITY", SLOW_TO_GIVE_UP)
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
    monkeypatch.setattr("taskward.database.transaction.IDENTITY", QUICK_TO_GIVE_UP)
    with superuser.transaction():
        superuser.execute("SELECT FROM accounts FOR UPDATE")
        response = await delete_me(registered_alice)
    assert response.json()["code"] == "DATABASE_UNAVAILABLE"
    assert (await delete_me(registered_alice)).status_code == 204
