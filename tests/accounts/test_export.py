"""Everything that is kept about a person, for them alone."""

import json

import psycopg
import pytest
from fastapi import FastAPI

from taskward.api.personal_data import PersonalData
from taskward.api.state import state_of
from taskward.errors import TokenInvalidError
from taskward.features import TABLES
from taskward.tasks.personal_data_statements import PAGE
from tests.accounts.people import delete_me, log_in
from tests.client import Client

pytestmark = pytest.mark.quick

# Each table with a user's data, the part of the document that tells it, and what the part leaves out: what only
# the service can use, what another field says, and hashes of secrets.
PARTS = {
    "accounts": ("account", {"folded_email", "password_hash", "disabled_at", "reset_link_at"}),
    "identities": ("identities", {"account_id"}),
    "refresh_tokens": ("log_ins", {"family_hash", "account_id", "current_hash", "previous_hash", "rotated_at"}),
    "personal_tokens": ("personal_tokens", {"user_id", "token_hash"}),
    "tasks": ("tasks", {"due_key", "folded_title"}),
    "deleted_tasks": ("deleted_tasks", {"user_id", "task_id"}),
    "idempotency_keys": ("idempotency_keys", {"user_id", "fingerprint"}),
}
OF_NO_PERSON = {"users", "ended_tokens"}  # counters of their own tasks, and hashes of tokens that were revoked
AN_IDENTITY = "INSERT INTO identities (issuer, subject, account_id) VALUES ('https://id.example.com', 'a', %s)"


async def test_a_user_of_a_provider_gets_everything_that_is_kept(alice: Client, bob: Client) -> None:
    await bob.post("/tasks", json={"title": "Of bob"}, headers={"Idempotency-Key": "of bob"})
    first = (
        await alice.post("/tasks", json={"title": "Milk", "uid": "m"}, headers={"Idempotency-Key": "k"})
    ).json()
    second = (await alice.post("/tasks", json={"title": "Bread", "tags": ["a"]})).json()
    await alice.delete(f"/tasks/{first['id']}")
    response = await alice.get("/auth/me/export")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-disposition"] == 'attachment; filename="taskward.json"'
    found = response.json()
    assert found["account"]["id"] == "alice"
    assert found["log_ins"] == []
    assert found["tasks"] == [second]
    (deleted,) = found["deleted_tasks"]
    assert (deleted["id"], deleted["uid"], deleted["revision"]) == (first["id"], "m", 3)
    (key,) = found["idempotency_keys"]
    assert (key["key"], key["task_id"], key["title"]) == ("k", first["id"], "Milk")
    assert "bob" not in response.text


async def test_whoever_has_written_nothing_gets_a_document_as_well(charlie: Client) -> None:
    found = (await charlie.get("/auth/me/export")).json()
    assert found["account"]["created_at"] is None
    assert (found["tasks"], found["deleted_tasks"], found["idempotency_keys"]) == ([], [], [])


async def test_an_account_gets_its_log_ins_and_no_secret(anonymous: Client, alices_tokens: dict[str, str]) -> None:
    tokens = [alices_tokens, await log_in(anonymous, "alice")]
    bearer = {"Authorization": f"Bearer {alices_tokens['access_token']}"}
    response = await anonymous.get("/auth/me/export", headers=bearer)
    found = response.json()
    assert found["account"]["email"] == "alice@example.com"
    assert len(found["log_ins"]) == 2
    assert set(found["log_ins"][0]) == {"id", "created_at", "last_used_at", "expires_at", "client", "address"}
    for secret in ("argon2", "hash", *(each["refresh_token"] for each in tokens)):
        assert secret not in response.text


async def test_every_column_of_every_table_is_told_or_left_out_on_purpose(
    anonymous: Client, alices_tokens: dict[str, str], superuser: psycopg.Connection
) -> None:
    bearer = {"Authorization": f"Bearer {alices_tokens['access_token']}"}
    superuser.execute(AN_IDENTITY, [alices_tokens["user_id"]])
    await anonymous.post("/auth/tokens", json={"name": "Script", "scopes": ["tasks:read"]}, headers=bearer)
    await anonymous.post("/tasks", json={"title": "Bread"}, headers={**bearer, "Idempotency-Key": "k"})
    milk = (await anonymous.post("/tasks", json={"title": "Milk"}, headers=bearer)).json()
    await anonymous.delete(f"/tasks/{milk['id']}", headers=bearer)
    document = (await anonymous.get("/auth/me/export", headers=bearer)).json()
    assert set(TABLES.names) == PARTS.keys() | OF_NO_PERSON
    for table, (part, left_out) in PARTS.items():
        told = document[part] if part == "account" else document[part][0]
        assert columns_of(superuser, table) - told.keys() == left_out, table


def columns_of(superuser: psycopg.Connection, table: str) -> set[str]:
    found = superuser.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
    return {name for (name,) in found}


async def test_many_tasks_come_page_by_page(alice: Client, superuser: psycopg.Connection) -> None:
    await alice.post("/tasks", json={"title": "first"})
    count = 2 * PAGE + 1
    superuser.execute(
        "INSERT INTO tasks (user_id, title) SELECT 'alice', 'task ' || n FROM generate_series(2, %s) n", [count]
    )
    titles = [task["title"] for task in (await alice.get("/auth/me/export")).json()["tasks"]]
    assert titles == ["first", *(f"task {number}" for number in range(2, count + 1))]


@pytest.mark.parametrize("read", range(4))
async def test_who_is_deleted_meanwhile_gets_no_document_that_looks_whole(
    app: FastAPI, registered_alice: Client, read: int
) -> None:
    """Pieces are sent as they are read, so what was sent by then cannot be taken back."""
    await registered_alice.post("/tasks", json={"title": "Milk"})
    owner = str(registered_alice.user_id)
    pieces = state_of(app).service(PersonalData).pieces(owner, {"account": {"id": owner}})
    sent = [await anext(pieces) for _ in range(read)]
    assert (await delete_me(registered_alice)).status_code == 204
    with pytest.raises(TokenInvalidError):  # noqa: PT012  # what was sent before counts
        async for piece in pieces:
            sent.append(piece)  # noqa: PERF401
    with pytest.raises(json.JSONDecodeError):
        json.loads(b"".join(sent))
    response = await registered_alice.get("/auth/me/export")
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")
