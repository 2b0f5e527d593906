"""One order of locks for all, so that no two transactions wait for each other: first the user, then a task."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import comb
from typing import Any

import psycopg
import pytest

from taskward.accounts.statements import PURGE_TOKENS
from taskward.database.driver.statement import Statement
from taskward.database.purge import GIVE_WAY, Purge
from taskward.database.transaction import Database
from taskward.database.url import conninfo
from taskward.tasks.batch import begin
from taskward.tasks.idempotency import key_purge
from tests.accounts.deleting import SLOW_TO_GIVE_UP
from tests.database.conftest import create_task
from tests.database.statements import FIELDS, of_tasks
from tests.database.transactions import waiting_for
from tests.tasks.fields import new_values

VALUES = new_values(completed=True) | {"expected": list(range(1000))}

OLD_KEYS = """
    INSERT INTO users (id) VALUES ('bob');
    INSERT INTO idempotency_keys
    SELECT 'bob', n, sha256(''), now() - interval '2 days', n, 'title', NULL, false, now(), n
      FROM generate_series(1, 2) AS n
"""
OLD_TOKENS = """
    INSERT INTO accounts (id, email, password_hash) VALUES ('usr_' || repeat('a', 28), 'bob@example.com', '');
    INSERT INTO refresh_tokens (family_hash, account_id, current_hash, expires_at)
    SELECT sha256(n::text::bytea), id, sha256(''), now() - interval '1 day'
      FROM accounts, generate_series(1, 2) AS n
"""
IN_A_SECOND = replace(
    GIVE_WAY,
    sql=GIVE_WAY.sql.replace("100ms", "1s"),
    distributed=tuple(replace(each, sql=each.sql.replace("100ms", "1s")) for each in GIVE_WAY.distributed),
)
DELETE_KEY = "DELETE FROM idempotency_keys WHERE user_id = 'bob' AND key = '{}'"
DELETE_TOKEN = "DELETE FROM refresh_tokens WHERE family_hash = sha256('{}')"


async def run_as_alice(database: Database, statement: Statement, task_id: int) -> Sequence[dict[str, Any]]:
    async with database.acting_as("alice") as transaction:
        changed = transaction.execute(statement, task_id=task_id, **VALUES)
    return changed.all


def changes() -> Iterator[tuple[str, Statement]]:
    """Every statement that changes or deletes a task that is there."""
    for name, statement in of_tasks():
        if statement.sql.lstrip().startswith(("UPDATE tasks", "DELETE FROM tasks")):
            yield name, statement


def test_there_are_as_many_changes_as_are_known() -> None:
    updates = len(FIELDS) + comb(len(FIELDS), 2) + 1  # one field, two, all
    assert len(list(changes())) == 2 * (updates + 1 + 1)  # conditional or not; a flip, a deletion


async def test_no_change_of_a_task_locks_it_before_its_user(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection
) -> None:
    for name, statement in changes():
        task_id = await create_task(database, "alice")
        with superuser.transaction():
            superuser.execute("SELECT FROM users WHERE id = 'alice' FOR UPDATE")
            change = asyncio.create_task(run_as_alice(database, statement, task_id))
            await waiting_for(superuser, "transactionid")
            superuser.execute("SELECT FROM tasks WHERE user_id = 'alice' FOR UPDATE NOWAIT")
        assert len(await change) == 1, name


async def test_a_batch_locks_its_user_before_any_task(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection
) -> None:
    operations: list[Any] = [
        {"do": "update", "id": alices_tasks[0], "task": {"title": "x"}},
        {"do": "delete", "id": alices_tasks[1]},
    ]

    async def run() -> None:
        async with database.acting_as("alice") as transaction:
            begin(transaction, operations)

    with superuser.transaction():
        superuser.execute("SELECT FROM users WHERE id = 'alice' FOR UPDATE")
        batch = asyncio.create_task(run())
        await waiting_for(superuser, "transactionid")
        superuser.execute("SELECT FROM tasks WHERE user_id = 'alice' FOR UPDATE NOWAIT")
    await batch


async def test_a_change_that_finds_no_task_waits_for_nobody(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection
) -> None:
    with superuser.transaction():
        superuser.execute("SELECT FROM users WHERE id = 'alice' FOR UPDATE")
        for name, statement in changes():
            assert await run_as_alice(database, statement, max(alices_tasks) + 1) == [], name


def token_purge(database: Database) -> Purge:
    return Purge("refresh tokens", database, PURGE_TOKENS, of_accounts=True)


@pytest.mark.parametrize(
    ("purge_of", "old_rows", "delete"),
    [(key_purge, OLD_KEYS, DELETE_KEY), (token_purge, OLD_TOKENS, DELETE_TOKEN)],
    ids=["keys", "tokens"],
)
async def test_a_purge_gives_way_to_a_deletion_that_has_the_other_order(
    database_url: str,
    superuser: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    purge_of: Callable[[Database], Purge],
    old_rows: str,
    delete: str,
) -> None:
    monkeypatch.setattr("taskward.database.transaction.IDENTITY", SLOW_TO_GIVE_UP)
    monkeypatch.setattr("taskward.database.purge.GIVE_WAY", IN_A_SECOND)  # so that it can be seen to wait
    superuser.execute(f"ALTER DATABASE {superuser.info.dbname} SET deadlock_timeout = '15s'")
    superuser.execute("SET deadlock_timeout = '5s'")  # were there a deadlock, the deletion would be its victim
    superuser.execute(old_rows.encode())
    database = Database(
        conninfo(database_url), pool_size=1, max_overflow=0, timeout=20, precondition=Database.find_engine
    )
    with superuser.transaction():
        superuser.execute(delete.format(2).encode())
        purging = asyncio.create_task(purge_of(database).purge())
        await waiting_for(superuser, "transactionid")  # it has the first row, and wants the second
        superuser.execute(delete.format(1).encode())
    await purging
    await database.close()
