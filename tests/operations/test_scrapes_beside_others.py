"""How much 25 scrapes a second cost those who ask for tasks meanwhile."""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import httpx2
import pytest

from tests.conftest import SECRET
from tests.profiles import SOAK, by_profile, turns
from tests.server.wire import TOKENS
from tests.service import Service

ROOT = Path(__file__).parents[2]
SCRAPES_A_SECOND = 25
SECONDS = by_profile(1, 8)  # of a round
ROUNDS = by_profile(1, 3)
PACE = 0.01  # seconds between two requests
TOKEN = "S3cret-of-Prometheus-in-forty-characters"
ALICE = {"Authorization": f"Bearer {TOKENS['alice']}"}


@pytest.fixture(params=["METRICS_TOKEN", "METRICS_PORT"])
def addresses(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Iterator[tuple[str, str]]:
    """Where a service with two workers is, and where its metrics are."""
    port = {"METRICS_PORT": "0"} if request.param == "METRICS_PORT" else {}
    settings = {"DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET, "METRICS_TOKEN": TOKEN, "WORKERS": "2"}
    with Service(tmp_path / "data", {**settings, **port}) as service:
        told = [line.split("metrics: ")[1] for line in service.banner.splitlines() if "metrics: " in line]
        yield service.url, (told or [f"{service.url}/metrics"])[0]


async def scrape(address: str) -> None:
    """Scrape for a round, from another process, and fail unless every scrape is answered."""
    command = ("-m", "tests.operations.scraping", address, TOKEN, str(SCRAPES_A_SECOND), str(SECONDS))
    scraper = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await scraper.communicate()
    assert told.decode().strip() == f"Counter({{'200': {SCRAPES_A_SECOND * SECONDS}}})"


async def ask(alice: httpx2.AsyncClient) -> list[float]:
    """Ask for a round; return the seconds of each request."""
    seconds = []
    for _ in turns(SECONDS):
        began = time.perf_counter()
        (await alice.get("/tasks")).raise_for_status()
        seconds.append(time.perf_counter() - began)
        await asyncio.sleep(PACE)
    return seconds


@pytest.mark.soak
async def test_25_scrapes_a_second_move_the_p95_of_others_by_a_fifth_at_most(addresses: tuple[str, str]) -> None:
    url, address = addresses
    alone: list[float] = []
    beside: list[float] = []
    async with httpx2.AsyncClient(base_url=url, headers=ALICE, timeout=30) as alice:
        await ask(alice)
        for _ in range(ROUNDS):  # in turns, for the machine may be busy with something else
            alone += await ask(alice)
            scraping = asyncio.create_task(scrape(address))
            beside += await ask(alice)
            await scraping
    before, after = (quantiles(seconds, n=20)[-1] * 1000 for seconds in (alone, beside))
    print(  # noqa: T201
        f"\n95 % of {len(beside)} requests beside {SCRAPES_A_SECOND} scrapes a second were answered within"
        f" {after:.1f} ms, alone within {before:.1f} ms."
    )
    assert not SOAK or after <= 1.2 * before
