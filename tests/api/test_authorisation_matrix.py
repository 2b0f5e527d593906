"""Every path and method, asked by everybody. A route without a row here fails, and a row without a route."""

from itertools import product
from typing import Any, NamedTuple

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from taskward.app import create_app
from taskward.settings import Settings
from taskward.tasks.routes import PATH_PREFIXES, router
from tests.client import Client
from tests.conftest import SECRET

pytestmark = pytest.mark.quick

TITLE = {"title": "Buy milk"}
DONE = {"completed": True}
OPERATIONS = {"operations": [{"do": "create", "task": {"uid": "milk", **TITLE}}]}


class Row(NamedTuple):
    body: Any
    owner: int  # the status that the owner gets


COLLECTION = {"GET": Row(None, 200), "POST": Row(TITLE, 201)}
ITEM = {"GET": Row(None, 200), "PUT": Row(TITLE, 200), "PATCH": Row(DONE, 200), "DELETE": Row(None, 204)}
FEED = {"GET": Row(None, 200)}
COMPLETION = {"PATCH": Row(DONE, 200)}
BATCH = {"POST": Row(OPERATIONS, 200)}

OWNED: dict[str, dict[str, Row]] = {
    "/api/{user_id}/tasks": COLLECTION,
    "/api/{user_id}/tasks/changes": FEED,
    "/api/{user_id}/tasks/batch": BATCH,
    "/api/{user_id}/tasks/{task_id}": ITEM,
    "/api/{user_id}/tasks/{task_id}/complete": COMPLETION,
    "/api/{user_id}/tasks/{task_id}/toggle": COMPLETION,
    "/users/{user_id}/tasks": COLLECTION,
    "/users/{user_id}/tasks/changes": FEED,
    "/users/{user_id}/tasks/batch": BATCH,
    "/users/{user_id}/tasks/{task_id}": ITEM,
    "/users/{user_id}/tasks/{task_id}/complete": COMPLETION,
    "/users/{user_id}/tasks/{task_id}/toggle": COMPLETION,
    "/api/tasks": COLLECTION,
    "/api/tasks/changes": FEED,
    "/api/tasks/batch": BATCH,
    "/api/tasks/{task_id}": ITEM,
    "/api/tasks/{task_id}/complete": COMPLETION,
    "/api/tasks/{task_id}/toggle": COMPLETION,
    "/tasks": COLLECTION,
    "/tasks/changes": FEED,
    "/tasks/batch": BATCH,
    "/tasks/{task_id}": ITEM,
    "/tasks/{task_id}/complete": COMPLETION,
    "/tasks/{task_id}/toggle": COMPLETION,
}
ME = {
    "/auth/me": {"GET": Row(None, 200), "DELETE": Row(None, 204)},
    "/auth/me/export": {"GET": Row(None, 200)},
}
OF_ME = [(path, method) for path, methods in ME.items() for method in methods]
# Of the token's own account, and of nothing that a request could name. Users of a provider have none.
OWN_ACCOUNT = {
    "/auth/password": {"POST": Row({"current": "x", "new": "correct horse battery"}, 401)},
    "/auth/sessions": {"GET": Row(None, 200), "DELETE": Row(None, 204)},
    "/auth/sessions/{session_id}": {"DELETE": Row(None, 404)},
    "/auth/tokens": {"GET": Row(None, 200), "POST": Row({"name": "x", "scopes": ["tasks:read"]}, 201)},
    "/auth/tokens/{token_id}": {"DELETE": Row(None, 404)},
}
LOG_IN = {
    "/auth/register": ["POST"],
    "/auth/token": ["POST"],
    "/auth/revoke": ["POST"],
    "/auth/password/reset": ["POST"],
}
# Of whoever's token is in the path, which is good for nothing else (tests/tasks/test_calendar_address.py).
CALENDAR = {"/calendar/{token}.ics": ["GET"]}
# Where a browser is sent, and comes back: only with a provider (tests/oidc).
WITH_A_PROVIDER = {"/auth/oidc/login": ["GET"], "/auth/oidc/callback": ["GET"]}
PUBLIC = {"/health": ["GET"], "/health/live": ["GET"], "/health/ready": ["GET"], "/metrics": ["GET"]}
FOR_AGENTS = {"/mcp": ["POST"]}  # whose tools have a matrix of their own: tests/mcp/test_access.py
PUBLIC_BUT_NOT_DESCRIBED = {
    "/docs": ["GET"],
    "/redoc": ["GET"],
    "/openapi.json": ["GET"],
    "/docs/assets": [],
    "/": ["GET"],
    "/page/{version}/{name}": ["GET"],
    "/service-worker.js": ["GET"],
}

