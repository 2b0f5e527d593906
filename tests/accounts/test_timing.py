"""A wrong password and an address that nobody has take the same time to fail.

In `make test` what is compared is the time on a processor, argon2's threads included, and the round trips to the
database: neither depends on what else the machine does. `make soak` compares times on the clock, 200 of each.
"""

import os
import time
from collections.abc import AsyncIterator, Callable
from statistics import median
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from fastapi import FastAPI

from taskward.settings import Settings
from tests.accounts.people import ask, register
from tests.client import Client
from tests.conftest import SECRET
from tests.tasks.wire import CountingProxy

SAMPLES = 20
SAMPLES_ON_THE_CLOCK = 200
TOLERANCE = 0.05


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[CountingProxy]:
    async with CountingProxy(parse_qs(urlsplit(database_url).query)["host"][0]) as proxy:
        yield proxy


@pytest.fixture
def settings(database_url: str, wire: CountingProxy) -> Settings:
    address = database_url.split("?")[0] + f"?host={quote(wire.folder, safe='')}"
    return Settings(DATABASE_URL=address, JWT_SECRET_KEY=SECRET, DB_POOL_SIZE=1, DB_MAX_OVERFLOW=0)


async def medians(client: Client, clock: Callable[[], float], samples: int) -> tuple[float, float]:
    """Return the median seconds of a refusal for alice, who has an account, and for bob, who has none."""
    seconds: dict[str, list[float]] = {"alice": [], "bob": []}
    for _ in range(samples):
        for person in seconds:  # in turns, so that whatever else happens happens to both
            before = clock()
            await refusal(client, person)
            seconds[person].append(clock() - before)
    return median(seconds["alice"]), median(seconds["bob"])


async def refusal(client: Client, person: str) -> None:
    answer = await ask(client, grant_type="password", username=f"{person}@example.com", password="battery staple")
    assert answer.json()["code"] == "CREDENTIALS_INVALID"


async def test_a_refusal_costs_the_same_work_whoever_it_is_for(app: FastAPI, anonymous: Client) -> None:
    await register(anonymous, "alice")
    alice, bob = await medians(anonymous, time.process_time, SAMPLES)
    assert bob == pytest.approx(alice, rel=TOLERANCE)


async def test_a_refusal_is_one_round_trip_whoever_it_is_for(anonymous: Client, wire: CountingProxy) -> None:
    await register(anonymous, "alice")
    for person in ("alice", "bob"):
        before = wire.round_trips
        await refusal(anonymous, person)
        assert wire.round_trips - before == 1


@pytest.mark.skipif("TASKWARD_SECONDS" not in os.environ, reason="needs a machine for itself: make soak")
async def test_a_refusal_takes_the_same_time_whoever_it_is_for(app: FastAPI, anonymous: Client) -> None:
    await register(anonymous, "alice")
    alice, bob = await medians(anonymous, time.perf_counter, SAMPLES_ON_THE_CLOCK)
    print(f"refused in {alice * 1000:.1f} ms with an account, in {bob * 1000:.1f} ms without")  # noqa: T201
    assert bob == pytest.approx(alice, rel=TOLERANCE)
