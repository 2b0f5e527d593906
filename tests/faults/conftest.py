"""A server to be killed, a network to be cut, and the service behind them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from fastapi import FastAPI

from taskward.api.state import state_of
from taskward.embedded.server import EmbeddedPostgres
from taskward.settings import Settings
from tests.citus.cluster import ON_CITUS, spread_cluster
from tests.client import openapi_of
from tests.conftest import SECRET, migrated_server, started
from tests.faults.proxy import Proxy

DEADLINE = Settings.model_fields["database_timeout_seconds"].default


@pytest.fixture(scope="module")
def victim() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that no other test uses; with `make test-citus`, the coordinator of such a cluster."""
    if ON_CITUS:
        with spread_cluster() as cluster:
            yield cluster  # type: ignore[misc]  # which has addresses and a process id as well
        return
    with migrated_server(max_connections=30) as server:
        yield server


@pytest.fixture
async def proxy(victim: EmbeddedPostgres) -> AsyncIterator[Proxy]:
    folder = parse_qs(urlsplit(victim.url).query)["host"][0]
    async with Proxy(f"{folder}/.s.PGSQL.5432") as running:
        yield running


@pytest.fixture
async def app(proxy: Proxy) -> AsyncIterator[FastAPI]:
    """The application, with PostgreSQL behind the proxy and a pool of four, and four more."""
    url = f"postgresql://taskward@127.0.0.1:{proxy.port}/taskward?sslmode=disable"
    settings = Settings(
        DATABASE_URL=url,
        DATABASE_TIMEOUT_SECONDS=DEADLINE,
        JWT_SECRET_KEY=SECRET,
        DB_POOL_SIZE=4,
        DB_MAX_OVERFLOW=4,
        MAX_CONCURRENT_REQUESTS=1000,
    )
    async with started(settings) as application:
        openapi_of(application)  # or the first responses would wait for it
        yield application


@pytest.fixture
def superuser(victim: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(f"{victim.superuser_conninfo} dbname=taskward", autocommit=True) as connection:
        yield connection


def backends(superuser: psycopg.Connection) -> list[int]:
    """The process ids of the service's sessions."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'taskward'"
    return [pid for (pid,) in superuser.execute(query)]


async def at_rest(app: FastAPI, superuser: psycopg.Connection) -> None:
    """Wait until no connection is in use; then as many are left as the pool may keep, and not one more."""
    pool = state_of(app).database.pool
    async with asyncio.timeout(10):
        while pool.in_use or len(backends(superuser)) > pool.idle:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert pool.waiting == 0
    assert pool.idle <= 8