CELLS = [(path, method) for path, methods in OWNED.items() for method in methods]
Cell = tuple[str, str]
Answer = tuple[int, str]
Rows = list[tuple[Any, ...]]


@pytest.fixture
async def alices_task(alice: Client) -> int:
    return int((await alice.post("/tasks", json={"title": "Buy eggs"})).json()["id"])


def everything(superuser: psycopg.Connection) -> Rows:
    return superuser.execute("SELECT * FROM tasks FULL JOIN users ON users.id = user_id ORDER BY 1, 2").fetchall()


def as_rows(routes: dict[str, Any]) -> set[tuple[str, str]]:
    return {(path, method.upper()) for path, methods in routes.items() for method in methods or [""]}


ALL_ROWS = as_rows(OWNED | ME | OWN_ACCOUNT | LOG_IN | CALENDAR | PUBLIC)


async def test_every_documented_route_has_a_row_and_every_row_a_route(app: FastAPI) -> None:
    assert as_rows(app.openapi()["paths"]) == ALL_ROWS


async def test_every_route_there_is_has_a_row_and_every_row_a_route(app: FastAPI) -> None:
    routes = {
        (str(route.path), method) for route in iter_route_contexts(app.routes) for method in route.methods or [""]
    }
    assert routes == ALL_ROWS | as_rows(PUBLIC_BUT_NOT_DESCRIBED) | as_rows(FOR_AGENTS)


async def test_a_provider_adds_two_routes_for_everybody_and_no_other() -> None:
    provider = {"OIDC_ISSUER": "https://id.example.com", "OIDC_CLIENT_ID": "tasks", "OIDC_CLIENT_SECRET": "x"}
    settings = {"DATABASE_URL": "postgresql://127.0.0.1:1/nothing", "JWT_SECRET_KEY": SECRET, **provider}
    app = create_app(Settings.model_validate(settings | {"PUBLIC_URL": "https://tasks.example.com"}))
    paths = app.openapi()["paths"]
    assert as_rows(paths) == ALL_ROWS | as_rows(WITH_A_PROVIDER)
    assert not any("security" in paths[path]["get"] for path in WITH_A_PROVIDER)


async def test_every_described_operation_says_who_may_call_it(app: FastAPI) -> None:
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            expected: Any = None if path in PUBLIC | LOG_IN | CALENDAR else [{"BearerToken": []}, {"LogIn": []}]
            assert operation.get("security") == expected, (method, path)


@pytest.mark.parametrize("path", PUBLIC)
async def test_everybody_reads_the_service(anonymous: Client, path: str) -> None:
    assert (await anonymous.get(path)).status_code == 200
    assert (await anonymous.get(path, headers={"Authorization": "Bearer rubbish"})).status_code == 200


async def responses(client: Client, part: str, user_id: str, task_id: int, **headers: str) -> dict[Cell, Answer]:
    """Ask for every cell whose path has `part` in it; return status and code of each response."""
    found = {}
    for path, method in CELLS:
        if part in path:
            url, body = path.format(user_id=user_id, task_id=task_id), OWNED[path][method].body
            response = await client.request(method, url, json=body, headers=headers)
            found[path, method] = (response.status_code, response.json()["code"])
    return found


async def test_nobody_is_let_in(anonymous: Client, alices_task: int, superuser: psycopg.Connection) -> None:
    before = everything(superuser)
    missing = await responses(anonymous, "", "alice", alices_task)
    assert missing == dict.fromkeys(CELLS, (401, "TOKEN_MISSING"))
    unsigned = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.eA"
    invalid = await responses(anonymous, "", "alice", alices_task, Authorization=unsigned)
    assert invalid == dict.fromkeys(CELLS, (401, "TOKEN_INVALID"))
    assert everything(superuser) == before


