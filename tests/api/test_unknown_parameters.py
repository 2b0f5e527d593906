"""Every operation refuses a parameter that it does not know: ignored, it would look as if it had counted."""

from typing import Any

import pytest
from fastapi import FastAPI

from taskward.api.current_user import BearerToken
from taskward.settings import Settings
from tests.accounts.mailing import with_mail
from tests.api.test_slashes import calendar_token
from tests.client import Client, connect
from tests.openapi_snapshot import published

pytestmark = pytest.mark.quick

OPERATIONS = [
    (method.upper(), path, "security" in operation)
    for path, operations in published()["paths"].items()
    for method, operation in operations.items()
]
PAGES = ("/", "/docs", "/redoc", "/openapi.json", "/docs/assets/favicon.png")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """All operations are there, those of mail too."""
    return with_mail(settings)


@pytest.mark.parametrize(("method", "path", "secured"), OPERATIONS)
async def test_every_operation_refuses_it_by_name(
    alice: Client, anonymous: Client, method: str, path: str, secured: bool
) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    before = (await alice.get("/tasks")).json()
    token = await calendar_token(alice)
    address = path.format(user_id="alice", task_id=1, session_id="A" * 43, token_id="a" * 16, token=token)
    stranger = await anonymous.request(method, f"{address}?stauts=all")
    assert stranger.json()["code"] == ("TOKEN_MISSING" if secured else "VALIDATION_ERROR")
    response = await alice.request(method, f"{address}?stauts=all")
    assert (response.status_code, response.json()) == (400, unknown("stauts"))
    twice = await alice.request(method, f"{address}?x=1&x=2")
    assert twice.json()["detail"] == "x: is given more than once"
    assert (await alice.get("/tasks")).json() == before


def unknown(name: str) -> dict[str, Any]:
    errors = [{"field": name, "message": "is not known here"}]
    return {"detail": f"{name}: is not known here", "code": "VALIDATION_ERROR", "errors": errors}


async def test_a_query_without_parameters_is_none(alice: Client) -> None:
    for query in ("?", "?&", "?&&"):
        assert (await alice.post(f"/tasks{query}", json={"title": "Buy milk"})).status_code == 201
        assert (await alice.get(f"/health{query}")).status_code == 200


async def test_pages_ignore_what_links_carry_along(offline: FastAPI) -> None:
    async with connect(offline) as anonymous:
        for page in PAGES:
            assert (await anonymous.get(f"{page}?from=elsewhere")).status_code == 200, page


async def test_it_is_refused_also_where_fastapi_calls_the_route(app: FastAPI, alice: Client) -> None:
    app.dependency_overrides[BearerToken] = BearerToken
    assert (await alice.get("/tasks/1")).json()["code"] == "TASK_NOT_FOUND"
    assert (await alice.get("/tasks/1?x=1")).json() == unknown("x")
