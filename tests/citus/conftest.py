"""A cluster for these tests, and the application on it."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from fastapi import FastAPI

from taskward.settings import Settings
from tests.citus.cluster import Cluster, spread_cluster
from tests.client import openapi_of
from tests.conftest import SECRET, UNLIMITED, started

DEADLINE = 4.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster over which an empty database is spread."""
    with spread_cluster() as running:
        yield running


@pytest.fixture
def superuser(cluster: Cluster) -> Iterator[psycopg.Connection]:
    with cluster.coordinator.superuser() as connection:
        yield connection


@pytest.fixture
async def app(cluster: Cluster) -> AsyncIterator[FastAPI]:
    settings = Settings(
        DATABASE_URL=cluster.url,
        DATABASE_TIMEOUT_SECONDS=DEADLINE,
        JWT_SECRET_KEY=SECRET,
        RATE_LIMIT=UNLIMITED,
        AUTH_RATE_LIMIT=UNLIMITED,
        MAX_CONCURRENT_REQUESTS=1_000_000,
    )
    async with started(settings) as application:
        openapi_of(application)  # or the first responses would wait for it
        yield application
