"""Many addresses guess one password, and its owner logs in all the same. At full size in `make soak`."""

import asyncio
import math
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.settings import Settings
from tests.accounts.conftest import quicken
from tests.accounts.people import PASSWORD
from tests.profiles import SOAK
from tests.service import Service

ADDRESSES = 50
LOG_INS = 20
RATE = 20
PAUSE_SECONDS = 3  # between two log-ins of the owner's, in the soak: the attack is at its height for a minute
HOME = "127.0.0.1"
EMAIL = "alice@example.com"

Connect = Callable[[str], httpx2.AsyncClient]


async def log_in(client: httpx2.AsyncClient, **form: str) -> httpx2.Response:
    form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD} | form
    return await client.post("/auth/token", data=form)


class Owner:
    """Somebody who keeps the device token of the log-in before, as the page and the command line do."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self._device_token = ""

    async def begin(self) -> None:
        account = {"email": EMAIL, "password": PASSWORD}
        assert (await self.client.post("/auth/register", json=account)).status_code == 201
        await self.log_in()

    async def log_in(self) -> None:
        before = time.perf_counter()
        response = await log_in(self.client, device_token=self._device_token)
        self.seconds.append(time.perf_counter() - before)
        self.statuses[response.status_code] += 1
        self._device_token = response.json().get("device_token", self._device_token)


@asynccontextmanager
async def attack(connect: Connect, pause_seconds: float) -> AsyncIterator[Counter[int]]:
    """Guess from every address, half of them at other accounts; count the statuses of guesses at alice's.

    When the block begins, nobody is let through to hers any more.
    """
    done, locked = asyncio.Event(), asyncio.Event()
    statuses: Counter[int] = Counter()

    async def guess(number: int) -> None:
        async with connect(f"127.0.0.{number + 2}") as client:
            at_alices = number % 2 == 0
            rounds = 0
            while not done.is_set():
                username = EMAIL if at_alices else f"nobody{number}-{rounds}@example.com"
                response = await log_in(client, username=username, password=f"guess {number} {rounds}")
                statuses[response.status_code] += at_alices
                if at_alices and response.status_code == 429:
                    locked.set()
                rounds += 1
                await asyncio.sleep(pause_seconds)

    async with asyncio.TaskGroup() as guessers:
        for number in range(ADDRESSES):
            guessers.create_task(guess(number))
        await locked.wait()
        yield statuses
        done.set()


@pytest.fixture
async def limited(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application with the rate limits that it has where nobody sets them."""
    app = create_app(settings.model_copy(update={"auth_rate_limit": f"{RATE}/minute"}))
    quicken(app)
    async with app.router.lifespan_context(app):
        yield app


async def test_an_owner_logs_in_every_time_while_fifty_addresses_guess(limited: FastAPI) -> None:
    def connect(address: str) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(limited, client=(address, 1))
        return httpx2.AsyncClient(transport=transport, base_url="http://taskward.test", timeout=60)

    async with AsyncExitStack() as stack:
        owner = Owner(await stack.enter_async_context(connect(HOME)))
        await owner.begin()
        statuses = await stack.enter_async_context(attack(connect, 0))
        for _ in range(LOG_INS):
            await owner.log_in()
        # The remaining attack: from where alice never logged in, the right password has to wait.
        assert (await log_in(await stack.enter_async_context(connect("192.0.2.1")))).status_code == 429
    assert owner.statuses == {200: LOG_INS + 1}
    assert statuses.keys() == {401, 429}
    assert statuses[401] == RATE - 2, "registering and the first log-in are counted as well"


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="takes a minute, and a machine for itself: make soak")
async def test_an_owner_logs_in_every_time_for_as_long_as_it_goes_on(tmp_path: Path) -> None:
    """Two workers that count apart, real hashes, and addresses of their own where the system has them."""
    forwarded = {} if sys.platform == "linux" else {"TRUSTED_PROXIES": HOME}
    settings = {"WORKERS": "2", "AUTH_RATE_LIMIT": f"{RATE}/minute", **forwarded}
    with Service(tmp_path / "data", settings) as service:

        def connect(address: str) -> httpx2.AsyncClient:
            source = address if sys.platform == "linux" else HOME
            transport = httpx2.AsyncHTTPTransport(local_address=source)
            headers = {"X-Forwarded-For": address}
            return httpx2.AsyncClient(transport=transport, base_url=service.url, headers=headers, timeout=300)

        async with connect(HOME) as client:
            owner = Owner(client)
            await owner.begin()
            began = time.monotonic()
            async with attack(connect, 0.1) as statuses:
                for _ in range(LOG_INS):
                    await owner.log_in()
                    await asyncio.sleep(PAUSE_SECONDS)
    windows = math.ceil((time.monotonic() - began) / 60) + 1
    calm, *others = owner.seconds
    print(  # noqa: T201
        f"{owner.statuses[200] - 1} of {LOG_INS} log-ins of the owner's, {max(others):.2f} s at most"
        f" ({calm:.2f} s without); {statuses[401]} guesses came through, {statuses[429]} did not"
    )
    assert owner.statuses == {200: LOG_INS + 1}
    assert statuses[401] <= 2 * RATE * windows, "each of the two workers counts for itself"
