"""Take the WHERE away and nothing leaks; take row-level security away and nothing leaks."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest
from psycopg.errors import FeatureNotSupported

from taskward.database.driver.statement import Statement
from taskward.database.errors import IdentityNotArrivedError
from taskward.database.transaction import Database
from taskward.errors import ForbiddenError, ValidationFailedError
from taskward.tasks import statements
from taskward.tasks.calendar_statements import READ_CALENDAR
from taskward.tasks.changes_statements import PURGE_DELETED
from taskward.tasks.idempotency import CREATE_TASK_ONCE, PURGE_KEYS, ROOM
from taskward.tasks.personal_data_statements import EXPORT_DELETED_TASKS, EXPORT_KEYS, EXPORT_TASKS
from tests.citus.cluster import ON_CITUS, one_server
from tests.database.conftest import create_task
from tests.database.statements import changes, feeds, lists, of_tasks
from tests.tasks.fields import new_values

pytestmark = pytest.mark.quick

VALUES = new_values(title="Taken over", description="by bob", completed=True)
WHAT_MATCHES = {
    "due_from": "1900-01-01", "due_to": "9999-12-31", "due": "any", "priority": ["high"], "tags": "home",
    "uid": "the one", "q": ["%task%"],
}  # fmt: skip
OWNER_CONDITIONS = ("user_id = %(owner)s::text", "users.id = %(owner)s::text")

NOT_DONE: list[dict[str, Any]] = []
ONE_SERVER = one_server("Citus joins rows of a user who is named, and else not at all")

Run = tuple[str, Statement[Any], dict[str, Any]]


def runs_of_lists() -> Iterator[Run]:
    """Every way to list, with bounds that all of alice's tasks are beyond."""
    limits = {"limit": 100, "max_bytes": 2**20, "known": "{}"}
    for wanted, statement in lists():
        least, most = ("", "\U0010ffff") if wanted["sort"] == "title" else (0, 2**30)
        after = {"after_0": most if wanted["descending"] else least, "after_1": 0}
        yield f"list {wanted}", statement, {**limits, **WHAT_MATCHES, **after}


def statements_on(task_id: int) -> Iterator[Run]:
    """Every statement on tasks that already exist; those that delete, the next one and this, are the last."""
    yield "read", statements.READ_TASK, {"task_id": task_id}
    yield "room", ROOM, {}
    yield "revision", statements.READ_REVISION, {}
    yield "lock", statements.LOCK_OWNER, {}
    yield from runs_of_lists()
    yield "export tasks", EXPORT_TASKS, {"after": 0}
    yield "export deleted tasks", EXPORT_DELETED_TASKS, {"after": 0}
    yield "export keys", EXPORT_KEYS, {"after": ""}
    yield "calendar", READ_CALENDAR, {"after": 0, "known": "{}"}
    for name, statement in feeds():
        yield name, statement, {"since": 0, "limit": 100, "max_bytes": 2**20}
    values = {"task_id": task_id, **VALUES, "expected": list(range(100))}
    for name, statement in changes():
        yield name, statement, values
    yield "delete if", statements.delete_task(conditional=True), {**values, "task_id": task_id + 1}
    yield "delete", statements.delete_task(conditional=False), values


def without_owner_condition(statement: Statement[Any]) -> Statement:
    text = statement.sql
    for condition in OWNER_CONDITIONS:
        text = text.replace(condition, "true")
    assert text != statement.sql, f"there is no condition on the user in {statement.sql}"
    assert "owner" not in text.replace("owner_revision", ""), f"the user is still asked for in {text}"
    return Statement(text, statement.constants)


def disable_row_level_security(superuser: psycopg.Connection) -> None:
    for table in ("tasks", "users", "deleted_tasks", "idempotency_keys"):
        superuser.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")


def alices_rows(superuser: psycopg.Connection) -> list[Any]:
    return [
        *superuser.execute("SELECT * FROM tasks WHERE user_id = 'alice' ORDER BY id"),
        *superuser.execute("SELECT * FROM users WHERE id = 'alice'"),
        *superuser.execute("SELECT * FROM deleted_tasks WHERE user_id = 'alice'"),
    ]


async def run_as_bob(
    database: Database, statement: Statement[Any], values: dict[str, Any]
) -> Sequence[dict[str, Any]]:
    try:
        async with database.acting_as("bob") as transaction:
            rows = transaction.execute(statement, **values)
    except FeatureNotSupported:  # Citus locks and joins rows of a user who is named, and else nothing
        assert ON_CITUS
        return NOT_DONE
    return rows.all


