import time
from collections.abc import Callable

import psycopg
from fastapi import FastAPI
from psycopg import sql

from taskward.api.state import state_of
from taskward.app import create_app
from taskward.settings import Settings
from tests.client import Client, connect
from tests.conftest import SECRET
from tests.embedded.dead_server import DeadServer
from tests.loop_time import LoopTime

AWAY = {"detail": "The database is unavailable. Please try again.", "code": "DATABASE_UNAVAILABLE"}


async def test_a_request_is_answered_with_503_and_when_to_try_again(
    alice: Client, take_database_away: Callable[[], None]
) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    take_database_away()
    for method, path, body in (
        ("GET", "/tasks", None),
        ("POST", "/tasks", {"title": "Buy eggs"}),
        ("GET", "/tasks/1", None),
        ("DELETE", "/users/alice/tasks/1", None),
    ):
        async with LoopTime() as passed:
            response = await alice.request(method, path, json=body)
        assert (response.status_code, response.json()) == (503, AWAY)
        assert response.headers["retry-after"] == "1"
        assert passed.now < 2.5


async def test_who_may_not_ask_is_told_so_without_the_database(
    anonymous: Client, bob: Client, take_database_away: Callable[[], None]
) -> None:
    take_database_away()
    assert (await anonymous.get("/tasks")).status_code == 401
    assert (await bob.get("/api/alice/tasks")).status_code == 403
    assert (await bob.get("/tasks?limit=0")).status_code == 400


async def test_a_service_whose_pool_is_closed_answers_503(app: FastAPI, alice: Client) -> None:
    await state_of(app).database.close()
    response = await alice.get("/tasks")
    assert (response.status_code, response.json()) == (503, AWAY)


async def test_the_setting_says_how_long_a_request_waits() -> None:
    async with DeadServer(silent=True) as server:
        app = create_app(Settings(DATABASE_URL=server.url, JWT_SECRET_KEY=SECRET, DATABASE_TIMEOUT_SECONDS=0.5))
        async with connect(app, "alice", SECRET) as alice:
            before = time.monotonic()
            async with LoopTime() as passed:
                assert (await alice.get("/tasks")).status_code == 503
            assert time.monotonic() - before >= 0.5
            assert passed.now < 0.95
            assert (await alice.get("/health/live")).status_code == 200
        await state_of(app).database.close()


async def test_a_service_comes_back_with_its_database(
    alice: Client, superuser: psycopg.Connection, take_database_away: Callable[[], None]
) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    take_database_away()
    assert (await alice.get("/tasks")).status_code == 503
    name = sql.Identifier(superuser.info.dbname)
    superuser.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
    response = await alice.get("/tasks")
    assert response.status_code == 200, "the first request after the recovery waits for it, and gets its response"
    assert response.json()["count"] == 1
