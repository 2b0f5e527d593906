import asyncio
import platform
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI

import taskward
from taskward.api.state import state_of
from tests.accounts.deleting import SLOW_TO_GIVE_UP
from tests.client import Client, connect
from tests.conftest import SECRET
from tests.observability.scrape import label_values, value

pytestmark = pytest.mark.quick

TOKENS = "taskward_token_verifications_total"


@pytest.fixture(autouse=True)
def _every_scrape_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskward.observability.exposition.FRESH_SECONDS", 0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait, at most 10 s, for a condition that no event announces."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def scrape(client: Client) -> str:
    response = await client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return response.text


async def test_everybody_may_look(anonymous: Client) -> None:
    python = platform.python_version()
    assert value(await scrape(anonymous), "taskward_build_info", version=taskward.__version__, python=python) == 1


async def test_requests_are_counted_by_method_route_and_status(alice: Client, bob: Client) -> None:
    task = (await alice.post("/tasks", json={"title": "Buy milk"})).json()
    for _ in range(3):
        await alice.get(f"/api/alice/tasks/{task['id']}")
    await bob.get(f"/api/alice/tasks/{task['id']}")
    await alice.head("/tasks")
    text = await scrape(alice)
    route = "/api/{user_id}/tasks/{task_id}"
    assert value(text, "taskward_requests_total", method="POST", route="/tasks", status="201") == 1
    assert value(text, "taskward_requests_total", method="GET", route=route, status="200") == 3
    assert value(text, "taskward_requests_total", method="GET", route=route, status="403") == 1
    assert value(text, "taskward_requests_total", method="HEAD", route="/tasks", status="200") == 1
    assert value(text, "taskward_request_duration_seconds_count", method="GET", route=route) == 4
    assert 0 < value(text, "taskward_request_duration_seconds_sum", method="GET", route=route) < 60


async def test_mistakes_of_ours_are_counted(alice: Client, superuser: psycopg.Connection) -> None:
    superuser.execute("ALTER TABLE tasks RENAME TO tusks")
    await alice.get("/tasks/1")
    text = await scrape(alice)
    assert value(text, "taskward_requests_total", method="GET", route="/tasks/{task_id}", status="500") == 1
    assert value(text, "taskward_log_lines_total", level="ERROR") == 1


async def test_no_client_can_make_new_labels(alice: Client, anonymous: Client) -> None:
    for number in range(20):
        for path in (f"/{number}", f"/tasks/{number}/x", f"/docs/assets/{number}.js", f"/api/user_{number}/tasks"):
            await alice.get(path)
        await alice.request(f"METHOD{number}", "/tasks")
        await anonymous.get("/tasks", headers={"Authorization": f"Bearer {number}"})
    text = await scrape(alice)
    assert label_values(text, "route") == {"unmatched", "/docs/assets", "/api/{user_id}/tasks", "/tasks"}
    assert label_values(text, "method") == {"GET", "OTHER"}
    assert value(text, "taskward_requests_total", method="GET", route="unmatched", status="404") == 40
    assert value(text, "taskward_requests_total", method="OTHER", route="/tasks", status="405") == 20


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/health", "/metrics"])
async def test_a_route_of_the_framework_has_its_template_too(anonymous: Client, path: str) -> None:
    await anonymous.get(path)
    assert value(await scrape(anonymous), "taskward_requests_total", method="GET", route=path, status="200") == 1


async def test_tokens_are_counted_by_what_came_of_them(alice: Client, anonymous: Client) -> None:
    for _ in range(3):
        await alice.get("/tasks")
    await anonymous.get("/tasks")
    await anonymous.get("/tasks", headers={"Authorization": "Bearer rubbish"})
    text = await scrape(anonymous)
    assert value(text, TOKENS, result="verified") == 1
    assert value(text, TOKENS, result="cached") == 2
    assert value(text, TOKENS, result="TOKEN_MISSING") == 1
    assert value(text, TOKENS, result="TOKEN_INVALID") == 1


async def test_a_unit_of_work_is_timed_also_when_it_fails(alice: Client, superuser: psycopg.Connection) -> None:
    name = "taskward_database_duration_seconds_count"
    before = value(await scrape(alice), name)
    await alice.get("/tasks")
    superuser.execute("REVOKE SELECT ON tasks FROM taskward_app")
    assert (await alice.get("/tasks/1")).status_code == 403
    assert value(await scrape(alice), name) == before + 2


async def test_who_waits_for_what_is_seen_while_it_lasts(
    app: FastAPI, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskward.database.transaction.IDENTITY", SLOW_TO_GIVE_UP)
    async with connect(app, "alice", SECRET) as alice:
        await alice.post("/tasks", json={"title": "Buy milk"})
        with superuser.transaction():
            superuser.execute("LOCK TABLE tasks")
            database = state_of(app).database
            limit = database.pool.limit
            done = {"completed": True}  # reads would share connections
            writes = [asyncio.create_task(alice.patch("/tasks/1", json=done)) for _ in range(limit + 3)]
            await until(lambda: database.pool.in_use == limit and database.waiting == 3)
            text = await scrape(alice)
        await asyncio.gather(*writes)
        assert value(text, "taskward_requests_in_flight") == limit + 3 + 1
        assert value(text, "taskward_database_connections_in_use") == limit
        assert value(text, "taskward_database_connections") == limit
        assert value(text, "taskward_database_connections_limit") == limit == 8
        assert value(text, "taskward_database_waiting") == 3
        text = await scrape(alice)
        assert value(text, "taskward_requests_in_flight") == 1
        assert value(text, "taskward_database_connections_in_use") == 0


async def test_a_client_that_goes_away_is_counted_as_no_response(app: FastAPI, alice: Client) -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        raise AssertionError("nobody is there")

    headers = [(b"authorization", alice.headers["Authorization"].encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "method": "POST", "path": "/tasks", "headers": [*headers, (b"content-length", b"2")],
        "query_string": b"", "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    text = await scrape(alice)
    assert value(text, "taskward_requests_total", method="POST", route="/tasks", status="499") == 1
    assert value(text, "taskward_requests_in_flight") == 1


async def test_the_refusals_of_a_rate_limit_are_counted_by_its_name(app: FastAPI, alice: Client) -> None:
    state_of(app).metrics.rate_limited("default")
    assert value(await scrape(alice), "taskward_rate_limit_refusals_total", limit="default") == 1
