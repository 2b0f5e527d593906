"""Clients that send or read slowly lose their connection, and the others notice nothing."""

import asyncio
import fcntl
import logging
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import httpx2
import psycopg
import pytest

from taskward.server.protocol import BoundedProtocol
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.profiles import SOAK, by_profile
from tests.server.running import running
from tests.server.slow import read_nothing
from tests.server.wire import TOKENS
from tests.service import Service

ROOT = Path(__file__).parents[2]
SLOW = by_profile(40, 200)
PATIENCE = by_profile(60, 20)  # seconds until the last of them must be gone; 9 where nothing else runs
ALICE = {"Authorization": f"Bearer {TOKENS['alice']}"}
BOB = {"Authorization": f"Bearer {TOKENS['bob']}"}

MANY_TASKS = """
    INSERT INTO tasks (user_id, title, description)
    SELECT 'alice', 'Read ' || number, repeat('x', 1000) FROM generate_series(1, 1000) AS number
"""


class Hasty(BoundedProtocol):
    seconds = 0.8
    tick = 0.1


@pytest.fixture
def url(settings: Settings, superuser: psycopg.Connection, tmp_path: Path) -> Iterator[str]:
    """A service whose alice has long lists: for the soak the real one, else one with short deadlines."""
    superuser.execute(MANY_TASKS)
    if not SOAK:
        with running(settings, Hasty) as address:
            yield address
        return
    assert settings.database_url is not None
    database = settings.database_url.get_secret_value()
    with Service(tmp_path / "data", {"DATABASE_URL": database, "JWT_SECRET_KEY": SECRET}) as service:
        yield service.url


@pytest.mark.soak
async def test_slow_clients_are_closed_and_the_others_go_on(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with httpx2.AsyncClient(base_url=url, headers=BOB, timeout=30) as bob:
        alone = [await _seconds_of_a_request(bob) for _ in range(by_profile(20, 1000))]
        slow = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.server.slow", url, str(SLOW), cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        ended = asyncio.create_task(slow.communicate())
        beside: list[float] = []
        async with asyncio.timeout(PATIENCE):
            while len(beside) < 2 or not ended.done():
                beside.append(await _seconds_of_a_request(bob))
        lasted = float((await ended)[0])
    assert slow.returncode == 0
    assert [
        record for record in caplog.records if record.levelno >= logging.ERROR
    ] == []  # it is no mistake of ours
    print(  # noqa: T201
        f"\n{SLOW} slow clients were closed within {lasted:.1f} s. {len(beside)} requests of another client"
        f" beside them were answered; 99 % within {_p99(beside):.1f} ms, alone within {_p99(alone):.1f} ms."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much it keeps")
async def test_the_kernel_keeps_little_of_what_a_client_does_not_read(settings: Settings) -> None:
    transports: list[asyncio.Transport] = []

    class Seen(BoundedProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            transports.append(transport)

    with running(settings, Seen) as url:
        client = asyncio.create_task(read_nothing(url))
        async with asyncio.timeout(30):
            while not (transports and transports[0].get_write_buffer_size()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # until the kernel takes no more
        kept = fcntl.ioctl(transports[0].get_extra_info("socket"), termios.TIOCOUTQ, bytes(4))
        client.cancel()
        await asyncio.gather(client, return_exceptions=True)
    assert 0 < int.from_bytes(kept, sys.byteorder) <= 256 * 1024  # it is given 64 KiB at a time


async def _seconds_of_a_request(client: httpx2.AsyncClient) -> float:
    start = time.perf_counter()
    response = await client.post("/tasks", json={"title": "Buy milk"})
    assert response.status_code == 201
    return time.perf_counter() - start


def _p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[-1] * 1000
