"""How many tasks a user may have, and how many keys are kept of them, whatever they do."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.errors import QuotaExceededError
from taskward.settings import Settings
from taskward.tasks.idempotency import MAX_KEYS
from tests.client import Client

MAX_TASKS = 3
TASK = {"title": "Buy milk"}
COUNTERS = "SELECT revision, task_count, key_count FROM users WHERE id = 'alice'"


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, in which a user may have three tasks."""
    application = create_app(settings.model_copy(update={"max_tasks_per_user": MAX_TASKS}))
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def full(alice: Client) -> Client:
    """Alice, who has as many as she may."""
    for number in range(MAX_TASKS):
        assert (await alice.post("/tasks", json=TASK, headers=key(number))).status_code == 201
    return alice


def key(number: object) -> dict[str, str]:
    return {"Idempotency-Key": f"key {number}"}


@pytest.mark.parametrize("headers", [{}, key("new")], ids=["plain", "keyed"])
async def test_one_task_too_many_is_403_and_nothing_is_written(
    full: Client, superuser: psycopg.Connection, headers: dict[str, str]
) -> None:
    before = superuser.execute(COUNTERS).fetchone()
    response = await full.post("/tasks", json=TASK, headers=headers)
    assert (response.status_code, response.json()) == (
        403,
        {
            "detail": "You have as many tasks as you may have here. Delete some, and try again.",
            "code": "QUOTA_EXCEEDED",
        },
    )
    assert superuser.execute(COUNTERS).fetchone() == before
    assert superuser.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (MAX_TASKS,)


async def test_a_key_that_was_refused_is_free_once_there_is_room(full: Client) -> None:
    assert (await full.post("/tasks", json=TASK, headers=key("new"))).status_code == 403
    await full.delete("/tasks/1")
    assert (await full.post("/tasks", json=TASK, headers=key("new"))).status_code == 201
    assert (await full.post("/tasks", json=TASK)).status_code == 403


async def test_whoever_has_all_tasks_can_repeat_change_and_delete(full: Client) -> None:
    repeat = await full.post("/tasks", json=TASK, headers=key(0))
    assert (repeat.status_code, repeat.headers["idempotency-replayed"]) == (201, "true")
    assert (await full.patch("/tasks/1", json={"completed": True})).status_code == 200
    assert (await full.delete("/tasks/1")).status_code == 204


async def test_in_a_batch_each_create_finds_the_room_that_those_before_have_left(
    full: Client, superuser: psycopg.Connection
) -> None:
    uids = ("one", "two", "three", "two again")
    one, two, three, again = ({"do": "create", "task": {"title": "Buy milk", "uid": uid}} for uid in uids)
    batch = {"operations": [one, {"do": "delete", "id": 1}, two, three, {"do": "update", "id": 2, "task": TASK}]}
    results = (await full.post("/tasks/batch", json=batch)).json()["results"]
    assert [each["status"] for each in results] == [403, 204, 201, 403, 200]
    assert results[0] == {"status": 403, "uid": "one", **QuotaExceededError().body()}
    assert superuser.execute("SELECT task_count FROM users").fetchone() == (MAX_TASKS,)
    repeated = (await full.post("/tasks/batch", json={"operations": [two, again]})).json()["results"]
    assert [each["status"] for each in repeated] == [200, 403]


async def test_the_quota_of_one_is_not_that_of_another(full: Client, bob: Client) -> None:
    assert (await bob.post("/tasks", json=TASK)).status_code == 201


async def test_of_many_creates_at_once_just_as_many_succeed_as_there_is_room_for(
    alice: Client, superuser: psycopg.Connection
) -> None:
    creates = [alice.post("/tasks", json=TASK, headers=key(n) if n % 2 else {}) for n in range(24)]
    statuses = [response.status_code for response in await asyncio.gather(*creates)]
    assert (statuses.count(201), statuses.count(403)) == (MAX_TASKS, 24 - MAX_TASKS)
    assert superuser.execute("SELECT count(*) FROM tasks").fetchone() == (MAX_TASKS,)
    assert superuser.execute("SELECT task_count FROM users").fetchone() == (MAX_TASKS,)


async def test_repeats_of_the_create_that_takes_the_last_room_are_answered_as_it_was(full: Client) -> None:
    await full.delete("/tasks/1")
    creates = [full.post("/tasks", json=TASK, headers=key("last")) for _ in range(16)]
    responses = await asyncio.gather(*creates)
    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1


async def test_whoever_deletes_meanwhile_is_not_told_to_wait_for_a_day(full: Client) -> None:
    statuses: list[int] = []

    async def create(name: str) -> None:
        for number in range(15):
            response = await full.post("/tasks", json=TASK, headers=key(f"{name} {number}"))
            statuses.append(response.status_code)

    async def delete() -> None:
        while len(statuses) < 8 * 15:
            for task in (await full.get("/tasks")).json()["tasks"]:
                await full.delete(f"/tasks/{task['id']}")

    await asyncio.gather(*map(create, "abcdefgh"), delete())
    assert {*statuses} == {201, 403}


async def test_what_is_created_by_hand_has_no_limit_and_what_is_there_stays(
    full: Client, superuser: psycopg.Connection
) -> None:
    superuser.execute("INSERT INTO tasks (user_id, title) VALUES ('alice', 'By hand')")
    assert (await full.get("/tasks")).json()["count"] == MAX_TASKS + 1
    assert (await full.post("/tasks", json=TASK)).status_code == 403


async def test_keys_of_a_day_are_bounded_whatever_is_deleted(alice: Client, superuser: psycopg.Connection) -> None:
    await alice.post("/tasks", json=TASK, headers=key("first"))
    superuser.execute("UPDATE users SET key_count = %s", [MAX_KEYS - 3])
    statuses = []
    for number in range(6):
        response = await alice.post("/tasks", json=TASK, headers=key(number))
        statuses.append(response.status_code)
        if response.status_code == 201:
            await alice.delete(response.headers["location"])
    assert statuses == [201] * 3 + [429] * 3
    assert superuser.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (4,)
    assert response.json()["code"] == "RATE_LIMITED"
    assert "Idempotency-Key" in response.json()["detail"]
    assert 86_000 < int(response.headers["retry-after"]) <= 86_400
    assert (await alice.post("/tasks", json=TASK)).status_code == 201  # without a key
    assert (await alice.post("/tasks", json=TASK, headers=key("first"))).headers["idempotency-replayed"] == "true"


async def test_a_day_later_keys_are_counted_anew(alice: Client, superuser: psycopg.Connection) -> None:
    await alice.post("/tasks", json=TASK, headers=key("first"))
    superuser.execute("UPDATE users SET key_count = %s, keys_since = now() - interval '24 hours'", [MAX_KEYS])
    assert (await alice.post("/tasks", json=TASK, headers=key("second"))).status_code == 201
    counted = superuser.execute("SELECT key_count, keys_since > now() - interval '1 minute' FROM users").fetchone()
    assert counted == (1, True)
