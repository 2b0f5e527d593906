"""What the log tells of a request."""

import logging
from collections.abc import AsyncIterator

import psycopg
import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.settings import Settings
from tests.client import Client, connect
from tests.conftest import SECRET
from tests.observability.lines import fields, written_to_the_log

pytestmark = pytest.mark.quick


@pytest.fixture
async def logged_alice(settings: Settings) -> AsyncIterator[Client]:
    """alice, of an application with ACCESS_LOG=true."""
    app = create_app(settings.model_copy(update={"access_log": True}))
    async with app.router.lifespan_context(app), connect(app, "alice", SECRET) as client:
        yield client


async def lines_of(client: Client, method: str, path: str, level: str = "INFO") -> list[dict[str, str]]:
    with written_to_the_log(level) as log:
        await client.request(method, path, headers={"X-Request-ID": "a-request"})
    return [fields(line) for line in log.getvalue().splitlines()]


async def test_a_request_without_a_token_is_logged_with_the_reason(anonymous: Client) -> None:
    (line,) = await lines_of(anonymous, "GET", "/api/alice/tasks")
    assert (line["level"], line["user_id"], line["endpoint"]) == ("WARNING", "-", "GET /api/{user_id}/tasks")
    assert line["message"].startswith("401 TOKEN_MISSING: There is no Authorization header.")
    assert line["message"].endswith(" (request a-request)")


async def test_a_refused_token_is_logged_with_the_reason_in_production_too(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"environment": "production"}))
    async with connect(app, "alice", "another secret of more than 32 characters") as client:
        with written_to_the_log() as log:
            response = await client.get("/tasks")
    assert "signature" not in response.text
    assert "401 TOKEN_INVALID: The signature does not match." in fields(log.getvalue().strip())["message"]


async def test_a_stranger_is_logged_by_name(bob: Client) -> None:
    (line,) = await lines_of(bob, "PATCH", "/users/alice/tasks/1/complete")
    assert (line["level"], line["user_id"]) == ("WARNING", "bob")
    assert line["endpoint"] == "PATCH /users/{user_id}/tasks/{task_id}/complete"
    assert line["message"].startswith("403 FORBIDDEN: ")


async def test_everyday_refusals_are_for_debugging(alice: Client) -> None:
    requests = [("GET", "/tasks/1"), ("GET", "/tasks/x"), ("GET", "/nothing"), ("DELETE", "/tasks")]
    for method, path in requests:
        assert await lines_of(alice, method, path) == []
    (line,) = await lines_of(alice, "GET", "/tasks/1", "DEBUG")
    assert (line["level"], line["user_id"]) == ("DEBUG", "alice")
    assert line["message"] == "404 TASK_NOT_FOUND: There is no task with this id. (request a-request)"


async def test_a_mistake_of_ours_is_an_error_with_its_stack(alice: Client, superuser: psycopg.Connection) -> None:
    superuser.execute("ALTER TABLE tasks RENAME TO tusks")
    (line,) = await lines_of(alice, "GET", "/tasks/1")
    assert (line["level"], line["user_id"], line["endpoint"]) == ("ERROR", "alice", "GET /tasks/{task_id}")
    assert line["message"].startswith(
        r"500 INTERNAL_ERROR (request a-request)\nTraceback (most recent call last):"
    )
    assert '42P01: relation "tasks" does not exist' in line["message"]


async def test_the_second_wall_that_had_to_hold_is_an_error(alice: Client, superuser: psycopg.Connection) -> None:
    superuser.execute("REVOKE SELECT ON tasks FROM taskward_app")
    error, refusal = await lines_of(alice, "GET", "/tasks/1")
    assert (error["level"], error["user_id"]) == ("ERROR", "alice")
    assert "row-level security or a missing grant" in error["message"]
    assert refusal["message"].startswith("403 FORBIDDEN")


async def test_without_the_access_log_a_good_request_leaves_no_line(alice: Client) -> None:
    assert await lines_of(alice, "GET", "/tasks", "DEBUG") == []


@pytest.mark.parametrize(
    ("method", "path", "endpoint", "status"),
    [
        ("GET", "/tasks", "GET /tasks", "200"),
        ("HEAD", "/tasks", "HEAD /tasks", "200"),
        ("GET", "/nothing", "GET unmatched", "404"),
        ("FOO", "/tasks", "OTHER /tasks", "405"),
        ("GET", "/docs", "GET /docs", "200"),
    ],
)
async def test_the_access_log_has_a_line_for_each_request(
    logged_alice: Client, method: str, path: str, endpoint: str, status: str
) -> None:
    (line,) = await lines_of(logged_alice, method, path)
    assert (line["level"], line["endpoint"]) == ("INFO", endpoint)
    assert line["message"].startswith(f"{status} in ")


async def test_a_request_is_forgotten_when_it_is_answered(app: FastAPI, alice: Client, bob: Client) -> None:
    await alice.get("/tasks")
    (line,) = await lines_of(bob, "GET", "/api/alice/tasks")
    assert line["user_id"] == "bob"
    async with connect(app) as anonymous:
        (line,) = await lines_of(anonymous, "GET", "/tasks")
    assert line["user_id"] == "-"
    with written_to_the_log() as log:
        logging.getLogger("taskward").warning("after it")
    assert fields(log.getvalue().strip())["endpoint"] == "-"
