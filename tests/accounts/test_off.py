"""Without accounts of our own: no way in, and no word of one."""

import psycopg
import pytest
from fastapi import FastAPI

from taskward.settings import Settings
from tests.client import Client
from tests.conftest import SECRET

pytestmark = pytest.mark.quick


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, LOCAL_ACCOUNTS=False)


@pytest.mark.parametrize(
    "path", ["/auth/register", "/auth/token", "/auth/revoke", "/auth/password", "/auth/password/reset"]
)
async def test_the_ways_in_are_not_there(anonymous: Client, path: str) -> None:
    for method in ("POST", "GET"):
        response = await anonymous.request(method, path, json={})
        assert response.status_code == 404
        assert response.json()["code"] == "NOT_FOUND"


async def test_the_description_does_not_know_them(app: FastAPI) -> None:
    openapi = app.openapi()
    assert [path for path in openapi["paths"] if path.startswith("/auth")] == [
        "/auth/me",
        "/auth/me/export",
        "/auth/tokens",
        "/auth/tokens/{token_id}",
    ]  # what users of a provider need as well
    assert openapi["components"]["securitySchemes"].keys() == {"BearerToken"}
    assert openapi["paths"]["/tasks"]["get"]["security"] == [{"BearerToken": []}]


async def test_who_a_token_names_can_still_be_asked_and_deleted(
    alice: Client, superuser: psycopg.Connection
) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    assert (await alice.get("/auth/me")).json()["id"] == "alice"
    assert (await alice.delete("/auth/me")).status_code == 204
    assert superuser.execute("SELECT count(*) FROM users").fetchone() == (0,)


@pytest.mark.parametrize(("text", "enabled"), [("", True), ("true", True), ("false", False)])
def test_accounts_are_on_unless_they_are_turned_off(
    monkeypatch: pytest.MonkeyPatch, text: str, enabled: bool
) -> None:
    monkeypatch.setenv("LOCAL_ACCOUNTS", text)
    assert Settings.load().accounts_enabled is enabled
