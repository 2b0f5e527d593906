from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fastapi import FastAPI

import taskward
from taskward.api.state import state_of
from taskward.database.driver.connection import Connection
from taskward.database.migrate import head
from tests.client import Client, connect

pytestmark = pytest.mark.quick


async def test_a_healthy_service_says_so_to_everybody(anonymous: Client) -> None:
    response = await anonymous.get("/health")
    assert response.status_code == 200
    body = response.json()
    assert body["timestamp"].endswith("Z")
    assert abs(datetime.fromisoformat(body.pop("timestamp")) - datetime.now(UTC)) < timedelta(minutes=1)
    assert body == {"status": "healthy", "database": "connected", "version": taskward.__version__}


async def test_a_service_without_its_database_says_so(
    anonymous: Client, take_database_away: Callable[[], None]
) -> None:
    take_database_away()
    response = await anonymous.get("/health")
    assert response.status_code == 503
    assert (response.json()["status"], response.json()["database"]) == ("unhealthy", "unavailable")
    response = await anonymous.get("/health/ready")
    assert (response.status_code, response.json()) == (503, {"status": "not ready"})


async def test_liveness_needs_no_database(offline: FastAPI) -> None:
    async with connect(offline) as anonymous:
        response = await anonymous.get("/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "live"})


async def test_liveness_does_not_touch_the_database(app: FastAPI, anonymous: Client) -> None:
    asked = 0
    pool = state_of(app).database.pool
    take: Callable[[], Awaitable[Connection]] = pool.acquire

    async def counted() -> Connection:
        nonlocal asked
        asked += 1
        return await take()

    pool.acquire = counted  # type: ignore[method-assign]
    for _ in range(3):
        assert (await anonymous.get("/health/live")).status_code == 200
    assert asked == 0
    assert (await anonymous.get("/health")).status_code == 200
    assert asked == 1


async def test_a_migrated_service_is_ready(anonymous: Client) -> None:
    response = await anonymous.get("/health/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE alembic_version SET version_num = '0001'",
        "UPDATE alembic_version SET version_num = '9999'",
        "DELETE FROM alembic_version",
        f"INSERT INTO alembic_version SELECT 'x' || '{head()}'",
        "DROP TABLE alembic_version",
    ],
)
async def test_a_service_on_another_schema_is_not_ready(
    anonymous: Client, superuser: psycopg.Connection, change: str
) -> None:
    superuser.execute(change.encode())
    response = await anonymous.get("/health/ready")
    assert (response.status_code, response.json()) == (503, {"status": "not ready"})
    assert (await anonymous.get("/health")).status_code == 200
