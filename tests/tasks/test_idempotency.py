import asyncio

import psycopg
import pytest
from fastapi import FastAPI

from taskward.api.state import state_of
from taskward.tasks.idempotency import PURGE_BATCH, key_purge
from tests.citus.cluster import one_server
from tests.client import Client
from tests.purges import INTERVAL, purges_end, rows_read

KEY = {"Idempotency-Key": "5f0c2a7e"}


async def test_a_repeat_creates_nothing_and_is_answered_the_same(alice: Client) -> None:
    first = await alice.post("/tasks", json={"title": "Buy milk"}, headers=KEY)
    assert "idempotency-replayed" not in first.headers
    await alice.put("/tasks/1", json={"title": "Buy oat milk"})
    repeat = await alice.post("/api/alice/tasks", json={"title": " Buy milk ", "completed": False}, headers=KEY)
    assert (repeat.status_code, repeat.content) == (201, first.content)
    assert repeat.headers["idempotency-replayed"] == "true"
    assert repeat.headers["etag"] == first.headers["etag"]
    assert (await alice.get("/tasks")).json()["count"] == 1


async def test_a_repeat_after_the_task_was_deleted_does_not_bring_it_back(alice: Client) -> None:
    first = await alice.post("/tasks", json={"title": "Buy milk"}, headers=KEY)
    await alice.delete("/tasks/1")
    assert (await alice.post("/tasks", json={"title": "Buy milk"}, headers=KEY)).content == first.content
    assert (await alice.get("/tasks")).json()["count"] == 0


async def test_a_key_with_another_body_is_422(alice: Client) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"}, headers=KEY)
    response = await alice.post("/tasks", json={"title": "Buy bread"}, headers=KEY)
    assert (response.status_code, response.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (await alice.get("/tasks")).json()["count"] == 1


async def test_bobs_key_is_not_alices(alice: Client, bob: Client) -> None:
    for person in (alice, bob):
        response = await person.post("/tasks", json={"title": "Buy milk"}, headers=KEY)
        assert (response.status_code, response.json()["user_id"]) == (201, person.user_id)


async def test_a_refused_create_leaves_its_key_free(alice: Client) -> None:
    assert (await alice.post("/tasks", json={"title": ""}, headers=KEY)).status_code == 400
    assert (await alice.post("/tasks", json={"title": "Buy milk"}, headers=KEY)).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "\x7f", "schl\xfcssel", "a\tb"])
async def test_a_malformed_key_is_400(alice: Client, key: str) -> None:
    response = await alice.post(
        "/tasks", json={"title": "Buy milk"}, headers=[(b"Idempotency-Key", key.encode("latin-1"))]
    )
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "idempotency-key")
    assert (await alice.get("/tasks")).json()["count"] == 0


async def test_two_keys_are_400(alice: Client) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert (await alice.post("/tasks", json={"title": "Buy milk"}, headers=headers)).status_code == 400


async def test_a_key_of_255_characters_serves(alice: Client) -> None:
    for _ in range(2):
        assert (
            await alice.post("/tasks", json={"title": "Buy milk"}, headers={"Idempotency-Key": "~" * 255})
        ).status_code == 201
    assert (await alice.get("/tasks")).json()["count"] == 1


async def test_while_the_first_is_still_running_a_repeat_is_409(
    alice: Client, superuser: psycopg.Connection
) -> None:
    await alice.post("/tasks", json={"title": "so that there is a row to lock"})
    with superuser.transaction():
        superuser.execute("SELECT FROM users WHERE id = 'alice' FOR UPDATE")  # as a create that does not end
        response = await alice.post("/tasks", json={"title": "Buy milk"}, headers=KEY)
    assert (response.status_code, response.json()["code"]) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert (await alice.post("/tasks", json={"title": "Buy milk"}, headers=KEY)).status_code == 201


async def test_simultaneous_posts_with_one_key_create_one_task(alice: Client) -> None:
    responses = await asyncio.gather(
        *(alice.post("/tasks", json={"title": "Buy milk"}, headers=KEY) for _ in range(16))
    )
    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1
    assert sum("idempotency-replayed" not in response.headers for response in responses) == 1
    assert (await alice.get("/tasks")).json()["count"] == 1


async def test_keys_older_than_a_day_are_purged_and_younger_ones_are_not(
    app: FastAPI, alice: Client, superuser: psycopg.Connection
) -> None:
    superuser.execute("INSERT INTO users (id) VALUES ('bob')")
    superuser.execute(
        "INSERT INTO idempotency_keys SELECT 'bob', 'old ' || n, sha256(''), now() - interval '24 hours 1 minute',"
        " n, 'title', NULL, false, now(), n FROM generate_series(1, %s) AS n", [PURGE_BATCH * 2 + 1],
    )  # fmt: skip
    superuser.execute(
        "INSERT INTO idempotency_keys SELECT 'bob', 'young ' || n, sha256(''),"
        " now() - interval '23 hours 59 minutes', n, 'title', NULL, false, now(), n"
        " FROM generate_series(1, 5) AS n"
    )
    await key_purge(state_of(app).database).purge()
    assert superuser.execute("SELECT count(*) FROM idempotency_keys WHERE key LIKE 'young%'").fetchone() == (5,)
    assert superuser.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (5,)


async def test_keyed_creates_set_off_the_purge(
    alice: Client, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(INTERVAL, 0)
    await alice.post("/tasks", json={"title": "Buy milk"}, headers=KEY)
    await purges_end()
    superuser.execute("UPDATE idempotency_keys SET stored_at = now() - interval '2 days'")
    await alice.post("/tasks", json={"title": "Buy bread"}, headers={"Idempotency-Key": "another"})
    await purges_end()
    assert superuser.execute("SELECT key FROM idempotency_keys").fetchall() == [("another",)]


@one_server("what a purge reads is counted on the server with the rows")
async def test_the_purge_finds_its_keys_by_an_index(superuser: psycopg.Connection) -> None:
    superuser.execute("INSERT INTO users (id) VALUES ('bob')")
    superuser.execute(
        "INSERT INTO idempotency_keys SELECT 'bob', n, sha256(''), now() - n * interval '1 second',"
        " n, 'title', NULL, false, now(), n FROM generate_series(1, 100000) AS n"
    )
    superuser.execute("ANALYZE idempotency_keys")
    assert rows_read(superuser, "purge_idempotency_keys(1000)", "idempotency_keys") <= 2100  # of 100,000
