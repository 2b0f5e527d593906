"""The door to user data: one identity, one transaction, and nothing left behind."""

import asyncio
import logging
import socket
import time

import psycopg
import pytest

from taskward.database.acting_as import Database
from taskward.database.compiled import Statement
from taskward.database.embedded import EmbeddedPostgres
from taskward.database.url import conninfo
from taskward.errors import DatabaseUnavailableError, ForbiddenError, ValidationFailedError
from taskward.tasks.statements import CREATE_TASK

WHO = Statement("SELECT current_user::text AS role, current_setting('app.user_id', true) AS user_id")
BACKEND = Statement("SELECT pg_backend_pid() AS pid")
SLEEP = Statement("SELECT pg_sleep(60)")
TASK = {"title": "Buy milk", "description": None, "completed": False}


def count_tasks(superuser: psycopg.Connection) -> int:
    row = superuser.execute("SELECT count(*) FROM tasks").fetchone()
    assert row is not None
    return int(row[0])


async def asleep(superuser: psycopg.Connection) -> int:
    """Wait until a statement sleeps in the database; return its backend's process id."""
    deadline = time.monotonic() + 10
    query = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    while (row := superuser.execute(query).fetchone()) is None:
        assert time.monotonic() < deadline, "the statement never reached the database"
        await asyncio.sleep(0.01)
    return int(row[0])


async def test_a_unit_acts_as_the_user_with_the_role_that_owns_nothing(database: Database) -> None:
    async with database.acting_as("alice") as unit:
        who = await unit.execute(WHO)
    assert who.all == [{"role": "taskward_app", "user_id": "alice"}]


async def test_everything_commits_together_when_the_block_ends(
    database: Database, superuser: psycopg.Connection
) -> None:
    async with database.acting_as("alice") as unit:
        first = await unit.execute(CREATE_TASK, **TASK)
        second = await unit.execute(CREATE_TASK, **TASK)
        assert count_tasks(superuser) == 0
    assert count_tasks(superuser) == 2
    transactions = superuser.execute("SELECT count(DISTINCT xmin::text) FROM tasks").fetchone()
    assert transactions == (1,)
    assert [first.all[0]["revision"], second.all[0]["revision"]] == [1, 2]


async def test_an_exception_in_the_block_commits_nothing(
    database: Database, superuser: psycopg.Connection
) -> None:
    async def fail() -> None:
        async with database.acting_as("alice") as unit:
            await unit.execute(CREATE_TASK, **TASK)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    await nothing_is_left_of_alice(database)
    assert count_tasks(superuser) == 0


async def test_a_failing_statement_takes_the_others_with_it(
    database: Database, superuser: psycopg.Connection
) -> None:
    async def create(*titles: str) -> None:
        async with database.acting_as("alice") as unit:
            for title in titles:
                await unit.execute(CREATE_TASK, **{**TASK, "title": title})

    with pytest.raises(ValidationFailedError):
        await create("Buy milk", "", "Buy bread")
    await nothing_is_left_of_alice(database)
    assert count_tasks(superuser) == 0


async def test_the_connection_keeps_neither_identity_nor_role(database: Database) -> None:
    async with database.acting_as("alice") as unit:
        before = await unit.execute(BACKEND)
    async with database._pool.connection() as connection:
        left = await (await connection.execute(WHO.sql)).fetchone()
        after = await (await connection.execute(BACKEND.sql)).fetchone()
    assert after == before.first  # it is the same connection
    assert left == {"role": "taskward", "user_id": ""}


async def test_cancelling_in_flight_loses_no_connection_and_leaves_no_identity(
    database: Database, superuser: psycopg.Connection
) -> None:
    async def dawdle() -> None:
        async with database.acting_as("alice") as unit:
            await unit.execute(SLEEP)

    for _ in range(3):  # the pool has one connection
        task = asyncio.create_task(dawdle())
        await asleep(superuser)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await nothing_is_left_of_alice(database)


