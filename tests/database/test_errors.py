"""What the driver raises, told as what the client is told."""

import asyncio
import logging
import socket
from contextlib import nullcontext
from functools import partial

import psycopg
import pytest

from taskward.database.driver.statement import Statement
from taskward.database.errors import AlreadyThereError, LockTimeoutError
from taskward.database.startup_check import check_isolation
from taskward.database.transaction import Database
from taskward.database.url import conninfo
from taskward.embedded.server import EmbeddedPostgres
from taskward.errors import DatabaseUnavailableError, ForbiddenError, ValidationFailedError
from taskward.features import TABLES
from taskward.tasks.statements import CREATE_TASK
from tests.database.transactions import BACKEND, asleep, dawdle, nothing_is_left_of_alice, read_as
from tests.embedded.dead_server import DeadServer
from tests.loop_time import LoopTime
from tests.tasks.fields import new_values


async def test_a_connection_that_the_server_closed_is_replaced_without_an_error(
    database: Database, superuser: psycopg.Connection
) -> None:
    for _ in range(20):
        await terminate_idle(database, superuser)
        await seen(database)
        async with database.acting_as("alice") as transaction:
            transaction.execute(CREATE_TASK, **new_values())
    assert superuser.execute("SELECT count(*) FROM tasks").fetchone() == (20,)


async def test_a_read_is_repeated_on_a_new_connection(database: Database, superuser: psycopg.Connection) -> None:
    for _ in range(20):
        await terminate_idle(database, superuser)
        await read_as(database, "alice")  # before the loop could see it


async def test_a_write_whose_connection_is_lost_is_not_repeated(
    database: Database, superuser: psycopg.Connection
) -> None:
    await terminate_idle(database, superuser)
    with pytest.raises(DatabaseUnavailableError):
        async with database.acting_as("alice") as transaction:
            transaction.execute(CREATE_TASK, **new_values())
    await nothing_is_left_of_alice(database)


async def seen(database: Database) -> None:
    """Wait until the event loop has seen that the server hung up."""
    async with asyncio.timeout(10):
        while database.pool._idle[0][0].usable:  # noqa: ASYNC110, SLF001  # there is no other sign of it
            await asyncio.sleep(0)  # a turn of the loop is what is waited for


async def terminate_idle(database: Database, superuser: psycopg.Connection) -> None:
    """End the connection that rests in the pool, and come back without a turn of the event loop."""
    async with database.acting_as("alice") as transaction:
        backend = transaction.execute(BACKEND)
    superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [backend.all[0]["pid"]])


async def test_a_backend_terminated_in_flight_is_unavailable(
    database: Database, superuser: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    task = asyncio.create_task(dawdle(database))
    superuser.execute("SELECT pg_terminate_backend(%s)", [await asleep(superuser)])
    with pytest.raises(DatabaseUnavailableError):
        await task
    assert [record.levelname for record in caplog.records if record.name == "taskward.database.errors"] == [
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
        async with LoopTime() as passed:
            with pytest.raises(DatabaseUnavailableError):
                await read_as(database, "alice")
        assert passed.now < 2.5


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid", "%2Fno%2Fsuch%2Ffolder"])
async def test_a_database_that_is_not_there_is_unavailable(host: str) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        away = Database(conninfo(f"postgresql://{host}:{port}/tasks"), pool_size=1, max_overflow=0)
        async with LoopTime() as passed:
            with pytest.raises(DatabaseUnavailableError):
                await read_as(away, "alice")
        assert passed.now < 2.5
        await away.close()


async def test_a_refusal_by_the_database_is_forbidden_and_logged(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ForbiddenError):
        async with database.acting_as("bob") as transaction:
            transaction.execute(Statement("INSERT INTO tasks (user_id, title) VALUES ('alice', 'Hello')"))
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "row-level security" in record.getMessage()


ANSWERS: dict[str, type[Exception]] = {
    "08006": DatabaseUnavailableError,
    "22001": ValidationFailedError,
    "22003": ValidationFailedError,
    "23502": ValidationFailedError,
    "23505": AlreadyThereError,
    "23514": ValidationFailedError,
    "25006": DatabaseUnavailableError,
    "40001": DatabaseUnavailableError,
    "40P01": LockTimeoutError,
    "42501": ForbiddenError,
    "53100": DatabaseUnavailableError,
    "53200": DatabaseUnavailableError,
    "53300": DatabaseUnavailableError,
    "55P03": LockTimeoutError,
    "57014": DatabaseUnavailableError,
    "57P01": DatabaseUnavailableError,
    "57P03": DatabaseUnavailableError,
    "58030": DatabaseUnavailableError,
    "XX001": DatabaseUnavailableError,
}


@pytest.mark.parametrize("code", ANSWERS)
async def test_every_code_has_its_answer(database: Database, superuser: psycopg.Connection, code: str) -> None:
    superuser.execute(f"""
        CREATE FUNCTION fail() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '{code}'; END $$
    """)
    with pytest.raises(ANSWERS[code]) as answer:
        async with database.acting_as("alice") as transaction:
            transaction.execute(Statement("SELECT fail()"))
    assert type(answer.value) is ANSWERS[code]
    await nothing_is_left_of_alice(database)


@pytest.mark.parametrize("code", ["40001", "40P01"])
@pytest.mark.parametrize(("failures", "attempts"), [(1, 2), (2, 3), (3, 3)])
async def test_what_was_rolled_back_is_tried_again_twice_at_most(
    database: Database, superuser: psycopg.Connection, code: str, failures: int, attempts: int
) -> None:
    superuser.execute("CREATE SEQUENCE attempts")  # counts on through rollbacks
    superuser.execute("GRANT ALL ON SEQUENCE attempts TO taskward_app")
    superuser.execute(f"""
        CREATE FUNCTION fail() RETURNS int LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('attempts') <= {failures} THEN RAISE SQLSTATE '{code}'; END IF;
            RETURN 1;
        END $$
    """)
    with pytest.raises(DatabaseUnavailableError) if failures == attempts else nullcontext():
        async with database.acting_as("alice") as transaction:
            transaction.execute(Statement("SELECT fail()"))
    assert superuser.execute("SELECT last_value FROM attempts").fetchone() == (attempts,)


async def test_all_who_wait_for_the_first_look_at_the_walls_are_told_in_time() -> None:
    async with DeadServer(silent=True) as server:
        database = Database(
            conninfo(server.url),
            pool_size=2,
            max_overflow=0,
            timeout=1,
            precondition=partial(check_isolation, tables=TABLES),
        )
        async with LoopTime() as passed:
            transactions = (read_as(database, "alice") for _ in range(50))
            answers = await asyncio.gather(*transactions, return_exceptions=True)
        assert {type(answer) for answer in answers} == {DatabaseUnavailableError}
        assert passed.now < 2
        await database.close()


async def test_a_mistake_of_ours_is_not_dressed_up(database: Database) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        async with database.acting_as("alice") as transaction:
            transaction.execute(Statement("SELECT * FROM no_such_table"))
    await nothing_is_left_of_alice(database)
