"""Reads of the same moment: one packet, and still each its own transaction, identity and error."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from taskward.database.driver.connection import Connection
from taskward.database.driver.exchange import Command, ConnectionLostError, PendingTransaction
from taskward.database.driver.read_batches import MOST
from taskward.database.driver.statement import Effect, Statement
from taskward.database.transaction import Database
from taskward.database.url import conninfo
from taskward.errors import DatabaseUnavailableError, ValidationFailedError
from tests.database.conftest import create_task
from tests.database.driver.test_pool import turns
from tests.database.transactions import WHO, backend_that_waits, read_as, waiting_for
from tests.loop_time import LoopTime
from tests.tasks.wire import CountingProxy

ECHO = Statement("SELECT %(text)s::text AS text", effect=Effect.READ_ONLY)
ONE = Statement("SELECT 1 AS number", effect=Effect.READ_ONLY)
DIVIDE = Statement("SELECT 1 / %(by)s::int AS number", effect=Effect.READ_ONLY)
BACKEND = Statement("SELECT pg_backend_pid() AS pid", effect=Effect.READ_ONLY)
SLEEP = Statement("SELECT pg_sleep(60)", effect=Effect.READ_ONLY)
NOTES = Statement("SELECT * FROM notes", effect=Effect.READ_ONLY)
READING_WHO = Statement("SELECT current_setting('app.user_id', true) AS user_id", effect=Effect.READ_ONLY)
WRITING_WHO = Statement("SELECT current_setting('app.user_id', true) AS user_id")
TITLES = Statement("SELECT user_id, title FROM tasks", effect=Effect.READ_ONLY)
WAIT = Statement("SELECT pg_advisory_xact_lock_shared(1)::text AS lock", effect=Effect.READ_ONLY)
MAY_WAIT = "GRANT EXECUTE ON FUNCTION pg_advisory_xact_lock_shared(bigint) TO taskward_app"
LOCKING = Statement("SELECT 1 AS number", effect=Effect.IDEMPOTENT)


@pytest.fixture
async def counted(database_url: str, wire: CountingProxy) -> AsyncIterator[Database]:
    """The database by one connection, whose round trips are counted."""
    database = Database(make_conninfo(conninfo(database_url), host=wire.folder), pool_size=1, max_overflow=0)
    yield database
    await database.close()


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    opened = await Connection.connect(conninfo(database_url))
    yield opened
    opened.close()


async def rows_of(database: Database, user_id: str, statement: Statement, **values: object) -> Sequence[object]:
    async with database.acting_as(user_id) as transaction:
        found = transaction.execute(statement, **values)
    return [tuple(row.values()) for row in found.all]


async def test_reads_of_the_same_moment_are_one_round_trip_and_each_sees_its_own(
    counted: Database, wire: CountingProxy
) -> None:
    users = [f"alice-{number}" for number in range(MOST)]
    for user in users:
        await create_task(counted, user)
    before = wire.round_trips
    seen = await asyncio.gather(*(rows_of(counted, user, TITLES) for user in users))
    assert seen == [[(user, f"Task of {user}")] for user in users]
    assert wire.round_trips - before == 1


async def test_no_packet_has_more_than_its_share(counted: Database, wire: CountingProxy) -> None:
    await read_as(counted, "alice")
    before = wire.round_trips
    await asyncio.gather(*(read_as(counted, "alice") for _ in range(3 * MOST + 1)))
    assert wire.round_trips - before == 4


async def test_what_waits_for_locks_travels_alone(counted: Database, wire: CountingProxy) -> None:
    await read_as(counted, "alice")
    before = wire.round_trips
    await asyncio.gather(*(rows_of(counted, "alice", LOCKING) for _ in range(4)))
    assert wire.round_trips - before == 4


async def test_one_that_fails_does_not_touch_the_others(database: Database) -> None:
    for _ in range(2):  # the second time, everything is prepared
        outcomes = await asyncio.gather(
            rows_of(database, "alice", WHO),
            rows_of(database, "bob", DIVIDE, by=0),
            rows_of(database, "bob", ECHO, text="a\0b"),  # nothing of it can be sent
            rows_of(database, "charlie", WHO),
            return_exceptions=True,
        )
        assert outcomes[0] == [("taskward_app", "alice")]
        assert isinstance(outcomes[1], ValidationFailedError)
        assert isinstance(outcomes[2], ValidationFailedError)
        assert outcomes[3] == [("taskward_app", "charlie")]


async def test_each_transaction_has_its_own_outcome_as_if_it_were_alone(
    connection: Connection,
) -> None:
    failing = [(ONE, {}), (DIVIDE, {"by": 0}), (BACKEND, {})]
    for _ in range(3):
        transactions = [
            PendingTransaction(failing),
            PendingTransaction([(BACKEND, {})]),
            PendingTransaction([]),
            PendingTransaction([(DIVIDE, {"by": 1}), (ONE, {})]),
        ]
        await connection.exchange_all(transactions)
        outcomes = [transaction.answer.result() for transaction in transactions]
        assert isinstance(outcomes[0], psycopg.errors.DivisionByZero)
        assert outcomes[1] == await connection.exchange([(BACKEND, {})]), "prepared in the transaction that failed"
        assert outcomes[2] == []
        assert outcomes[3] == [[{"number": 1}], [{"number": 1}]]
        assert connection.usable


async def test_each_is_answered_when_it_has_ended(connection: Connection) -> None:
    first, second = PendingTransaction([(ONE, {})]), PendingTransaction([(SLEEP, {})])
    exchange = asyncio.create_task(connection.exchange_all([first, second]))
    assert await first.outcome() == [[{"number": 1}]]
    assert not second.answer.done()
    exchange.cancel()
    await asyncio.gather(exchange, return_exceptions=True)
    assert not connection.usable


async def test_what_one_would_have_prepared_is_prepared_though_one_after_the_other_fails(
    connection: Connection, superuser: psycopg.Connection
) -> None:
    superuser.execute("CREATE TABLE notes (note text)")
    superuser.execute("GRANT ALL ON notes TO taskward")
    short: Command = (Statement("SELECT set_config('lock_timeout', '100ms', true) AS timeout"), {})
    transactions = [PendingTransaction([short, (NOTES, {})]) for _ in range(3)]
    with superuser.transaction():
        superuser.execute("LOCK notes")  # so that not even preparing is possible
        await connection.exchange_all(transactions)
    outcomes = [transaction.answer.result() for transaction in transactions]
    assert [type(outcome) for outcome in outcomes] == [psycopg.errors.LockNotAvailable] * 3
    assert (await connection.exchange([(NOTES, {})])) == [[]]


async def test_answers_that_are_not_those_to_what_was_sent_end_the_connection(connection: Connection) -> None:
    transactions = [PendingTransaction([(ONE, {})]), PendingTransaction([(ECHO, {"text": "bob's"})])]
    exchange = asyncio.create_task(connection.exchange_all(transactions))
    await asyncio.sleep(0)
    pending = connection._pending  # noqa: SLF001
    assert pending is not None
    pending.in_flight.rotate()  # as if the server had mixed them up
    transactions[1].commands = [(ONE, {}), (ONE, {})]
    await exchange
    assert [type(transaction.answer.result()) for transaction in transactions] == [ConnectionLostError] * 2
    assert not connection.usable


async def test_who_comes_first_is_served_first(database: Database) -> None:
    held = await database.pool.acquire()
    served: list[str] = []

    async def ask(name: str, statement: Statement) -> None:
        await rows_of(database, "alice", statement)
        served.append(name)

    reads = [asyncio.create_task(ask("read", ONE)) for _ in range(2 * MOST)]
    await asyncio.sleep(0)
    write = asyncio.create_task(ask("write", LOCKING))
    for _ in range(3):
        await asyncio.sleep(0)
    assert database.waiting == 2 * MOST + 1
    database.pool.release(held)
    await asyncio.gather(write, *reads)
    assert served == ["read"] * 2 * MOST + ["write"]


async def test_who_waits_behind_a_slow_read_is_sent_again(
    database_url: str, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "taskward.database.driver.read_batches.DELAYED", 0.01
    )  # of much time: the slow one must not run out of it
    database = Database(conninfo(database_url), pool_size=2, max_overflow=0, timeout=30)
    await read_as(database, "alice")
    superuser.execute(MAY_WAIT)
    superuser.execute("SELECT pg_advisory_lock(1)")
    slow = asyncio.create_task(rows_of(database, "alice", WAIT))
    behind = [asyncio.create_task(rows_of(database, "bob", WHO)) for _ in range(3)]
    assert await asyncio.gather(*behind) == [[("taskward_app", "bob")]] * 3
    assert not slow.done()
    superuser.execute("SELECT pg_advisory_unlock(1)")
    assert await slow == [("",)]
    await database.close()


@pytest.mark.parametrize("pooler", ["known by its name", "found out"])
async def test_behind_a_pooler_every_read_is_a_packet_of_its_own(database_url: str, pooler: str) -> None:
    """Some take the end of the first transaction for the end of all, and give the rest to others."""
    server = parse_qs(urlsplit(database_url).query)["host"][0]
    named = pooler == "known by its name"
    async with CountingProxy(server, name="a-pooler." if named else "", hides_server=not named) as proxy:
        database = Database(make_conninfo(conninfo(database_url), host=proxy.folder), pool_size=2, max_overflow=0)
        await read_as(database, "alice")
        before = proxy.round_trips
        users = [f"alice-{number}" for number in range(50)]
        seen = await asyncio.gather(*(rows_of(database, user, WHO) for user in users))
        assert seen == [[("taskward_app", user)] for user in users]
        assert proxy.round_trips - before >= 50
        assert proxy.most_under_way == 1
        await database.close()


@pytest.mark.parametrize("statement", [READING_WHO, WRITING_WHO], ids=["together", "alone"])
async def test_answers_that_a_pooler_mixes_up_are_given_to_nobody(
    database_url: str, wire: CountingProxy, statement: Statement
) -> None:
    address = make_conninfo(conninfo(database_url), host=wire.folder)
    databases = [Database(address, pool_size=1, max_overflow=0, timeout=1) for _ in range(2)]
    users = ["alice", "bob"]
    for _ in range(2):  # the second time, everything is prepared
        seen = [await rows_of(database, user, statement) for database, user in zip(databases, users, strict=True)]
        assert seen == [[(user,)] for user in users]
    wire.mixes_up = True
    outcomes = await asyncio.gather(
        *(rows_of(database, user, statement) for database, user in zip(databases, users, strict=True)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailableError] * 2
    for database in databases:
        await database.close()


async def test_who_waits_when_the_service_stops_is_told_at_once(database: Database) -> None:
    held = await database.pool.acquire()
    readers = [asyncio.create_task(rows_of(database, "alice", WHO)) for _ in range(MOST + 1)]
    for _ in range(3):
        await asyncio.sleep(0)
    async with LoopTime() as passed:
        await database.close()
        outcomes = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailableError] * (MOST + 1)
    assert passed.now < 1
    database.pool.release(held)


async def test_who_gives_up_takes_nobody_along(database: Database) -> None:
    await read_as(database, "alice")
    for steps in range(6):
        readers = [asyncio.create_task(rows_of(database, "alice", WHO)) for _ in range(4)]
        for _ in range(steps):
            await asyncio.sleep(0)
        readers[0].cancel()
        first, *others = await asyncio.gather(*readers, return_exceptions=True)
        assert isinstance(first, asyncio.CancelledError) or first == [("taskward_app", "alice")]
        assert others == [[("taskward_app", "alice")]] * 3
    assert database.pool.in_use == 0


async def test_what_nobody_waits_for_any_more_is_not_sent(database: Database) -> None:
    held = await database.pool.acquire()
    given_up = asyncio.create_task(rows_of(database, "alice", SLEEP))
    reader = asyncio.create_task(rows_of(database, "bob", WHO))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    database.pool.release(held)
    assert await reader == [("taskward_app", "bob")]


async def test_those_who_all_gave_up_leave_no_connection_behind(
    database_url: str, superuser: psycopg.Connection
) -> None:
    address = make_conninfo(conninfo(database_url), options="-c statement_timeout=0")
    database = Database(address, pool_size=1, max_overflow=0, timeout=0.2)
    database.statement_timeout = "0"  # a server that does not even notice its own limit
    for _ in range(3):
        outcomes = await asyncio.gather(
            *(rows_of(database, "alice", SLEEP) for _ in range(3)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailableError] * 3
        await turns(lambda: (database.pool.open, database.pool.in_use) == (0, 0))
    assert await rows_of(database, "bob", WHO) == [("taskward_app", "bob")]
    await database.close()


async def test_all_of_a_lost_packet_are_sent_again(database: Database, superuser: psycopg.Connection) -> None:
    await read_as(database, "alice")
    superuser.execute(MAY_WAIT)
    superuser.execute("SELECT pg_advisory_lock(1)")
    readers = [
        asyncio.create_task(rows_of(database, "alice", WHO)),
        asyncio.create_task(rows_of(database, "bob", WAIT)),
        asyncio.create_task(rows_of(database, "charlie", WHO)),
    ]
    await waiting_for(superuser, "advisory")
    pid = backend_that_waits(superuser, "advisory")
    superuser.execute("SELECT pg_advisory_unlock(1), pg_terminate_backend(%s)", [pid])
    assert await asyncio.gather(*readers) == [[("taskward_app", "alice")], [("",)], [("taskward_app", "charlie")]]
