"""The pool: first come, first served; nothing lost, nothing beyond the limit, and no stampede."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest

from taskward.database.driver import pool as pool_module
from taskward.database.driver.connection import Connection
from taskward.database.driver.pool import UNKNOWN_ROUND_TRIP, Pool, PoolClosedError
from taskward.database.driver.statement import Statement
from taskward.database.url import conninfo
from tests.database.transactions import BACKEND
from tests.embedded.dead_server import DeadServer
from tests.loop_time import LoopTime

SLOW = Statement("SELECT pg_sleep(0.5)")
TEXT = Statement("SELECT %(text)s::text AS text")


@asynccontextmanager
async def pool_of(url: str, size: int, max_overflow: int = 0) -> AsyncIterator[Pool]:
    pool = Pool(lambda: Connection.connect(conninfo(url)), size=size, max_overflow=max_overflow)
    try:
        yield pool
    finally:
        await pool.close()


async def turns(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until something is so."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def held_and_waited_for(pool: Pool) -> tuple[Connection, asyncio.Task[Connection]]:
    """Return the pool's only connection, taken, and somebody who waits for it."""
    held = await pool.acquire()
    waiter = asyncio.create_task(pool.acquire())
    await turns(lambda: pool.waiting == 1)
    return held, waiter


def backends(superuser: psycopg.Connection) -> int:
    row = superuser.execute("""
        SELECT count(*)
          FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    """).fetchone()
    assert row is not None
    return int(row[0])


async def test_who_comes_first_is_served_first(database_url: str) -> None:
    async with pool_of(database_url, 1) as pool:
        first = await pool.acquire()
        served = []

        async def wait(number: int) -> None:
            connection = await pool.acquire()
            served.append(number)
            pool.release(connection)

        waiters = [asyncio.create_task(wait(number)) for number in range(20)]
        await turns(lambda: pool.waiting == 20)
        pool.release(first)
        await asyncio.gather(*waiters)
        assert served == list(range(20))


async def test_cancelled_waiters_leave_the_line(database_url: str) -> None:
    async with pool_of(database_url, 1) as pool:
        held = await pool.acquire()
        waiters = [asyncio.create_task(pool.acquire()) for _ in range(20)]
        await turns(lambda: pool.waiting == 20)
        for waiter in waiters[:-1]:
            waiter.cancel()
        await turns(lambda: pool.waiting == 1)
        pool.release(held)
        assert await waiters[-1] is held
        pool.release(held)


async def test_a_waiter_cancelled_as_it_is_served_passes_the_connection_on(database_url: str) -> None:
    async with pool_of(database_url, 1) as pool:
        held = await pool.acquire()
        unlucky, next_in_line = (asyncio.create_task(pool.acquire()) for _ in range(2))
        await turns(lambda: pool.waiting == 2)
        pool.release(held)
        unlucky.cancel()  # it has been handed the connection, and has not run since
        assert await next_in_line is held
        assert unlucky.cancelled()
        assert pool.in_use == 1
        pool.release(held)


async def test_a_connection_lost_as_it_is_handed_over_is_not_handed_out(
    database_url: str, superuser: psycopg.Connection
) -> None:
    async with pool_of(database_url, 1) as pool:
        held, waiter = await held_and_waited_for(pool)
        pool.release(held)
        held.close()
        another = await waiter
        assert another.usable
        assert pool.in_use == 1
        pool.release(another)


async def test_there_are_never_more_than_the_limit(database_url: str, superuser: psycopg.Connection) -> None:
    most = 0

    async def use(pool: Pool) -> None:
        nonlocal most
        connection = await pool.acquire()
        await connection.exchange([(BACKEND, {})])
        most = max(most, pool.in_use + pool.idle)
        if most % 2:
            connection.close()  # lost, now and then
        pool.release(connection)

    async with pool_of(database_url, 2, 3) as pool:
        await asyncio.gather(*(use(pool) for _ in range(200)))
        assert most <= 5
        assert pool.in_use == 0
        await turns(lambda: backends(superuser) == pool.idle)  # the server sees later than we that one is closed


async def test_a_full_pool_does_not_even_try_to_connect(database_url: str) -> None:
    tried = 0

    async def connect() -> Connection:
        nonlocal tried
        tried += 1
        return await Connection.connect(conninfo(database_url))

    pool = Pool(connect, size=1, max_overflow=1)
    held = [await pool.acquire(), await pool.acquire()]
    waiters = [asyncio.create_task(pool.acquire()) for _ in range(2)]
    for _ in range(10):  # long enough for whatever it might begin
        await asyncio.sleep(0)
    assert pool.waiting == 2
    for connection in held:
        pool.release(connection)
    for connection in await asyncio.gather(*waiters):
        pool.release(connection)
    assert tried == 2
    await pool.close()


async def test_an_attempt_that_was_hedged_and_arrives_late_is_not_one_too_many(
    database_url: str, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "SLOW_SECONDS", 0.05)
    answered, late = asyncio.Event(), asyncio.Event()
    opened: list[Connection] = []

    async def connect() -> Connection:
        if not answered.is_set():  # the first one waits for a packet that was lost
            answered.set()
            await late.wait()
        opened.append(await Connection.connect(conninfo(database_url)))
        return opened[-1]

    pool = Pool(connect, size=1, max_overflow=0)
    held = await pool.acquire()
    late.set()
    await turns(lambda: len(opened) == 2 and not opened[1].usable)
    assert pool.open == 1
    await turns(lambda: backends(superuser) == 1)
    pool.release(held)
    await pool.close()


