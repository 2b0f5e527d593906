"""What is called where rows are distributed, called on one server: it must come to what it stands for there."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from psycopg.errors import ForeignKeyViolation

from taskward.api.state import state_of
from taskward.app import create_app
from taskward.database.driver.statement import Effect, Statement
from taskward.database.transaction import Database
from taskward.settings import Settings
from taskward.tasks.statements import CREATE_TASK
from tests.client import Client
from tests.tasks.fields import new_values

WHO_ASKS = Statement(
    """
    SELECT current_user::text AS role, current_setting('app.user_id') AS user_id,
           current_setting('app.max_tasks') AS max_tasks, current_setting('lock_timeout') AS lock_timeout,
           current_setting('statement_timeout') AS statement_timeout,
           current_setting('transaction_read_only') AS only_reads
    """,
    effect=Effect.READ_ONLY,
)
LEFT_BEHIND = Statement(
    "SELECT current_setting('app.task_id', true) AS task_id, current_setting('app.user_id', true) AS user_id",
    effect=Effect.READ_ONLY,
)
OF_ITS_OWN = ("id", "user_id", "created_at", "updated_at", "completed_at")
MAX_TASKS = 5

EVERY_FIELD = {
    "title": "Buy milk", "description": "Two litres", "completed": True, "due_date": "2026-11-27",
    "due_time": "10:30", "due_zone": "Europe/Vienna", "priority": "high", "tags": ["Home", "a b"],
}  # fmt: skip
KEY = {"Idempotency-Key": "5f0c2a7e"}
# Each create that there is, said again, said otherwise, and where there is no room.
CREATES: list[tuple[dict[str, Any], dict[str, str]]] = [
    (EVERY_FIELD, {}),
    (EVERY_FIELD | {"uid": "the one"}, {}),
    ({"title": "Buy bread", "uid": "the one"}, {}),
    (EVERY_FIELD, KEY),
    (EVERY_FIELD, KEY),
    ({"title": "Buy bread"}, KEY),
    ({"title": "Buy bread", "uid": "the one"}, {"Idempotency-Key": "another"}),
    ({"title": "Buy bread", "uid": "the other"}, {"Idempotency-Key": "another"}),
    ({"title": "the last that there is room for"}, {}),
    ({"title": "Buy butter"}, {}),
    ({"title": "Buy butter", "uid": "no room"}, {}),
    ({"title": "Buy butter"}, {"Idempotency-Key": "no room"}),
    (EVERY_FIELD, KEY),
]


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, in which a user may have five tasks."""
    application = create_app(settings.model_copy(update={"max_tasks_per_user": MAX_TASKS}))
    async with application.router.lifespan_context(application):
        yield application


@pytest.mark.parametrize("only_reads", [False, True])
async def test_the_identity_is_the_same_however_it_comes(database: Database, only_reads: bool) -> None:
    found = []
    for database.distributed in (False, True):
        async with database.acting_as("o'brien \\ %s", only_reads=only_reads) as transaction:
            found.append(transaction.execute(WHO_ASKS))
    as_one_server, as_distributed = (rows.all for rows in found)
    assert as_distributed == as_one_server
    assert as_one_server[0]["user_id"] == "o'brien \\ %s"
    assert as_one_server[0]["only_reads"] == ("on" if only_reads else "off")


async def test_neither_identity_nor_id_stays_for_the_next_transaction(database: Database) -> None:
    database.distributed = True
    async with database.acting_as("alice") as transaction:
        transaction.execute(CREATE_TASK, **new_values())
    async with database.acting_as("bob") as transaction:
        left = transaction.execute(LEFT_BEHIND)
    assert left.all == [{"task_id": "", "user_id": "bob"}]


async def test_every_create_is_answered_the_same(app: FastAPI, alice: Client, bob: Client) -> None:
    answers = []
    for client, distributed in ((alice, False), (bob, True)):
        await client.get("/tasks")  # the precondition is met, which looks what the database is
        state_of(app).database.distributed = distributed
        created = [await client.post("/tasks", json=body, headers=headers) for body, headers in CREATES]
        listed = (await client.get("/tasks?sort=created&order=asc")).json()
        answers.append(
            (
                [
                    (each.status_code, each.headers.get("idempotency-replayed"), told(each.json()))
                    for each in created
                ],
                [told(task) for task in listed["tasks"]],
            )
        )
    assert answers[0] == answers[1]
    statuses = [status for status, *_ in answers[0][0]]
    assert statuses == [201, 201, 200, 201, 201, 422, 200, 201, 201, 403, 403, 403, 201]


def told(body: dict[str, Any]) -> dict[str, Any]:
    """Return what does not differ from one user to the next."""
    return {name: value for name, value in body.items() if name not in OF_ITS_OWN}


async def test_of_many_creates_at_once_with_one_key_one_creates(app: FastAPI, alice: Client) -> None:
    await alice.get("/tasks")
    state_of(app).database.distributed = True
    for headers, body in ((KEY, {"title": "Buy milk"}), ({}, {"title": "Buy bread", "uid": "the one"})):
        answers = await asyncio.gather(*(alice.post("/tasks", json=body, headers=headers) for _ in range(8)))
        assert {answer.status_code for answer in answers} <= {200, 201}
        assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await alice.get("/tasks")).json()["count"] == 2


async def test_ids_follow_each_other_as_revisions_do(app: FastAPI, alice: Client) -> None:
    await alice.get("/tasks")
    state_of(app).database.distributed = True
    await asyncio.gather(*(alice.post("/tasks", json={"title": "Buy milk"}) for _ in range(MAX_TASKS)))
    tasks = (await alice.get("/tasks?sort=created&order=asc")).json()["tasks"]
    assert [task["revision"] for task in tasks] == list(range(1, MAX_TASKS + 1))


async def test_whose_account_is_gone_gets_no_row(database: Database) -> None:
    for database.distributed in (False, True):
        with pytest.raises(ForeignKeyViolation) as refused:
            async with database.acting_as(f"usr_{'a' * 28}") as transaction:
                transaction.execute(CREATE_TASK, **new_values())
        assert refused.value.diag.constraint_name == "fk_users_account_id_accounts"
