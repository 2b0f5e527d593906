"""One client with very many connections: what it costs the worker, and what the others notice."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles

import httpx2
import psycopg
import pytest

from taskward.settings import Settings
from tests.cli.command import workers_of
from tests.conftest import SECRET
from tests.profiles import SOAK, by_profile, turns
from tests.server.wire import TOKENS
from tests.service import Service

ROOT = Path(__file__).parents[2]
BOB = {"Authorization": f"Bearer {TOKENS['bob']}"}
READERS = by_profile(60, 300)
SILENT = by_profile(2500, 10_000)
AT_ONCE = 30
SECONDS = by_profile(4, 20)
SECONDS_ALONE = by_profile(1, 20)  # what is only printed, to be compared with
MORE_MEMORY = 100_000_000
MANY_TASKS = """
    INSERT INTO tasks (user_id, title, description)
    SELECT 'alice', 'Read ' || number, repeat('x', 1000) FROM generate_series(1, 1000) AS number
"""


@pytest.fixture
def service(settings: Settings, superuser: psycopg.Connection, tmp_path: Path) -> Iterator[Service]:
    superuser.execute(MANY_TASKS)
    assert settings.database_url is not None
    database = settings.database_url.get_secret_value()
    with Service(tmp_path / "data", {"DATABASE_URL": database, "JWT_SECRET_KEY": SECRET}) as running:
        yield running


@pytest.mark.soak
async def test_slow_readers_cost_little_memory_and_nobody_elses_time(service: Service) -> None:
    (worker,) = workers_of(service)
    alone = await _times(service.url, SECONDS_ALONE)
    idle = worker.memory_info().rss
    await _read_at_once(service.url)
    before = most = worker.memory_info().rss
    async with _crowd("unread", service.url, READERS):
        beside: list[float] = []
        for _ in range(SECONDS):
            beside += await _times(service.url, 1)
            most = max(most, worker.memory_info().rss)
    more = most - before
    print(  # noqa: T201
        f"\n{AT_ONCE} readers at once leave {(before - idle) / 1e6:.0f} MB, and {READERS} of 23 KB/s beside them"
        f" {more / 1e6:.0f} MB more. Others beside them: {_told(beside)},"
        f" alone {_told(alone)}."
    )
    if SOAK:
        assert more <= MORE_MEMORY


@pytest.mark.soak
async def test_very_many_connections_of_one_address_reset_nobody_else(service: Service) -> None:
    alone = await _times(service.url, SECONDS_ALONE)
    async with _crowd("silent", service.url, SILENT):
        beside = await _times(service.url, SECONDS)  # raises where a connection is reset, or a new one not taken
    print(  # noqa: T201
        f"\n{SILENT} connections of one address. Others beside them: {_told(beside)}, alone {_told(alone)}."
    )


async def _read_at_once(url: str) -> None:
    """Read the largest page as fast as one can: what making the pages takes, however they are read."""
    alice = {"Authorization": f"Bearer {TOKENS['alice']}"}
    async with httpx2.AsyncClient(base_url=url, headers=alice, timeout=30) as client:
        pages = await asyncio.gather(*(client.get("/tasks?limit=1000") for _ in range(AT_ONCE)))
    assert {page.status_code for page in pages} <= {200, 503}


@asynccontextmanager
async def _crowd(way: str, url: str, number: int) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "tests.server.crowd", way, url, str(number)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"begun\n"
    try:
        yield
    finally:
        made = int((await process.communicate(b""))[0] or 0)
    print(f"\n{made} connections were made", end="")  # noqa: T201
    assert process.returncode == 0
    assert made >= number


async def _times(url: str, seconds: float) -> list[float]:
    """Return the seconds of each response, to a client that keeps its connection and to one that does not."""
    found = []
    async with httpx2.AsyncClient(base_url=url, headers=BOB, timeout=30) as kept:
        for _ in turns(seconds):
            found.append(await _seconds(kept))
            async with httpx2.AsyncClient(base_url=url, headers=BOB, timeout=30) as new:
                await _seconds(new)
    return found


async def _seconds(client: httpx2.AsyncClient) -> float:
    start = time.perf_counter()
    response = await client.get("/tasks?limit=10")
    assert response.status_code == 200
    return time.perf_counter() - start


def _told(seconds: list[float]) -> str:
    cuts = quantiles(seconds, n=20)
    return f"{len(seconds)} responses, p50 {cuts[9] * 1000:.1f} ms, p95 {cuts[-1] * 1000:.1f} ms"