def is_alices(row: dict[str, Any], task_ids: list[int]) -> bool:
    counters = row.get("owner_revision") == len(task_ids)  # bob's stand at another number
    ids = {row.get("id"), row.get("task_id")}
    return row.get("user_id") == "alice" or bool(ids & set(task_ids)) or counters


@pytest.fixture
def alices_traces(alices_tasks: list[int], superuser: psycopg.Connection) -> None:
    """What is left of a task that alice deleted, and a key of hers."""
    superuser.execute(
        "INSERT INTO deleted_tasks (user_id, revision, task_id, deleted_at) VALUES ('alice', 1, %s, now())",
        alices_tasks[:1],
    )
    superuser.execute(
        "INSERT INTO idempotency_keys (user_id, key, fingerprint, task_id, title, completed, created_at, revision)"
        " VALUES ('alice', 'a key', %s, %s, 'task', false, now(), 1)",
        [bytes(32), alices_tasks[0]],
    )


def test_every_statement_of_tasks_is_tried() -> None:
    tried = [statement for _, statement, _ in statements_on(1)]
    below = [statements.CREATE_TASK, statements.CREATE_NAMED_TASK, statements.NAMED_ONCE, CREATE_TASK_ONCE]
    across_owners = [
        statements.TASK_EXISTS,
        PURGE_KEYS,
        PURGE_DELETED,
    ]  # as roles of their own that can do nothing else
    known = {statement.sql for statement in (*tried, *below, *across_owners)}
    assert {statement.sql for _, statement in of_tasks()} == known


async def test_a_statement_without_its_where_reaches_nothing_of_alices(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection, alices_traces: None
) -> None:
    bobs_task = await create_task(database, "bob")
    before = alices_rows(superuser)
    for name, statement, values in statements_on(alices_tasks[0]):
        rows = await run_as_bob(database, without_owner_condition(statement), values)
        assert not any(is_alices(row, alices_tasks) for row in rows), name
        assert alices_rows(superuser) == before, name
    assert superuser.execute("SELECT id FROM tasks WHERE user_id = 'bob'").fetchall() == [(bobs_task,)]


async def test_with_row_level_security_off_a_statement_reaches_nothing_of_alices(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection, alices_traces: None
) -> None:
    await create_task(database, "bob")
    before = alices_rows(superuser)
    disable_row_level_security(superuser)
    for name, statement, values in statements_on(alices_tasks[0]):
        rows = await run_as_bob(database, statement, values)
        assert not any(is_alices(row, alices_tasks) for row in rows), name
        assert alices_rows(superuser) == before, name


async def test_with_neither_wall_every_statement_would_reach_alices_tasks(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection, alices_traces: None
) -> None:
    """The two tests above prove something: it is what was left in place that holds."""
    disable_row_level_security(superuser)
    for name, statement, values in statements_on(alices_tasks[0]):
        rows = await run_as_bob(database, without_owner_condition(statement), values)
        assert rows is NOT_DONE or any(is_alices(row, alices_tasks) for row in rows), name


async def test_bob_cannot_create_a_task_for_alice(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection
) -> None:
    before = alices_rows(superuser)
    forged = Statement(statements.CREATE_TASK.sql.replace("%(owner)s", "%(victim)s"))
    assert forged != statements.CREATE_TASK
    with pytest.raises(ForbiddenError) as refusal:
        await run_as_bob(database, forged, {"victim": "alice", **VALUES})
    assert "row-level security" in str(refusal.value.__cause__)
    assert alices_rows(superuser) == before


async def test_with_row_level_security_off_creating_still_creates_for_bob(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection
) -> None:
    before = alices_rows(superuser)
    disable_row_level_security(superuser)
    created = await run_as_bob(database, statements.CREATE_TASK, {"victim": "alice", **VALUES})
    assert created[0]["user_id"] == "bob"
    assert alices_rows(superuser) == before


async def test_without_an_identity_nobody_sees_or_changes_a_row(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection
) -> None:
    before = alices_rows(superuser)
    # Where rows are distributed, they do not even say that there are none.
    refused = pytest.raises(IdentityNotArrivedError) if ON_CITUS else nullcontext()
    with refused:
        await delete_as_nobody(database)
    assert alices_rows(superuser) == before


async def delete_as_nobody(database: Database) -> None:
    async with database.acting_as("") as transaction:
        seen = transaction.execute(Statement("SELECT id::text FROM tasks UNION ALL SELECT id FROM users"))
        deleted = transaction.execute(Statement("DELETE FROM tasks RETURNING id"))
    assert seen.all == []
    assert deleted.all == []


