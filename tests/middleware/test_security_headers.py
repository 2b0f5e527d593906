from collections.abc import Callable

import pytest
from fastapi import FastAPI

from taskward.tasks.fields import GENERATION
from tests.client import Client, connect

pytestmark = pytest.mark.quick

NOTHING = "default-src 'none'; frame-ancestors 'none'"


async def checked(client: Client, status: int, method: str, path: str, **request: object) -> str:
    """Ask, hold the headers of the response against what every response has, and return how it may be cached."""
    response = await client.request(method, path, **request)  # type: ignore[arg-type]
    assert response.status_code == status, path
    assert response.headers.get_list("x-content-type-options") == ["nosniff"]
    assert response.headers.get_list("referrer-policy") == ["no-referrer"]
    assert response.headers.get_list("content-security-policy") == [NOTHING]
    assert "server" not in response.headers
    assert "strict-transport-security" not in response.headers
    (caching,) = response.headers.get_list("cache-control")
    return caching


async def test_every_kind_of_response_has_them(
    app: FastAPI, alice: Client, anonymous: Client, take_database_away: Callable[[], None]
) -> None:
    async def broken() -> None:
        raise RuntimeError

    app.add_api_route("/broken", broken, include_in_schema=False)
    ask_again, never = "private, no-cache", "no-store"
    assert await checked(alice, 201, "POST", "/tasks", json={"title": "Buy milk"}) == ask_again
    assert await checked(alice, 200, "GET", "/tasks") == ask_again
    assert await checked(alice, 200, "HEAD", "/tasks/1") == ask_again
    assert (
        await checked(alice, 304, "GET", "/tasks/1", headers={"If-None-Match": f'"1.{GENERATION}"'}) == ask_again
    )
    assert await checked(alice, 200, "PATCH", "/tasks/1", json={"title": "Buy eggs"}) == ask_again
    assert await checked(alice, 412, "DELETE", "/tasks/1", headers={"If-Match": '"9"'}) == ask_again
    assert await checked(alice, 204, "DELETE", "/tasks/1") == never
    assert await checked(alice, 400, "GET", "/tasks/x") == never
    assert await checked(anonymous, 401, "GET", "/tasks") == never
    assert await checked(alice, 403, "GET", "/api/bob/tasks") == never
    assert await checked(alice, 404, "GET", "/tasks/1") == never
    assert await checked(alice, 404, "GET", "/nothing") == never
    assert await checked(alice, 405, "POST", "/health") == never
    assert await checked(anonymous, 500, "GET", "/broken") == never
    assert await checked(anonymous, 200, "GET", "/health") == never
    assert await checked(anonymous, 200, "GET", "/openapi.json") == never
    take_database_away()
    assert await checked(alice, 503, "GET", "/tasks") == never


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_a_page_of_the_documentation_has_a_policy_of_its_own(offline: FastAPI, page: str) -> None:
    async with connect(offline) as anonymous:
        response = await anonymous.get(page)
    (policy,) = response.headers.get_list("content-security-policy")
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
