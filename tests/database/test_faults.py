"""What the driver raises, told as what the caller is told."""

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
from taskward.errors import DatabaseUnavailableError, ForbiddenError
from tests.database.units import BACKEND, asleep, dawdle, nothing_is_left_of_alice, read_as


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
    task = asyncio.create_task(dawdle(database))
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