async def test_a_deadline_inside_the_block_commits_nothing(
    database: Database, superuser: psycopg.Connection
) -> None:
    async def wait_for_ever() -> None:
        async with asyncio.timeout(0.05), database.acting_as("alice") as unit:
            await unit.execute(CREATE_TASK, **TASK)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await wait_for_ever()
    await nothing_is_left_of_alice(database)
    assert count_tasks(superuser) == 0


async def test_many_cancelled_at_random_moments_leave_nothing_behind(
    database: Database, superuser: psycopg.Connection
) -> None:
    async def write() -> None:
        async with database.acting_as("alice") as unit:
            await unit.execute(CREATE_TASK, **TASK)

    for number in range(40):
        task = asyncio.create_task(write())
        for _ in range(number):
            await asyncio.sleep(0)  # one turn of the loop later each time
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await nothing_is_left_of_alice(database)
    rows = superuser.execute("SELECT task_count FROM users").fetchall()
    assert rows in ([], [(count_tasks(superuser),)])


async def test_a_terminated_backend_is_unavailable_once_and_replaced(
    database: Database, superuser: psycopg.Connection
) -> None:
    async with database.acting_as("alice") as unit:
        backend = await unit.execute(BACKEND)
    superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [backend.all[0]["pid"]])
    with pytest.raises(DatabaseUnavailableError):
        await read_as(database, "alice")
    await nothing_is_left_of_alice(database)


async def test_a_backend_terminated_in_flight_is_unavailable(
    database: Database, superuser: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    async def dawdle() -> None:
        async with database.acting_as("alice") as unit:
            await unit.execute(SLEEP)

    task = asyncio.create_task(dawdle())
    superuser.execute("SELECT pg_terminate_backend(%s)", [await asleep(superuser)])
    with pytest.raises(DatabaseUnavailableError):
        await task
    assert [record.levelname for record in caplog.records if record.name == "taskward.database.faults"] == [
        "WARNING"
    ]
    await nothing_is_left_of_alice(database)


async def test_a_database_that_takes_no_connections_is_unavailable_within_seconds(
    database: Database, database_url: str, superuser: psycopg.Connection, postgres: EmbeddedPostgres
) -> None:
    name = superuser.info.dbname
    with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as elsewhere:
        elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        terminate = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        elsewhere.execute(terminate, [name])
    for _ in range(2):  # the lost connection, then none at all
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            await read_as(database, "alice")
        assert time.monotonic() - started < 4


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid", "%2Fno%2Fsuch%2Ffolder"])
async def test_a_database_that_is_not_there_is_unavailable(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskward.database.acting_as.START_SECONDS", 0.3)
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        away = Database(conninfo(f"postgresql://{host}:{port}/tasks"), pool_size=1, max_overflow=0)
        with pytest.raises(DatabaseUnavailableError):
            await away.open()


async def test_a_refusal_by_the_database_is_forbidden_and_logged(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ForbiddenError):
        async with database.acting_as("bob") as unit:
            await unit.execute(Statement("INSERT INTO tasks (user_id, title) VALUES ('alice', 'Hello')"))
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "row-level security" in record.getMessage()


async def test_a_mistake_of_ours_is_not_dressed_up(database: Database) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        async with database.acting_as("alice") as unit:
            await unit.execute(Statement("SELECT * FROM no_such_table"))
    await nothing_is_left_of_alice(database)


async def read_as(database: Database, user_id: str) -> None:
    async with database.acting_as(user_id) as unit:
        await unit.execute(WHO)


async def nothing_is_left_of_alice(database: Database) -> None:
    """The pool still has its connection, and bob is bob on it."""
    async with database.acting_as("bob") as unit:
        who = await unit.execute(WHO)
        seen = await unit.execute(Statement("SELECT user_id FROM tasks"))
    assert who.all == [{"role": "taskward_app", "user_id": "bob"}]
    assert seen.all == []