@pytest.mark.parametrize(("path", "method"), OF_ME)
async def test_nobody_is_nobody(
    anonymous: Client, alices_task: int, superuser: psycopg.Connection, path: str, method: str
) -> None:
    before = everything(superuser)
    assert (await anonymous.request(method, path)).json()["code"] == "TOKEN_MISSING"
    refused = await anonymous.request(method, path, headers={"Authorization": "Bearer a.b.c"})
    assert refused.json()["code"] == "TOKEN_INVALID"
    assert everything(superuser) == before


@pytest.mark.parametrize(("path", "method"), sorted(as_rows(OWN_ACCOUNT)))
async def test_an_account_is_for_whoever_has_its_token(
    anonymous: Client, bob: Client, superuser: psycopg.Connection, path: str, method: str
) -> None:
    alice = "usr_" + "a" * 28
    superuser.execute(
        "INSERT INTO accounts (id, email, password_hash) VALUES (%s, 'alice@example.com', 'x')", [alice]
    )
    hers = (
        "SELECT * FROM accounts FULL JOIN refresh_tokens ON true FULL JOIN personal_tokens ON user_id = account_id"
    )
    before = superuser.execute(hers + " WHERE user_id IS DISTINCT FROM 'bob'").fetchall()
    row = OWN_ACCOUNT[path][method]
    named = path.format(session_id="A" * 43, token_id="a" * 16)

    async def code(client: Client, **headers: str) -> tuple[int, str]:
        response = await client.request(method, named, json=row.body, headers=headers)
        return response.status_code, response.json().get("code", "") if response.content else ""

    assert await code(anonymous) == (401, "TOKEN_MISSING")
    assert await code(anonymous, Authorization="Bearer a.b.c") == (401, "TOKEN_INVALID")
    assert (await code(bob, **{"X-User-ID": alice}))[0] == row.owner
    refused = await bob.request(method, named, params={"user_id": alice}, json=row.body)
    assert refused.status_code == 400
    assert superuser.execute(hers + " WHERE user_id IS DISTINCT FROM 'bob'").fetchall() == before


@pytest.mark.parametrize(("path", "method"), OF_ME)
async def test_everybody_is_themselves_and_nobody_else(
    bob: Client, alices_task: int, superuser: psycopg.Connection, path: str, method: str
) -> None:
    before = everything(superuser)
    assert (await bob.request(method, path, params={"user_id": "alice"})).status_code == 400
    response = await bob.request(method, path, headers={"X-User-ID": "alice"})
    assert response.status_code == ME[path][method].owner
    assert b"alice" not in response.content
    assert everything(superuser) == before


@pytest.mark.parametrize("path", LOG_IN)
async def test_a_token_changes_nothing_about_logging_in(anonymous: Client, alice: Client, path: str) -> None:
    responses = [await client.post(path, data={}) for client in (anonymous, alice)]
    assert responses[0].status_code == responses[1].status_code >= 400
    assert responses[0].json() == responses[1].json()


async def test_a_strangers_path_is_closed(bob: Client, alices_task: int, superuser: psycopg.Connection) -> None:
    bobs_task = (await bob.post("/tasks", json=TITLE)).json()["id"]
    before = everything(superuser)
    for task_id in (alices_task, bobs_task, 999_999):
        refused = await responses(bob, "{user_id}", "alice", task_id)
        assert len(refused) == len(router.routes) * sum("{user_id}" in prefix for prefix in PATH_PREFIXES)
        assert set(refused.values()) == {(403, "FORBIDDEN")}, refused
    assert everything(superuser) == before


async def test_a_strangers_task_is_closed_also_through_ones_own_path(
    bob: Client, alices_task: int, superuser: psycopg.Connection
) -> None:
    before = everything(superuser)
    refused = await responses(bob, "{task_id}", "bob", alices_task)
    with_an_id = [each for each in iter_route_contexts(router.routes) if "{task_id}" in str(each.path)]
    assert len(refused) == len(PATH_PREFIXES) * len(with_an_id)
    assert set(refused.values()) == {(403, "FORBIDDEN")}, refused
    assert everything(superuser) == before


