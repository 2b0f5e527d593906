"""Who gets in at `/mcp`, with which token, from which pages; and what is told to those who do not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI

from taskward.auth.issue import issue_token
from taskward.mcp.tools import TOOLS, Tool
from taskward.settings import Settings
from tests.auth.tokens import signed
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.mcp.agents import EVERY_REVISION, answer, say
from tests.tasks.path_prefixes import create

pytestmark = pytest.mark.quick

SCOPES = ("tasks:read", "tasks:write", "calendar")
PUBLIC, ISSUER = "https://tasks.example.com/tw", "https://issuer.example.com"
APP, OTHER = "https://app.example.com", "https://other.example.com"
RESOURCE = f"{PUBLIC}/mcp"
METADATA = f"{PUBLIC}/.well-known/oauth-protected-resource/mcp"
OAUTH = {"public_url": PUBLIC, "jwt_issuer": ISSUER}


@asynccontextmanager
async def bearing(app: FastAPI, token: str) -> AsyncIterator[Client]:
    async with connect(app) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@asynccontextmanager
async def script(app: FastAPI, owner: Client, scope: str) -> AsyncIterator[Client]:
    made = await owner.post("/auth/tokens", json={"name": scope, "scopes": [scope]})
    async with bearing(app, made.json()["token"]) as client:
        yield client


def arguments_of(tool: str, task: dict[str, Any]) -> dict[str, Any]:
    """Arguments with which a tool does something to a task."""
    changed = {"id": task["id"], "if_revision": task["revision"], "title": "Buy bread"}
    return {
        "find_tasks": {},
        "add_tasks": {"tasks": [{"title": "Buy eggs"}]},
        "update_tasks": {"tasks": [changed]},
        "complete_tasks": {"ids": [task["id"]]},
    }[tool]


def everything(superuser: psycopg.Connection) -> Any:
    return superuser.execute("SELECT * FROM tasks ORDER BY id").fetchall()


def may(scope: str, tool: str) -> bool:
    return scope == "tasks:write" or (scope == "tasks:read" and tool == "find_tasks")


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("revision", EVERY_REVISION)
async def test_every_scope_is_good_for_its_tools(
    app: FastAPI, alice: Client, superuser: psycopg.Connection, scope: str, tool: str, revision: str
) -> None:
    task = await create(alice)
    before = everything(superuser)
    async with script(app, alice, scope) as agent:
        params = {"name": tool, "arguments": arguments_of(tool, task)}
        response = await say(agent, "tools/call", params, revision)
    if may(scope, tool):
        assert response.json()["result"]["structuredContent"]["tasks"]
        assert (everything(superuser) == before) == (tool == "find_tasks")
    else:
        assert (response.status_code, response.json()["code"]) == (403, "SCOPE_MISSING")
        needed = "tasks:read tasks:write" if scope == "calendar" else "tasks:write"
        challenge = f'Bearer error="insufficient_scope", scope="{needed}"'
        assert response.headers["www-authenticate"] == challenge
        assert everything(superuser) == before


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool != "find_tasks"])
async def test_if_a_tool_forgot_its_scope_postgresql_would_refuse_it(
    app: FastAPI, alice: Client, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    task = await create(alice)
    forgetful = TOOLS[tool]
    monkeypatch.setitem(
        TOOLS, tool, Tool(forgetful.description, "tasks:read", forgetful.hints, forgetful.schema, forgetful.call)
    )
    before = everything(superuser)
    async with script(app, alice, "tasks:read") as agent:
        response = await say(agent, "tools/call", {"name": tool, "arguments": arguments_of(tool, task)})
    assert (response.status_code, response.json()["code"]) == (403, "SCOPE_MISSING")
    assert everything(superuser) == before


@pytest.mark.parametrize("token", [None, "", "rubbish", "a.b.c", "twp_" + "x" * 49])
async def test_nobody_gets_in(anonymous: Client, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    for method in ("server/discover", "tools/list", "nonsense"):
        response = await say(anonymous, method, **headers)
        assert response.status_code == 401
        error = 'error="invalid_token", ' if token else ""
        assert response.headers["www-authenticate"] == f'Bearer {error}scope="tasks:read tasks:write"'


async def test_an_agent_acts_for_the_user_of_its_token_alone(app: FastAPI, alice: Client, bob: Client) -> None:
    theirs = await create(bob)
    async with script(app, alice, "tasks:write") as agent:
        assert (await answer(agent, "find_tasks", status="all"))["count"] == 0
        response = await say(agent, "tools/call", {"name": "complete_tasks", "arguments": {"ids": [theirs["id"]]}})
        assert response.json()["result"]["isError"] is True
    assert (await bob.get(f"/tasks/{theirs['id']}")).json() == theirs


# What a worker with an identity provider tells.


@pytest.fixture
async def oauth(settings: Settings) -> AsyncIterator[FastAPI]:
    async with started(settings.model_copy(update=OAUTH)) as app:
        yield app


def token(user_id: str = "alice", **claims: Any) -> str:
    payload = {"sub": user_id, "exp": 4_000_000_000, "iss": ISSUER, **claims}
    return signed(
        payload={name: value for name, value in payload.items() if value is not None}, secret=SECRET.encode()
    )


async def test_who_has_no_token_is_told_where_to_get_one(oauth: FastAPI) -> None:
    async with connect(oauth) as anonymous:
        refused = await say(anonymous, "tools/list")
        challenge = f'Bearer scope="tasks:read tasks:write", resource_metadata="{METADATA}"'
        assert refused.headers["www-authenticate"] == challenge
        response = await anonymous.get("/.well-known/oauth-protected-resource/mcp")
        assert response.headers["cache-control"] == "public, max-age=3600"
        assert response.json() == {
            "resource": RESOURCE,
            "authorization_servers": [ISSUER],
            "scopes_supported": ["tasks:read", "tasks:write"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Taskward",
        }
        refused = await anonymous.get("/tasks")
        assert refused.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("missing", OAUTH)
async def test_without_an_issuer_or_an_address_nothing_is_promised(settings: Settings, missing: str) -> None:
    one = {name: value for name, value in OAUTH.items() if name != missing}
    async with started(settings.model_copy(update=one)) as app, connect(app) as anonymous:
        assert (await anonymous.get("/.well-known/oauth-protected-resource/mcp")).status_code == 404
        assert "resource_metadata" not in (await say(anonymous, "tools/list")).headers["www-authenticate"]


GOOD, SCOPE, INVALID = 200, 403, 401
USERINFO = f"{ISSUER}/oauth2/userinfo"
BOTH = {"scope": "tasks:read tasks:write"}
# The claims of a token, JWT_AUDIENCE, and what it gets at `GET /tasks` and for `find_tasks`.
AUDIENCES: dict[str, tuple[dict[str, Any], tuple[str, ...] | None, int, int]] = {
    "for agents": ({"aud": RESOURCE, **BOTH}, None, INVALID, GOOD),
    "for agents, in a list": ({"aud": [RESOURCE], **BOTH}, None, INVALID, GOOD),
    "for agents and the provider": ({"aud": [RESOURCE, USERINFO], **BOTH}, None, INVALID, GOOD),
    "for agents, where an audience is expected": ({"aud": RESOURCE, **BOTH}, (APP,), INVALID, GOOD),
    "for agents and the API": ({"aud": [RESOURCE, APP], **BOTH}, (APP,), GOOD, GOOD),
    "for the API, where that is expected": ({"aud": APP}, (APP,), GOOD, GOOD),
    "for another, where an audience is expected": ({"aud": OTHER, **BOTH}, (APP,), INVALID, INVALID),
    "for another's agents": ({"aud": f"{OTHER}/mcp", **BOTH}, None, GOOD, INVALID),
    "for an address that begins alike": ({"aud": f"{RESOURCE}/x", **BOTH}, None, GOOD, INVALID),
    "for an address with a slash": ({"aud": f"{RESOURCE}/", **BOTH}, None, GOOD, INVALID),
    "for nobody in particular": ({}, None, GOOD, GOOD),
    "for nobody, where an audience is expected": ({}, (APP,), INVALID, INVALID),
    "for nobody by name": ({"aud": []}, None, GOOD, INVALID),
    "for agents, of another issuer": ({"aud": RESOURCE, "iss": OTHER, **BOTH}, None, INVALID, INVALID),
    "for agents, of no issuer": ({"aud": RESOURCE, "iss": None, **BOTH}, None, INVALID, INVALID),
    "for agents, expired": ({"aud": RESOURCE, "exp": 1_000_000_000, **BOTH}, None, INVALID, INVALID),
    "for agents, without a scope": ({"aud": RESOURCE}, None, INVALID, SCOPE),
    "for agents, with other scopes": ({"aud": RESOURCE, "scope": "openid email"}, None, INVALID, SCOPE),
    "for agents, with a scope that is no text": ({"aud": RESOURCE, "scope": ["tasks:read"]}, None, INVALID, SCOPE),
    "for agents and the cache of a session": (
        {"aud": [RESOURCE, "better-auth:session-cache"], **BOTH}, None, INVALID, INVALID,
    ),
}  # fmt: skip


@pytest.mark.parametrize("mcp", [True, False], ids=["on", "off"])
@pytest.mark.parametrize("case", AUDIENCES)
async def test_a_token_is_good_where_its_audience_says_and_nowhere_else(
    settings: Settings, case: str, mcp: bool
) -> None:
    claims, expected, at_the_api, for_agents = AUDIENCES[case]
    changed = {**OAUTH, "jwt_audience": expected, "mcp": mcp}
    async with (
        started(settings.model_copy(update=changed)) as app,
        bearing(app, token(**claims)) as client,
    ):
        for _ in range(2):  # the second time from the cache
            assert (await client.get("/tasks")).status_code == at_the_api
            response = await say(client, "tools/call", {"name": "find_tasks"})
            assert response.status_code == (for_agents if mcp else 404)


@pytest.mark.parametrize("scope", ["tasks:read", "openid tasks:read", "tasks:write", "tasks:read tasks:write"])
@pytest.mark.parametrize("audience", [RESOURCE, [RESOURCE, APP]])
async def test_an_agent_does_what_its_user_agreed_to(
    settings: Settings, superuser: psycopg.Connection, scope: str, audience: Any
) -> None:
    changed = {**OAUTH, "jwt_audience": (APP,)}
    async with (
        started(settings.model_copy(update=changed)) as app,
        bearing(app, token(aud=audience, scope=scope)) as agent,
    ):
        response = await say(
            agent, "tools/call", {"name": "add_tasks", "arguments": {"tasks": [{"title": "Buy milk"}]}}
        )
        if "tasks:write" in scope:
            assert (await answer(agent, "find_tasks"))["count"] == 1
        else:
            assert response.headers["www-authenticate"] == (
                f'Bearer error="insufficient_scope", scope="tasks:write", resource_metadata="{METADATA}"'
            )
            assert (await agent.post("/tasks", json={"title": "Buy milk"})).status_code in (401, 403)
            assert everything(superuser) == []
        assert (await agent.get("/auth/tokens")).status_code in (401, 403)  # also where the API takes the token


# Pages in a browser.

ORIGINS = {
    "https://tasks.example.com": True,
    "https://app.example.com": True,
    "https://x.preview.example.com": True,
    "http://localhost": True,  # where this service is, for who is on its machine
    "http://127.0.0.1": True,
    "http://[::1]": True,
    "http://localhost:6274": False,
    "https://localhost": False,
    "http://tasks.example.com": False,
    "https://tasks.example.com:8443": False,
    "https://evil.example": False,
    "http://taskward.test": False,  # as `Host` says: a stranger's name may lead to this machine
    "http://localhost.evil.example": False,
    "null": False,
    "": False,
    "http://[": False,
    "http://localhost:x": False,
    "\u00ff": False,
}


@pytest.mark.parametrize("origin", ORIGINS)
async def test_a_page_must_be_of_a_known_origin(settings: Settings, origin: str) -> None:
    listed = ("https://app.example.com", "https://*.preview.example.com")
    async with (
        started(settings.model_copy(update={**OAUTH, "allowed_origins": listed})) as app,
        bearing(app, token()) as agent,
    ):
        agent.headers["Origin"] = origin
        response = await say(agent, "tools/list")
        expected = (200, None) if ORIGINS[origin] else (403, "ORIGIN_REFUSED")
        assert (response.status_code, response.json().get("code")) == expected


async def test_a_stranger_is_refused_by_the_origin_before_any_token_is_looked_at(app: FastAPI) -> None:
    async with connect(app) as anonymous:
        response = await say(anonymous, "tools/list", Origin="https://evil.example")
        assert (response.status_code, response.json()["code"]) == (403, "ORIGIN_REFUSED")


async def test_agents_count_against_the_same_limits(settings: Settings) -> None:
    limited = settings.model_copy(update={"rate_limit": "3/minute"})
    async with (
        started(limited) as app,
        bearing(app, issue_token("alice", SECRET.encode(), "HS256", 300)) as agent,
    ):
        assert (await agent.get("/tasks")).status_code == 200
        statuses = [(await say(agent, "tools/list")).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await agent.get("/tasks")).status_code == 429


async def test_a_response_tells_its_id_and_is_counted_under_its_route(app: FastAPI, alice: Client) -> None:
    response = await say(alice, "tools/list", **{"X-Request-ID": "mine"})
    assert response.headers["x-request-id"] == "mine"
    assert response.headers["cache-control"] == "no-store"
    metrics = (await alice.get("/metrics")).text
    assert 'method="POST",route="/mcp",status="200"' in metrics
