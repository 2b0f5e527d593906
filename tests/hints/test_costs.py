"""What waiting costs others: memory, queries, their time; and how soon who waits is woken.

At full size in `make soak`. In `make test` only what can be counted fails: answers, queries, requests that wait.
"""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from statistics import median, quantiles
from urllib.parse import urlsplit

import httpx2
import psutil
import pytest

from taskward.auth.issue import issue_token
from tests.cli.command import workers_of
from tests.conftest import SECRET
from tests.observability.scrape import value
from tests.profiles import SOAK, by_profile, turns
from tests.service import Service

WAITING = by_profile(100, 1000)
ROUNDS = by_profile(1, 3)
SECONDS = by_profile(1, 6)  # of a round
SECONDS_ALONE = SECONDS if SOAK else 0.2  # of one that is only printed, to be compared with
TIMES = by_profile(5, 50)
PACE = 0.005  # seconds between two requests
ALICE, BOB = (
    {"Authorization": f"Bearer {issue_token(user_id, SECRET.encode(), 'HS256', 3600)}"}
    for user_id in ("alice", "bob")
)


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"JWT_SECRET_KEY": SECRET, "WORKERS": str(request.param)}
    with Service(tmp_path_factory.mktemp("service") / "data", settings) as running:
        yield running


@asynccontextmanager
async def crowd(service: Service, number: int) -> AsyncIterator[None]:
    """So many requests that wait, four of each user."""
    address = urlsplit(service.url)
    connections = [await asyncio.open_connection(address.hostname, address.port) for _ in range(number)]
    for each, (_, writer) in enumerate(connections):
        token = issue_token(f"user_{each // 4}", SECRET.encode(), "HS256", 3600)
        lines = ("GET /tasks/changes?wait=60 HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", "", "")
        writer.write("\r\n".join(lines).encode())
        await asyncio.sleep(0.002)
    try:
        yield
    finally:
        for _, writer in connections:
            writer.close()


async def metric(service: Service, name: str) -> float:
    async with httpx2.AsyncClient(base_url=service.url, trust_env=False) as client:
        return value((await client.get("/metrics")).text, name)


async def all_wait(service: Service, number: int) -> None:
    async with asyncio.timeout(60):
        while await metric(service, "taskward_requests_waiting") != number:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def times_of(
    client: httpx2.AsyncClient, method: str, body: dict[str, str] | None = None, seconds: float = SECONDS
) -> list[float]:
    """Ask for a round; return the milliseconds of each request."""
    found: list[float] = []
    for _ in turns(seconds):
        began = time.perf_counter()
        (await client.request(method, "/tasks", json=body)).raise_for_status()
        found.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(PACE)
    return found


@pytest.mark.soak
@pytest.mark.parametrize("service", [1], indirect=True)
async def test_a_thousand_who_wait_take_little_memory_no_query_and_no_time_of_others(service: Service) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 2 * WAITING), hard), hard))
    (worker,) = workers_of(service)
    alone: list[float] = []
    beside: list[float] = []
    async with httpx2.AsyncClient(base_url=service.url, headers=ALICE, timeout=30, trust_env=False) as alice:
        await times_of(alice, "GET", seconds=SECONDS_ALONE)
        # What a worker has that is busy: its connections to the database, and a text of metrics.
        await asyncio.gather(*(alice.get("/tasks/changes") for _ in range(64)))
        await metric(service, "taskward_requests_waiting")
        more = 0.0
        for number in range(ROUNDS):  # in turns, for the machine may be busy with something else
            alone += await times_of(alice, "GET", seconds=SECONDS_ALONE)
            before = _private(worker)
            async with crowd(service, WAITING):
                await all_wait(service, WAITING)
                await asyncio.sleep(2)  # until all have read, and no scrape is of before
                more = max(more, (_private(worker) - before) / 2**20) if number == 0 else more
                queries = await metric(service, "taskward_database_duration_seconds_count")
                await asyncio.sleep(2)
                assert await metric(service, "taskward_database_duration_seconds_count") == queries
                beside += await times_of(alice, "GET")
            await all_wait(service, 0)
    p95_alone, p95_beside = (quantiles(found, n=20)[-1] for found in (alone, beside))
    print(  # noqa: T201
        f"\n{WAITING} who wait: {more:.1f} MiB more, no query in 2 s; 95 % of others within {p95_beside:.2f} ms, "
        f"alone within {p95_alone:.2f} ms."
    )
    assert not SOAK or (more <= 20 and p95_beside <= 1.2 * p95_alone)


def _private(process: psutil.Process) -> int:
    return int(process.memory_full_info().uss)


@pytest.mark.soak
async def test_who_waits_is_woken_within_a_tenth_of_a_second(service: Service) -> None:
    """From when the write is sent, to when the last byte of each answer is there."""
    took: list[float] = []
    async with httpx2.AsyncClient(base_url=service.url, headers=ALICE, timeout=90, trust_env=False) as alice:
        revision = 0  # nobody else writes for alice, so that she has none yet
        for _ in range(TIMES):
            waiting = [asyncio.create_task(_changed(service.url, revision)) for _ in range(6)]
            await all_wait(service, 6)
            began = time.perf_counter()
            created = await alice.post("/tasks", json={"title": "Buy milk"})
            revision = created.json()["revision"]
            took += [(ended - began) * 1000 for ended in await asyncio.gather(*waiting)]
    print(f"\nWoken {len(took)} times: median {median(took):.1f} ms, slowest {max(took):.1f} ms.")  # noqa: T201
    assert not SOAK or median(took) <= 100


async def _changed(url: str, since: int) -> float:
    """Wait on a connection of its own; return when there was a change."""
    async with httpx2.AsyncClient(base_url=url, headers=ALICE, timeout=90, trust_env=False) as client:
        page = (await client.get("/tasks/changes", params={"since": str(since), "wait": "60"})).json()
        ended = time.perf_counter()
    assert [task["revision"] for task in page["tasks"]] == [since + 1]
    return ended


@pytest.mark.soak
async def test_a_hundred_who_wait_hardly_slow_down_who_writes(service: Service) -> None:
    body = {"title": "Buy milk"}
    alone: list[float] = []
    beside: list[float] = []
    async with httpx2.AsyncClient(base_url=service.url, headers=BOB, timeout=30, trust_env=False) as bob:
        await times_of(bob, "POST", body, SECONDS_ALONE)
        for _ in range(ROUNDS):
            alone += await times_of(bob, "POST", body, SECONDS_ALONE)
            async with crowd(service, 100):
                await all_wait(service, 100)
                beside += await times_of(bob, "POST", body)
            await all_wait(service, 0)
    before, after = median(alone), median(beside)
    print(f"\nA write: median {after:.2f} ms beside 100 who wait, {before:.2f} ms alone.")  # noqa: T201
    assert not SOAK or after <= 1.1 * before
