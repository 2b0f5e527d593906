"""The only way to user data: one identity, one transaction, and nothing left behind."""

import asyncio

import psycopg
import pytest

from taskward.database.transaction import Database, MissingParameterError
from taskward.errors import ValidationFailedError
from taskward.tasks.statements import CREATE_TASK
from tests.books import check_books
from tests.citus.cluster import one_server
from tests.database.transactions import BACKEND, WHO, asleep, dawdle, nothing_is_left_of_alice
from tests.tasks.fields import new_values

pytestmark = pytest.mark.quick

TASK = new_values()


def count_tasks(superuser: psycopg.Connection) -> int:
    row = superuser.execute("SELECT count(*) FROM tasks").fetchone()
    assert row is not None
    return int(row[0])


async def test_a_unit_acts_as_the_user_with_the_role_that_owns_nothing(database: Database) -> None:
    async with database.acting_as("alice") as transaction:
        who = transaction.execute(WHO)
    assert who.all == [{"role": "taskward_app", "user_id": "alice"}]


async def test_everything_commits_together_when_the_block_ends(
    database: Database, superuser: psycopg.Connection
) -> None:
    async with database.acting_as("alice") as transaction:
        first = transaction.execute(CREATE_TASK, **TASK)
        second = transaction.execute(CREATE_TASK, **TASK)
        assert count_tasks(superuser) == 0
    assert count_tasks(superuser) == 2
    transactions = superuser.execute("SELECT count(DISTINCT xmin::text) FROM tasks").fetchone()
    assert transactions == (1,)
    assert [first.all[0]["revision"], second.all[0]["revision"]] == [1, 2]


async def test_an_exception_in_the_block_commits_nothing(
    database: Database, superuser: psycopg.Connection
) -> None:
    async def fail() -> None:
        async with database.acting_as("alice") as transaction:
            transaction.execute(CREATE_TASK, **TASK)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    await nothing_is_left_of_alice(database)
    assert count_tasks(superuser) == 0


async def test_a_statement_without_a_parameter_is_refused_where_it_is_executed(
    database: Database, superuser: psycopg.Connection
) -> None:
    async with database.acting_as("alice") as transaction:
        with pytest.raises(
            MissingParameterError, match=r"^missing parameters: uid, title, completed, .*: INSERT INTO tasks \("
        ):
            transaction.execute(CREATE_TASK, description="Two litres")
        transaction.execute(CREATE_TASK, **TASK)  # nothing of the other one was collected
    assert count_tasks(superuser) == 1


async def test_a_failing_statement_takes_the_others_with_it(
    database: Database, superuser: psycopg.Connection
) -> None:
    async def create(*titles: str) -> None:
        async with database.acting_as("alice") as transaction:
            for title in titles:
                transaction.execute(CREATE_TASK, **{**TASK, "title": title})

    with pytest.raises(ValidationFailedError):
        await create("Buy milk", "", "Buy bread")
    await nothing_is_left_of_alice(database)
    assert count_tasks(superuser) == 0


@one_server("where a server does not commit, the coordinator says that and no more: 503")
async def test_a_commit_that_fails_is_told_as_what_it_failed_with(
    database: Database, superuser: psycopg.Connection
) -> None:
    superuser.execute("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE check_violation; END $$;
        CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON tasks DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse();
    """)

    async def create() -> None:
        async with database.acting_as("alice") as transaction:
            transaction.execute(CREATE_TASK, **TASK)

    for _ in range(2):  # the connection goes on
        with pytest.raises(ValidationFailedError):
            await create()
    await nothing_is_left_of_alice(database)
    assert count_tasks(superuser) == 0


async def test_the_connection_keeps_neither_identity_nor_role(database: Database) -> None:
    async with database.acting_as("alice") as transaction:
        before = transaction.execute(BACKEND)
    connection = await database.pool.acquire()
    left, after = await connection.exchange([(WHO, {}), (BACKEND, {})])
    database.pool.release(connection)
    assert after == before.all  # it is the same connection
    assert left == [{"role": "taskward", "user_id": ""}]


async def test_cancelling_in_flight_loses_no_connection_and_leaves_no_identity(
    database: Database, superuser: psycopg.Connection
) -> None:
    for _ in range(3):  # the pool has one connection
        task = asyncio.create_task(dawdle(database))
        await asleep(superuser)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await nothing_is_left_of_alice(database)


async def test_a_deadline_inside_the_block_commits_nothing(
    database: Database, superuser: psycopg.Connection
) -> None:
    async def wait_for_ever() -> None:
        async with asyncio.timeout(0.05), database.acting_as("alice") as transaction:
            transaction.execute(CREATE_TASK, **TASK)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await wait_for_ever()
    await nothing_is_left_of_alice(database)
    assert count_tasks(superuser) == 0


async def test_many_cancelled_at_random_moments_leave_nothing_behind(
    database: Database, superuser: psycopg.Connection
) -> None:
    async def write() -> None:
        async with database.acting_as("alice") as transaction:
            transaction.execute(CREATE_TASK, **TASK)

    for number in range(40):
        task = asyncio.create_task(write())
        for _ in range(number):
            await asyncio.sleep(0)  # one turn of the loop later each time
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await nothing_is_left_of_alice(database)
    check_books(superuser)
