"""Everything that is kept about a person, for them alone."""

import psycopg
import pytest

from taskward.tasks.personal_data_statements import PAGE
from tests.accounts.people import log_in
from tests.client import Client

pytestmark = pytest.mark.quick


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


async def test_many_tasks_come_page_by_page(alice: Client, superuser: psycopg.Connection) -> None:
    await alice.post("/tasks", json={"title": "first"})
    count = 2 * PAGE + 1
    superuser.execute(
        "INSERT INTO tasks (user_id, title) SELECT 'alice', 'task ' || n FROM generate_series(2, %s) n", [count]
    )
    titles = [task["title"] for task in (await alice.get("/auth/me/export")).json()["tasks"]]
    assert titles == ["first", *(f"task {number}" for number in range(2, count + 1))]
