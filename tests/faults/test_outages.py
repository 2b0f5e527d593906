"""Each way a database can be away: every request is answered in time, and the service is back by itself."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import psutil
import psycopg
import pytest
from fastapi import FastAPI

from taskward.embedded.server import EmbeddedPostgres
from tests.citus.cluster import one_server
from tests.client import Client, connect
from tests.conftest import SECRET
from tests.faults.conftest import DEADLINE, at_rest, backends
from tests.faults.proxy import Proxy
from tests.loop_time import LoopTime
from tests.profiles import SOAK, by_profile

RECOVERY = 1.0
NOISE = 0.5
STANDSTILL = by_profile(
    2, 1
)  # a loop that waits for the database itself would stand still for as long as it is away
CALLERS = 12


@dataclass
class Scene:
    """What a fault can be inflicted on."""

    server: EmbeddedPostgres
    proxy: Proxy
    superuser: psycopg.Connection


@dataclass
class Load:
    """Clients who read and write all the time, and what became of it."""

    app: FastAPI
    responses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    last_success: float = 0.0
    time: LoopTime = field(default_factory=LoopTime)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.time, asyncio.TaskGroup() as group:
            clients = [group.create_task(self._call(f"alice-{number}")) for number in range(CALLERS)]
            clients.append(group.create_task(self._probe()))
            yield
            for client in clients:
                client.cancel()

    async def successes(self, wanted: int) -> None:
        """Wait for that many more."""
        before = self._successes()
        async with asyncio.timeout(30):
            while self._successes() < before + wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    def _successes(self) -> int:
        return sum(count for status, count in self.responses.items() if status < 300)

    async def _call(self, user_id: str) -> None:
        async with connect(self.app, user_id, SECRET) as client:
            while True:
                await self._request(client)
                await asyncio.sleep(0.005)

    async def _request(self, client: Client) -> None:
        kind = random.choice(["list", "health", "create", "create once"])
        headers = {"Idempotency-Key": str(random.random())} if kind == "create once" else {}
        started = self.time.now
        if kind in ("list", "health"):
            response = await client.get({"list": "/tasks?limit=3", "health": "/health"}[kind])
        else:
            response = await client.post("/tasks", json={"title": "Buy milk"}, headers=headers)
        now = self.time.now
        self.responses[response.status_code] += 1
        self.slowest = max(self.slowest, now - started)
        if response.status_code == 503 and kind != "health":
            assert response.json()["code"] == "DATABASE_UNAVAILABLE"
            assert response.headers["retry-after"] == "1"
        elif response.status_code < 300:
            self.last_success = now

    async def _probe(self) -> None:
        async with connect(self.app) as client:
            while True:
                assert (await client.get("/health/live")).status_code == 200
                await asyncio.sleep(0.05)


async def sessions_terminated(scene: Scene) -> None:
    for _ in range(by_profile(5, 50)):
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'taskward'"
        await asyncio.to_thread(scene.superuser.execute, query)
        await asyncio.sleep(0.05)


async def server_killed(scene: Scene) -> None:
    before = scene.server.pid
    psutil.Process(before).kill()
    async with asyncio.timeout(60):
        while scene.server.pid == before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def session_killed(scene: Scene) -> None:
    """PostgreSQL ends every session and recovers, for a killed one may have damaged what all share."""
    psutil.Process(random.choice(backends(scene.superuser))).kill()


async def server_stopped(scene: Scene) -> None:
    postmaster = psutil.Process(scene.server.pid)
    stopped = [postmaster, *postmaster.children()]
    for process in stopped:
        process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(by_profile(3, 5))
    for process in reversed(stopped):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


async def port_closed(scene: Scene) -> None:
    await scene.proxy.refuse()
    await asyncio.sleep(by_profile(2, 10))
    await scene.proxy.open()


async def network_swallows(scene: Scene) -> None:
    scene.proxy.swallowing = True
    await asyncio.sleep(by_profile(3, 10))
    scene.proxy.swallowing = False


KILLED = "the server killed"
started_again = one_server("whose service starts it again; tests/citus kill every server of a cluster")
FAULTS: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "every session terminated, again and again": sessions_terminated,
    "a session killed": session_killed,
    KILLED: server_killed,
    "the server stopped": server_stopped,
    "the port closed": port_closed,
    "the network swallowing everything": network_swallows,
}


@pytest.mark.soak
@pytest.mark.parametrize("fault", [*sorted(FAULTS.keys() - {KILLED}), pytest.param(KILLED, marks=started_again)])
async def test_every_request_is_answered_in_time_and_the_service_is_back_by_itself(
    app: FastAPI, proxy: Proxy, victim: EmbeddedPostgres, superuser: psycopg.Connection, fault: str
) -> None:
    load = Load(app)
    slowest_return = 0.0
    async with load.running():
        for _ in range(by_profile(1, 10)):
            with psycopg.connect(f"{victim.superuser_conninfo} dbname=taskward", autocommit=True) as witness:
                await load.successes(50)
                await FAULTS[fault](Scene(victim, proxy, witness))
            await accepts_connections(proxy)
            accepting = load.time.now
            async with asyncio.timeout(10):
                while load.last_success <= accepting:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            slowest_return = max(slowest_return, load.last_success - accepting)
            await load.successes(50)
    assert set(load.responses) <= {200, 201, 503}
    assert load.slowest < DEADLINE + NOISE
    assert load.time.lag < STANDSTILL, "being alive has nothing to do with the database"
    assert slowest_return < RECOVERY + NOISE
    with psycopg.connect(f"{victim.superuser_conninfo} dbname=taskward", autocommit=True) as witness:
        await at_rest(app, witness)
    print(  # noqa: T201
        f"\n{fault}: answers {dict(load.responses)}, the slowest after {load.slowest:.2f} s,"
        f" back after {slowest_return:.2f} s, still live within {load.time.lag:.2f} s"
    )


async def accepts_connections(proxy: Proxy) -> None:
    """Wait until the database takes a connection again, by the way the service takes."""
    address = f"host=127.0.0.1 port={proxy.port} user=taskward dbname=taskward sslmode=disable connect_timeout=2"
    async with asyncio.timeout(60):
        while True:
            with suppress(psycopg.OperationalError):
                await (await psycopg.AsyncConnection.connect(address)).close()
                return
            await asyncio.sleep(0.01)


async def test_a_request_while_the_server_recovers_is_answered_in_time(
    alice: Client, proxy: Proxy, superuser: psycopg.Connection
) -> None:
    await alice.get("/tasks")
    psutil.Process(backends(superuser)[0]).kill()
    async with LoopTime() as passed:
        responses = await asyncio.gather(*(alice.get("/tasks") for _ in range(50)))
    assert passed.now < DEADLINE + NOISE
    assert {response.status_code for response in responses} <= {200, 503}
    await accepts_connections(proxy)
    assert (await alice.get("/tasks")).status_code == 200


@pytest.mark.soak
async def test_connections_dropped_while_they_rest_are_replaced_without_a_visible_error(
    app: FastAPI, alice: Client, proxy: Proxy, superuser: psycopg.Connection
) -> None:
    trials = by_profile(20, 200)
    for number in range(trials):
        responses = await asyncio.gather(*(alice.get("/tasks?limit=1") for _ in range(6)))
        assert {response.status_code for response in responses} == {200}
        if number % 2:
            proxy.hang_up()
        else:  # as a database does that goes to sleep
            for pid in backends(superuser):
                superuser.execute("SELECT pg_terminate_backend(%s::int, 5000)", [pid])
    await at_rest(app, superuser)
    if SOAK:
        print(f"\n{trials} times every resting connection dropped: no visible error")  # noqa: T201
