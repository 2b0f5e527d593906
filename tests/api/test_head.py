from typing import Any

import pytest
from fastapi import FastAPI

from tests.client import Client, connect

pytestmark = pytest.mark.quick

PAGES = ["/health/live", "/docs", "/redoc", "/openapi.json", "/docs/assets/swagger-ui.css", "/nothing", "/tasks"]
TASKS = [
    "/tasks", "/tasks?limit=1", "/tasks/1", "/tasks/2", "/tasks/x", "/tasks/3", "/tasks?limit=0",
    "/tasks/changes", "/tasks/changes?since=9",
    "/api/alice/tasks",    "/users/alice/tasks/1", "/api/bob/tasks", "/tasks/1/complete",
]  # fmt: skip


def essential(response: Any) -> dict[str, str]:
    """Return the headers that HEAD and GET must share: all but the request's id and what is left of a limit."""
    return {name: value for name, value in response.headers.items() if name not in ("x-request-id", "ratelimit")}


async def same_but_for_the_body(client: Client, path: str) -> None:
    got, head = await client.get(path), await client.head(path)
    assert got.content
    assert head.content == b""
    assert head.status_code == got.status_code
    assert essential(head) == essential(got)
    assert int(head.headers["content-length"]) == len(got.content)


@pytest.mark.parametrize("path", PAGES)
async def test_head_of_a_page_is_get_without_a_body(offline: FastAPI, path: str) -> None:
    async with connect(offline) as anonymous:
        await same_but_for_the_body(anonymous, path)


async def test_head_of_tasks_is_get_without_a_body(alice: Client, bob: Client) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    await bob.post("/tasks", json={"title": "Buy eggs"})
    await alice.post("/tasks", json={"title": "Buy bread"})
    for path in TASKS:
        await same_but_for_the_body(alice, path)
    assert (await alice.head("/tasks?limit=1")).headers["link"]


async def test_head_of_health_and_readiness_is_get_without_a_body(anonymous: Client) -> None:
    await same_but_for_the_body(anonymous, "/health/ready")
    head = await anonymous.head("/health")
    assert (head.status_code, head.content) == (200, b"")


async def test_no_byte_of_a_body_is_handed_to_the_server(offline: FastAPI) -> None:
    sent: list[Any] = []  # a client and a server would each hide a body here

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"spec_version": "2.4"}, "method": "HEAD", "path": "/docs/assets/favicon.png",
        "headers": [], "query_string": b"",
    }  # fmt: skip
    await offline(scope, None, send)  # type: ignore[arg-type]  # nothing is read
    assert sent[0]["status"] == 200
    assert [message["body"] for message in sent[1:]] == [b""] * len(sent[1:])


async def test_head_changes_nothing(alice: Client) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    assert (await alice.head("/tasks/1/complete")).status_code == 405
    assert (await alice.head("/tasks/1/toggle")).headers["allow"] == "PATCH"
    assert (await alice.get("/tasks/1")).json()["completed"] is False
