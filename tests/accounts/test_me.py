import psycopg
import pytest
from fastapi import FastAPI

from taskward.auth.account_ids import is_account_id
from taskward.settings import Settings
from tests.accounts.conftest import logged_in, quicken
from tests.accounts.people import PASSWORD, ask, delete_me, log_in, refresh, register
from tests.client import Client, connect
from tests.conftest import SECRET, started

pytestmark = pytest.mark.quick

Tokens = dict[str, str]

MILK = {"title": "Buy milk"}
OPERATIONS = [
    ("GET", "", None),
    ("GET", "/{}", None),
    ("PUT", "/{}", MILK),
    ("PATCH", "/{}", MILK),
    ("PATCH", "/{}/complete", None),
    ("PATCH", "/{}/toggle", None),
    ("DELETE", "/{}", None),
    ("POST", "/batch", {"operations": [{"do": "delete", "id": 1}, {"do": "update", "id": 2, "task": MILK}]}),
    ("POST", "/batch", {"operations": [{"do": "create", "task": {"uid": "milk", **MILK}}]}),
]
TABLES = ("users", "tasks", "idempotency_keys", "accounts", "refresh_tokens")


def rows(superuser: psycopg.Connection) -> dict[str, int]:
    """Count the rows of every table; those without any are left out."""
    counts = {table: superuser.execute(f"SELECT count(*) FROM {table}").fetchone() for table in TABLES}
    return {table: count[0] for table, count in counts.items() if count and count[0]}


async def leave_something_everywhere(client: Client) -> None:
    for number in range(3):
        response = await client.post("/tasks", json=MILK, headers={"Idempotency-Key": f"key {number}"})
        assert response.status_code == 201


async def test_who_has_an_account_reads_it(registered_alice: Client) -> None:
    response = await registered_alice.get("/auth/me")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    user = response.json()
    assert (user["id"], user["email"], user["name"]) == (registered_alice.user_id, "alice@example.com", None)
    assert user["created_at"].endswith("Z")
    assert (await registered_alice.head("/auth/me")).status_code == 200


async def test_who_comes_from_outside_reads_what_there_is(charlie: Client) -> None:
    user = {
        "id": "charlie", "email": None, "name": None, "created_at": None, "has_password": False,
        "email_verified_at": None,
    }  # fmt: skip
    assert (await charlie.get("/auth/me")).json() == user
    task = (await charlie.post("/tasks", json=MILK)).json()
    created_at = (await charlie.get("/auth/me")).json().pop("created_at")
    assert created_at <= task["created_at"]
    assert created_at.endswith("Z")


