"""Fifty people log in at once, some after they have registered, which mails them something.

Those who are there already hardly notice. Part of `make soak`.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles

import httpx2
import pytest

from tests.accounts.people import PASSWORD
from tests.accounts.test_timing import mailing_service
from tests.profiles import SOAK, turns

LOG_INS = 50
READERS = 4
SECONDS = 10
TOLERATED_SECONDS = 0.05


async def p99_of_reads(address: str, token: str) -> float:
    """Return the 99th percentile of a read of a list, in seconds, over some seconds of reading."""
    seconds: list[float] = []

    async def read() -> None:
        async with httpx2.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {token}"}) as client:
            for _ in turns(SECONDS):
                before = time.perf_counter()
                assert (await client.get("/tasks")).status_code == 200
                seconds.append(time.perf_counter() - before)
                await asyncio.sleep(0.005)  # a person thinks

    await asyncio.gather(*(read() for _ in range(READERS)))
    return quantiles(seconds, n=100)[98]


@asynccontextmanager
async def storm(address: str) -> AsyncIterator[list[int]]:
    """Keep fifty log-ins running, every fifth after a registration; count those that were answered."""
    done = asyncio.Event()
    answered = [0]

    async def log_in(client: httpx2.AsyncClient, number: int) -> None:
        while not done.is_set():
            form = FORM
            if answered[0] % 5 == 0:
                new = {"email": f"new{number}-{answered[0]}@example.com", "password": PASSWORD}
                assert (await client.post("/auth/register", json=new)).status_code == 201
                form = FORM | {"username": new["email"]}
            assert (await client.post("/auth/token", data=form)).status_code == 200
            answered[0] += 1

    limits = httpx2.Limits(max_connections=LOG_INS)
    async with httpx2.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        log_ins = [asyncio.create_task(log_in(client, number)) for number in range(LOG_INS)]
        yield answered
        done.set()
        await asyncio.gather(*log_ins)


FORM = {"grant_type": "password", "username": "alice@example.com", "password": PASSWORD}


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="needs a machine for itself: make soak")
async def test_fifty_log_ins_at_once_hardly_slow_down_anybody_else(tmp_path: Path) -> None:
    async with mailing_service(tmp_path) as (client, server):
        address = str(client.base_url)
        account = {"email": FORM["username"], "password": PASSWORD}
        assert (await client.post("/auth/register", json=account)).status_code == 201
        token = (await client.post("/auth/token", data=FORM)).json()["access_token"]
        calm = await p99_of_reads(address, token)
        async with storm(address) as answered:
            stormy = await p99_of_reads(address, token)
            mails = len(server.received)
    told = f"p99 {calm * 1000:.1f} ms; with {LOG_INS} log-ins at once {stormy * 1000:.1f} ms"
    print(f"{told}, {answered[0]} done and {mails} mails sent")  # noqa: T201
    assert mails > 1
    assert stormy - calm <= TOLERATED_SECONDS
