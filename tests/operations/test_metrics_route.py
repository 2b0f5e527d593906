"""Who may read `/metrics`, and that a scrape costs nobody else anything worth counting."""

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client import generate_latest

from taskward.app import create_app
from taskward.observability.exposition import Exposition
from taskward.settings import Settings
from tests.client import Client, connect
from tests.conftest import SECRET

pytestmark = pytest.mark.quick

TOKEN = "S3cret-of-Prometheus-in-forty-characters"


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When each collection began."""
    began: list[float] = []

    def collect(*arguments: object) -> bytes:
        began.append(time.monotonic())
        return generate_latest(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("taskward.observability.metrics.generate_latest", collect)
    return began


async def test_at_25_scrapes_a_second_one_is_collected_a_second(
    anonymous: Client, collections: list[float]
) -> None:
    async def scrape_later(seconds: float) -> None:
        await asyncio.sleep(seconds)
        assert (await anonymous.get("/metrics")).status_code == 200

    await asyncio.gather(*(scrape_later(number / 25) for number in range(75)))
    assert len(collections) >= 2, "it goes on being new"
    gaps = [later - before for before, later in pairwise(collections)]
    assert min(gaps) >= 1


async def test_a_hundred_at_once_wait_for_one_collection(anonymous: Client, collections: list[float]) -> None:
    responses = await asyncio.gather(*(anonymous.get("/metrics") for _ in range(100)))
    assert len(collections) == 1
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1


async def test_a_collection_that_fails_is_made_anew_by_the_next() -> None:
    results: list[Callable[[], bytes]] = [lambda: b"good", lambda: b"%d" % (1 // 0)]
    exposition = Exposition(lambda: results.pop()())
    with pytest.raises(ZeroDivisionError):
        await exposition.text()
    assert await exposition.text() == b"good"


def application(**settings: object) -> FastAPI:
    given = {"DATABASE_URL": "postgresql://127.0.0.1:1/nothing", "JWT_SECRET_KEY": SECRET, **settings}
    return create_app(Settings.model_validate(given))


async def ask(app: FastAPI, **headers: str) -> httpx2.Response:
    async with connect(app) as anonymous:
        return await anonymous.get(
            "/metrics", headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        )


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_with_a_token_it_is_for_those_who_have_it(
    environment: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = application(ENVIRONMENT=environment, METRICS_TOKEN=TOKEN)
    for scheme in ("Bearer", "bearer"):
        assert "taskward_build_info" in (await ask(app, Authorization=f"{scheme} {TOKEN}")).text
    missing = await ask(app)
    assert (missing.status_code, missing.json()["code"]) == (401, "TOKEN_MISSING")
    assert missing.headers["www-authenticate"] == "Bearer"
    for wrong in (
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer",
        "Bearer \xe9",
        "",
    ):
        refused = await ask(app, Authorization=wrong)
        assert refused.status_code == 401
        assert TOKEN[:8] not in refused.text + str(refused.headers) + caplog.text


async def test_no_users_token_opens_it(alice: Client) -> None:
    assert (await ask(application(METRICS_TOKEN=TOKEN), **alice.headers)).status_code == 401


@pytest.mark.parametrize("settings", [{"ENVIRONMENT": "staging"}, {"METRICS_PORT": 0}, {"METRICS_PORT": 9464}])
async def test_it_is_not_beside_the_api_without_a_token_or_with_a_port(settings: dict[str, object]) -> None:
    app = application(**settings)
    assert (await ask(app)).json()["code"] == "NOT_FOUND"
    assert "/metrics" not in app.openapi()["paths"]