async def test_nobody_can_read_or_delete_with_a_refresh_token(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    before = rows(superuser)
    headers = {"Authorization": f"Bearer {alices_tokens['refresh_token']}"}
    for method in ("GET", "DELETE"):
        assert (await anonymous.request(method, "/auth/me", headers=headers)).status_code == 401
    assert rows(superuser) == before


async def test_who_deletes_an_account_leaves_nothing_behind(
    registered_alice: Client, anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    await log_in(anonymous, "alice")
    await leave_something_everywhere(registered_alice)
    assert rows(superuser) == {
        "users": 1, "tasks": 3, "idempotency_keys": 3, "accounts": 1, "refresh_tokens": 2,
    }  # fmt: skip
    response = await delete_me(registered_alice)
    assert (response.status_code, response.content) == (204, b"")
    assert rows(superuser) == {}
    assert (await refresh(anonymous, alices_tokens["refresh_token"])).status_code == 401
    again = await ask(anonymous, grant_type="password", username="alice@example.com", password=PASSWORD)
    assert again.json()["code"] == "CREDENTIALS_INVALID"


async def test_whoever_has_a_token_and_not_the_password_deletes_nothing(
    registered_alice: Client, superuser: psycopg.Connection
) -> None:
    """Counted as log-ins that failed, for the account."""
    await leave_something_everywhere(registered_alice)
    before = rows(superuser)
    response = await registered_alice.delete("/auth/me")
    assert response.status_code == 400
    assert response.json()["errors"] == [{"field": "password", "message": "is missing"}]
    response = await delete_me(registered_alice, "wrong horse")
    assert response.status_code == 401
    assert response.json() == {"detail": "The current password is wrong.", "code": "CREDENTIALS_INVALID"}
    assert rows(superuser) == before


async def test_who_comes_from_outside_needs_no_password(alice: Client, superuser: psycopg.Connection) -> None:
    await leave_something_everywhere(alice)
    assert (await alice.delete("/auth/me")).status_code == 204
    assert rows(superuser) == {}


async def test_guesses_at_deleting_are_limited(settings: Settings, alices_tokens: Tokens) -> None:
    limited = settings.model_copy(update={"auth_rate_limit": "2/minute"})
    async with started(limited) as app, logged_in(app, alices_tokens) as alice:
        quicken(app)
        assert [(await delete_me(alice, "wrong horse")).status_code for _ in range(3)] == [401, 401, 429]
        assert (await delete_me(alice)).status_code == 429


async def test_deleting_oneself_deletes_nobody_else(
    registered_alice: Client, anonymous: Client, bob: Client, superuser: psycopg.Connection
) -> None:
    await register(anonymous, "charlie")
    await log_in(anonymous, "charlie")
    for client in (registered_alice, bob):
        await leave_something_everywhere(client)
    await delete_me(registered_alice)
    assert rows(superuser) == {
        "users": 1, "tasks": 3, "idempotency_keys": 3, "accounts": 1, "refresh_tokens": 1,
    }  # fmt: skip
    assert (await bob.get("/tasks")).json()["count"] == 3
    assert (await log_in(anonymous, "charlie"))["user_id"]


async def test_who_comes_from_outside_leaves_nothing_behind_and_can_come_back(
    alice: Client, superuser: psycopg.Connection
) -> None:
    await leave_something_everywhere(alice)
    assert (await delete_me(alice)).status_code == 204
    assert rows(superuser) == {}
    assert (await alice.get("/tasks")).json()["count"] == 0
    assert (await alice.post("/tasks", json=MILK)).status_code == 201


async def test_deleting_can_be_repeated(registered_alice: Client, charlie: Client) -> None:
    for client in (registered_alice, charlie):
        for _ in range(2):
            assert (await delete_me(client)).status_code == 204


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "a key"}])
async def test_a_token_that_outlives_its_account_makes_nobody_anew(
    registered_alice: Client, superuser: psycopg.Connection, headers: dict[str, str]
) -> None:
    await registered_alice.post("/tasks", json=MILK)
    await delete_me(registered_alice)
    response = await registered_alice.post("/tasks", json=MILK, headers=headers)
    assert response.status_code == 401
    assert response.json() == {"detail": "The account of this token has been deleted.", "code": "TOKEN_INVALID"}
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert rows(superuser) == {}


@pytest.mark.parametrize("with_a_task", [True, False])
@pytest.mark.parametrize(("method", "suffix", "body"), OPERATIONS)
async def test_a_token_that_outlives_its_account_is_refused_everywhere(
    registered_alice: Client, bob: Client, method: str, suffix: str, body: object, with_a_task: bool
) -> None:
    """Also for a task of somebody else, and for a user who never had one."""
    bobs = (await bob.post("/tasks", json=MILK)).json()["id"]
    own = (await registered_alice.post("/tasks", json=MILK)).json()["id"] if with_a_task else bobs
    await delete_me(registered_alice)
    for task_id in (own, bobs, 2**40):
        path = f"/api/{registered_alice.user_id}/tasks{suffix.format(task_id)}"
        response = await registered_alice.request(method, path, json=body)
        assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")


async def test_who_has_an_account_and_no_task_is_refused_nothing(registered_alice: Client) -> None:
    assert (await registered_alice.get("/tasks")).json()["count"] == 0
    assert (await registered_alice.get("/tasks/1")).status_code == 404
    assert (await registered_alice.delete("/tasks/1")).status_code == 404


async def test_an_address_is_free_again_and_its_next_owner_is_somebody_else(
    registered_alice: Client, anonymous: Client
) -> None:
    await registered_alice.post("/tasks", json=MILK)
    await delete_me(registered_alice)
    assert (await register(anonymous, "alice"))["id"] != registered_alice.user_id


async def test_the_schema_knows_the_form_that_ids_are_made_in(app: FastAPI, anonymous: Client) -> None:
    """A user of an id in this form needs an account; every other id is issued by a provider and needs none."""
    for user_id in ("usr_", "usr_" + "a" * 27, "usr_" + "a" * 29, "USR_" + "a" * 28, "usr_" + "A" * 28, "usr_123"):
        assert not is_account_id(user_id)
        async with connect(app, user_id, SECRET) as client:
            assert (await client.post("/tasks", json=MILK)).status_code == 201
    async with connect(app, "usr_" + "a" * 28, SECRET) as client:
        assert (await client.post("/tasks", json=MILK)).status_code == 401
