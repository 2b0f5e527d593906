"""A request for every kind of response that the service gives."""

from collections.abc import Callable
from typing import Any

import httpx2
from fastapi import FastAPI

from taskward.tasks.fields import GENERATION
from tests.client import Client

LARGE = {"content": b"x" * 70_000, "headers": {"Content-Type": "application/json"}}


async def every_response(
    app: FastAPI,
    alice: Client,
    anonymous: Client,
    take_database_away: Callable[[], None],
    headers: dict[str, str],
    check: Callable[[httpx2.Response], object],
) -> None:
    """Ask for each with these headers, and give the response to `check`. Afterwards, the database is away."""

    async def broken() -> None:
        raise RuntimeError

    app.add_api_route("/broken", broken, include_in_schema=False)

    async def ask(client: Client, status: int, method: str, path: str, **request: Any) -> None:
        sent = {**request.pop("headers", {}), **headers}
        response = await client.request(method, path, headers=sent, **request)
        assert response.status_code == status
        check(response)

    await ask(alice, 201, "POST", "/tasks", json={"title": "Buy milk"})
    await ask(alice, 200, "GET", "/tasks/1")
    await ask(alice, 304, "GET", "/tasks/1", headers={"If-None-Match": f'"1.{GENERATION}"'})
    await ask(alice, 200, "HEAD", "/tasks")
    await ask(alice, 412, "DELETE", "/tasks/1", headers={"If-Match": '"9"'})
    await ask(alice, 204, "DELETE", "/tasks/1")
    await ask(alice, 400, "GET", "/tasks/x")
    await ask(anonymous, 401, "GET", "/tasks")
    await ask(alice, 403, "GET", "/api/bob/tasks")
    await ask(alice, 404, "GET", "/tasks/1")
    await ask(alice, 404, "GET", "/nothing")
    await ask(alice, 405, "PUT", "/tasks")
    await ask(alice, 413, "POST", "/tasks", **LARGE)
    await ask(alice, 415, "POST", "/tasks", content=b"x")
    await ask(alice, 500, "GET", "/broken")
    await ask(anonymous, 200, "GET", "/docs")
    await ask(anonymous, 200, "GET", "/docs/assets/swagger-ui.css")
    take_database_away()
    await ask(alice, 503, "GET", "/tasks")