@ONE_SERVER
async def test_a_key_of_alices_replays_nothing_to_bob_with_either_wall_alone(
    database: Database, superuser: psycopg.Connection
) -> None:
    values = {"key": "the same", "fingerprint": bytes(32), **VALUES}
    async with database.acting_as("alice") as transaction:
        transaction.execute(CREATE_TASK_ONCE, **values)
    condition = "user_id = %(owner)s::text AND "
    assert CREATE_TASK_ONCE.sql.count(condition) == 2  # of the key, and of the uid
    without_condition = CREATE_TASK_ONCE.sql.replace(condition, "")
    (bobs,) = await run_as_bob(database, Statement(without_condition, CREATE_TASK_ONCE.constants), values)
    assert (bobs["user_id"], bobs["created"]) == ("bob", True)

    superuser.execute("DELETE FROM idempotency_keys WHERE user_id = 'bob'")
    disable_row_level_security(superuser)
    (bobs,) = await run_as_bob(database, CREATE_TASK_ONCE, values)
    assert (bobs["user_id"], bobs["created"]) == ("bob", True)


@ONE_SERVER
async def test_a_uid_of_alices_finds_nothing_for_bob_with_either_wall_alone(
    database: Database, superuser: psycopg.Connection
) -> None:
    values = {**VALUES, "uid": "the same"}
    async with database.acting_as("alice") as transaction:
        transaction.execute(statements.CREATE_NAMED_TASK, **values)
    condition = "user_id = %(owner)s::text AND "
    assert statements.CREATE_NAMED_TASK.sql.count(condition) == 1
    (bobs,) = await run_as_bob(
        database, Statement(statements.CREATE_NAMED_TASK.sql.replace(condition, "")), values
    )
    assert (bobs["user_id"], bobs["created"]) == ("bob", True)

    superuser.execute("DELETE FROM tasks WHERE user_id = 'bob'")
    disable_row_level_security(superuser)
    (bobs,) = await run_as_bob(database, statements.CREATE_NAMED_TASK, values)
    assert (bobs["user_id"], bobs["created"]) == ("bob", True)


async def test_a_task_of_alices_is_none_that_bob_names_twice_with_either_wall_alone(
    database: Database, superuser: psycopg.Connection
) -> None:
    async with database.acting_as("alice") as transaction:
        created = transaction.execute(statements.CREATE_NAMED_TASK, **{**VALUES, "uid": "hers"})
    values = {"uids": ["hers"], "uid_places": [0], "ids": [created.all[0]["id"]], "id_places": [1]}
    assert await run_as_bob(database, without_owner_condition(statements.NAMED_ONCE), values) == [{"once": 1}]
    disable_row_level_security(superuser)
    assert await run_as_bob(database, statements.NAMED_ONCE, values) == [{"once": 1}]
    with pytest.raises(ValidationFailedError):
        await run_as_bob(database, without_owner_condition(statements.NAMED_ONCE), values)


@ONE_SERVER
async def test_what_alice_deleted_is_nothing_to_bob_with_either_wall_alone(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection
) -> None:
    for task_id in alices_tasks:
        async with database.acting_as("alice") as transaction:
            transaction.execute(statements.delete_task(conditional=False), task_id=task_id)
    await create_task(database, "bob")
    values = {"since": 0, "limit": 100, "max_bytes": 2**20}
    for _, statement in feeds():
        rows = await run_as_bob(database, without_owner_condition(statement), values)
        assert [(row["owner_revision"], row["user_id"], row["deleted"]) for row in rows] == [(1, "bob", False)]
    disable_row_level_security(superuser)
    for _, statement in feeds():
        rows = await run_as_bob(database, statement, values)
        assert [(row["owner_revision"], row["user_id"], row["deleted"]) for row in rows] == [(1, "bob", False)]
        rows = await run_as_bob(database, without_owner_condition(statement), values)
        assert {row["id"] for row in rows if row["deleted"]} == set(alices_tasks), "with neither, he would see it"


@ONE_SERVER
async def test_no_day_of_alices_is_in_bobs_calendar_with_either_wall_alone(
    database: Database, superuser: psycopg.Connection
) -> None:
    for owner in ("alice", "bob"):
        async with database.acting_as(owner) as transaction:
            transaction.execute(statements.CREATE_TASK, **{**VALUES, "completed": False, "due_date": "2026-11-27"})
    values = {"after": 0, "known": "{}"}
    (bobs,) = await run_as_bob(database, without_owner_condition(READ_CALENDAR), values)
    assert bobs["user_id"] == "bob"
    disable_row_level_security(superuser)
    (bobs,) = await run_as_bob(database, READ_CALENDAR, values)
    assert bobs["user_id"] == "bob"
    rows = await run_as_bob(database, without_owner_condition(READ_CALENDAR), values)
    assert {row["user_id"] for row in rows} == {"alice", "bob"}, "with neither, he would see hers"
