"""A transaction for somebody who may only read: PostgreSQL refuses whatever writes, and forgets it afterwards."""

import asyncio

import psycopg
import pytest
from psycopg import errors as postgres

from taskward.accounts.personal_token_statements import LOCK_USER, MAKE_USER
from taskward.accounts.statements import READ_ACCOUNT
from taskward.database import transaction
from taskward.database.driver.statement import Effect, Statement
from taskward.database.startup_check import IsolationError, check_isolation
from taskward.database.transaction import IDENTITY, Database
from taskward.errors import DatabaseUnavailableError, ScopeMissingError
from taskward.features import TABLES
from taskward.tasks.statements import READ_TASK
from tests.database.conftest import create_task
from tests.database.statements import of_tasks
from tests.database.transactions import BACKEND
from tests.tasks.fields import new_values

pytestmark = pytest.mark.quick

ONLY_READS = Statement("SELECT current_setting('transaction_read_only') AS value", effect=Effect.READ_ONLY)
SLOWLY = Statement(
    "SELECT current_setting('transaction_read_only') AS value, pg_sleep(0.05)::text", effect=Effect.READ_ONLY
)
UNDOING = (
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SET LOCAL transaction_read_only = off",
    "SET TRANSACTION READ WRITE",
)
VALUES = new_values(title="x") | {
    "task_id": 1, "expected": [1], "key": "k", "fingerprint": bytes(32), "uid": "u",
}  # fmt: skip


def writes() -> list[tuple[str, Statement]]:
    """Every statement of tasks that writes or locks, of those that change several fields only some."""
    found = [(name, statement) for name, statement in of_tasks() if statement.effect != Effect.READ_ONLY]
    purges = {"PURGE_KEYS", "PURGE_DELETED"}
    return [*(each for each in found if each[0] not in purges), ("make", MAKE_USER), ("lock", LOCK_USER)]


async def test_every_statement_that_writes_is_refused(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection
) -> None:
    before = superuser.execute("SELECT * FROM tasks ORDER BY id").fetchall()
    tried = writes()
    assert len(tried) > 20
    for name, statement in tried:
        for task_id in (alices_tasks[0], 999_999):  # also where there is nothing to write
            with pytest.raises(ScopeMissingError) as refusal:
                async with database.acting_as("alice", only_reads=True) as acting:
                    acting.execute(statement, **{**VALUES, "task_id": task_id})
            assert isinstance(refusal.value.__cause__, postgres.ReadOnlySqlTransaction), name
    assert superuser.execute("SELECT * FROM tasks ORDER BY id").fetchall() == before


@pytest.mark.parametrize("undoing", UNDOING)
async def test_no_statement_undoes_it(database: Database, undoing: str) -> None:
    with pytest.raises(DatabaseUnavailableError) as refusal:
        async with database.acting_as("alice", only_reads=True) as acting:
            acting.execute(Statement(undoing))
    assert isinstance(refusal.value.__cause__, postgres.ActiveSqlTransaction)  # 25001


async def test_nothing_of_it_is_left_on_the_connection(database: Database) -> None:
    async with database.acting_as("alice") as acting:
        before = acting.execute(BACKEND)
    with pytest.raises(ScopeMissingError):
        async with database.acting_as("alice", only_reads=True) as acting:
            acting.execute(MAKE_USER)
    async with database.acting_as("alice", only_reads=True) as acting:
        held = acting.execute(ONLY_READS)
    await create_task(database, "alice")
    async with database.acting_as("alice") as acting:
        after, free = acting.execute(BACKEND), acting.execute(ONLY_READS)
    assert [held.all, free.all] == [[{"value": "on"}], [{"value": "off"}]]
    assert before.all == after.all, "and the connection was kept: this server is no standby"


async def test_another_role_in_the_same_transaction_reads_only_as_well(database: Database) -> None:
    acting = database.acting_as("alice", only_reads=True)
    acting.identify("taskward_accounts")
    acting.execute(READ_ACCOUNT)
    acting.identify()
    acting.execute(MAKE_USER)
    with pytest.raises(ScopeMissingError):
        async with acting:
            pass


async def test_transactions_that_travel_together_each_keep_their_own(database: Database) -> None:
    """The database of these tests has one connection: all that wait for it leave in one packet."""

    async def ask(user: str, only_reads: bool) -> object:
        async with database.acting_as(user, only_reads=only_reads) as acting:
            found = acting.execute(SLOWLY if user == "user 0" else ONLY_READS)
        return found.all[0]["value"]

    for first in (True, False):
        asked = [(f"user {number}", (number % 3 == 0) is first) for number in range(20)]
        found = await asyncio.gather(*(ask(*each) for each in asked))
        assert found == ["on" if only_reads else "off" for _, only_reads in asked]


async def test_a_standby_is_still_one_and_its_connection_is_closed(
    database: Database, superuser: psycopg.Connection
) -> None:
    superuser.execute(f"ALTER DATABASE {superuser.info.dbname} SET default_transaction_read_only = on")
    async with database.acting_as("alice") as acting:
        standby = acting.execute(BACKEND)
    with pytest.raises(ScopeMissingError):
        async with database.acting_as("alice", only_reads=True) as acting:
            acting.execute(MAKE_USER)
    async with database.acting_as("alice") as acting:
        kept = acting.execute(BACKEND)
    assert kept.all == standby.all
    with pytest.raises(DatabaseUnavailableError):
        async with database.acting_as("alice") as acting:
            acting.execute(MAKE_USER)
    async with database.acting_as("alice") as acting:
        closed = acting.execute(BACKEND)
    assert closed.all != standby.all


async def test_the_startup_check_tells_when_it_is_not_held(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await check_isolation(database, TABLES)
    monkeypatch.setattr(transaction, "READ_ONLY_IDENTITY", IDENTITY)
    with pytest.raises(IsolationError, match="a transaction that may only read may write"):
        await check_isolation(database, TABLES)


async def test_reading_goes_on(database: Database, alices_tasks: list[int]) -> None:
    async with database.acting_as("alice", only_reads=True) as acting:
        found = acting.execute(READ_TASK, task_id=alices_tasks[0])
    assert found.all[0]["id"] == alices_tasks[0]