async def test_an_outage_is_knocked_at_four_times_a_second_however_many_wait() -> None:
    async with DeadServer() as server, pool_of(server.url, 10, 20) as pool:
        started = time.monotonic()
        answers = await asyncio.gather(*(pool.acquire() for _ in range(200)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {psycopg.OperationalError}
        while time.monotonic() - started < 2:
            await asyncio.gather(*(pool.acquire() for _ in range(200)), return_exceptions=True)
        seconds = time.monotonic() - started
        assert 2 <= server.accepted <= 4 * seconds + 1
        assert server.most_open == 1


async def test_a_server_that_says_nothing_is_asked_by_two_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "SLOW_SECONDS", 0.1)
    async with DeadServer(silent=True) as server, pool_of(server.url, 10, 20) as pool:
        started = time.monotonic()
        async with LoopTime() as passed:
            answers = await asyncio.gather(*(pool.acquire() for _ in range(200)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {psycopg.OperationalError}
        assert passed.now / 0.1 / 2 <= server.accepted <= (time.monotonic() - started) / 0.1 + 1
        assert server.most_open <= 3  # the third, for the moment in which the second is given up


async def test_a_server_that_wants_no_more_connections_fails_nobody(
    database_url: str,
    superuser: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    superuser.execute(f"ALTER DATABASE {superuser.info.dbname} CONNECTION LIMIT 3")
    monkeypatch.setattr(pool_module, "PATIENCE_SECONDS", 0)

    async def use(pool: Pool) -> None:
        connection = await pool.acquire()
        await connection.exchange([(BACKEND, {})])
        pool.release(connection)

    async with pool_of(database_url, 5) as pool:
        first = [await pool.acquire() for _ in range(2)]  # the superuser's connection is the third
        waiting = [asyncio.create_task(use(pool)) for _ in range(50)]
        await turns(lambda: "no connection to the database" in caplog.text)
        for connection in first:
            pool.release(connection)
        await asyncio.gather(*waiting)


async def test_what_rests_too_long_is_closed_though_nobody_asks(
    database_url: str, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "OVERFLOW_SECONDS", 0.05)
    async with pool_of(database_url, 2, 3) as pool:
        for connection in [await pool.acquire() for _ in range(5)]:
            pool.release(connection)
        assert pool.idle == 5
        await turns(lambda: pool.idle == 2)  # what is beyond the size
        await asyncio.sleep(0.15)
        assert pool.idle == 2
        monkeypatch.setattr(pool_module, "MAX_IDLE_SECONDS", 0.05)
        await turns(lambda: pool.idle == 0)  # the rest
        await turns(lambda: backends(superuser) == 0)


async def test_when_one_is_lost_those_that_have_not_answered_since_are_closed(database_url: str) -> None:
    async with pool_of(database_url, 3) as pool:
        before, lost, after = [await pool.acquire() for _ in range(3)]
        pool.release(before)
        pool.release(lost)
        assert await pool.acquire() is lost
        pool.release(after)
        lost.close()
        pool.release(lost)
        assert not before.usable
        assert after.usable
        assert pool.idle == 1


async def test_how_far_the_server_is_is_known_from_the_shortest_exchange(database_url: str) -> None:
    async with pool_of(database_url, 1) as pool:
        assert pool.round_trip == UNKNOWN_ROUND_TRIP
        connection = await pool.acquire()
        shortest = connection.round_trip
        assert 0 < shortest < 0.5
        await connection.exchange([(SLOW, {})])
        assert connection.round_trip == shortest
        with pytest.raises(psycopg.DataError):
            await connection.exchange([(TEXT, {"text": "\0"})])  # which is not sent
        assert connection.round_trip == shortest
        pool.release(connection)
        assert pool.round_trip == shortest
        connection = await pool.acquire()
        connection.close()
        pool.release(connection)
        assert pool.round_trip == UNKNOWN_ROUND_TRIP


async def test_a_closed_pool_closes_what_comes_back_and_sends_everybody_away(
    database_url: str, superuser: psycopg.Connection
) -> None:
    async with pool_of(database_url, 1) as pool:
        held, waiter = await held_and_waited_for(pool)
        await pool.close()
        with pytest.raises(PoolClosedError):
            await waiter
        with pytest.raises(PoolClosedError):
            await pool.acquire()
        pool.release(held)
        await turns(lambda: backends(superuser) == 0)


async def test_closing_while_it_connects_leaves_nothing_open() -> None:
    async with DeadServer(silent=True) as server, pool_of(server.url, 1) as pool:
        waiter = asyncio.create_task(pool.acquire())
        await turns(lambda: server.open == 1)
        await pool.close()
        with pytest.raises(PoolClosedError):
            await waiter
        await turns(lambda: server.open == 0)


async def test_nobody_connects_unless_somebody_waits() -> None:
    async with DeadServer() as server, pool_of(server.url, 5) as pool:
        await asyncio.gather(pool.acquire(), return_exceptions=True)
        before = server.accepted
        await asyncio.sleep(3 * pool_module.RETRY_SECONDS)
        assert server.accepted == before