async def test_the_owner_is_let_in(alice: Client) -> None:
    found = {}
    for path, method in CELLS:
        task = (await alice.post("/tasks", json=TITLE)).json()
        url, body = path.format(user_id="alice", task_id=task["id"]), OWNED[path][method].body
        found[path, method] = (await alice.request(method, url, json=body)).status_code
    assert found == {(path, method): OWNED[path][method].owner for path, method in CELLS}


SCOPES = ("tasks:read", "tasks:write", "calendar")
READS = {"GET"}


async def script(alice: Client, scope: str) -> dict[str, str]:
    """The header of a personal token of alice's."""
    made = await alice.post("/auth/tokens", json={"name": scope, "scopes": [scope]})
    return {"Authorization": f"Bearer {made.json()['token']}"}


def may(scope: str, method: str) -> bool:
    return scope == "tasks:write" or (scope == "tasks:read" and method in READS)


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_personal_token_does_what_its_scope_says_at_every_route_and_nothing_else(
    anonymous: Client, alice: Client, superuser: psycopg.Connection, scope: str
) -> None:
    """Of what only reads, PostgreSQL refuses every write: no route says what it does."""
    headers = await script(alice, scope)
    found, expected = {}, {}
    for path, method in CELLS:
        task = (await alice.post("/tasks", json=TITLE)).json()
        url, body = path.format(user_id="alice", task_id=task["id"]), OWNED[path][method].body
        before = everything(superuser)
        response = await anonymous.request(method, url, json=body, headers=headers)
        code = response.json().get("code") if response.content else None
        found[path, method] = (response.status_code, code)
        allowed = may(scope, method)
        expected[path, method] = (OWNED[path][method].owner, None) if allowed else (403, "SCOPE_MISSING")
        if method in READS or not allowed:
            assert everything(superuser) == before, (path, method)
    assert found == expected


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(("path", "method"), sorted(as_rows(OWN_ACCOUNT) | as_rows(ME)))
async def test_no_personal_token_touches_an_account_or_makes_tokens(
    anonymous: Client, alice: Client, superuser: psycopg.Connection, path: str, method: str, scope: str
) -> None:
    headers = await script(alice, scope)
    before = superuser.execute("SELECT user_id, id, name FROM personal_tokens").fetchall()
    token_id = before[0][1]
    body = (OWN_ACCOUNT | ME)[path][method].body
    named = path.format(session_id="A" * 43, token_id=token_id)
    response = await anonymous.request(method, named, json=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "SCOPE_MISSING")
    assert superuser.execute("SELECT user_id, id, name FROM personal_tokens").fetchall() == before
    assert superuser.execute("SELECT id FROM users").fetchall() == [("alice",)]


async def test_a_strangers_personal_token_opens_nothing_of_alices(
    anonymous: Client, bob: Client, alices_task: int, superuser: psycopg.Connection
) -> None:
    headers = await script(bob, "tasks:write")
    before = everything(superuser)
    refused = await responses(anonymous, "{user_id}", "alice", alices_task, **headers)
    assert set(refused.values()) == {(403, "FORBIDDEN")}, refused
    refused = await responses(anonymous, "{task_id}", "bob", alices_task, **headers)
    assert set(refused.values()) == {(403, "FORBIDDEN")}, refused
    assert everything(superuser) == before


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_calendar_is_for_the_token_that_is_for_it_alone(
    anonymous: Client, alice: Client, bob: Client, scope: str
) -> None:
    """In the path, and nowhere else: no other token in a header makes an address good, nor is it needed."""
    await alice.post("/tasks", json={**TITLE, "due_date": "2026-11-27"})
    headers = await script(alice, scope)
    for (path, method), client in product(sorted(as_rows(CALENDAR)), (anonymous, alice, bob)):
        named = path.format(token=headers["Authorization"].removeprefix("Bearer "))
        response = await client.request(method, named)
        assert response.status_code == (200 if scope == "calendar" else 404)
        assert ("Buy milk" in response.text) is (scope == "calendar")
        for nobodys in ("alice", "x", "twp_" + "0" * 49):
            refused = await client.request(method, path.format(token=nobodys), headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (404, "CALENDAR_NOT_FOUND")
