from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from taskward.embedded.server import EmbeddedPostgres
from tests.cli.client.people import Person
from tests.conftest import SECRET
from tests.service import Service

DATABASE = "command_line"

_numbers = count(1)


@pytest.fixture(scope="session")
def service(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service for all of these tests. Everybody in them has an account or a user id of their own."""
    with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {DATABASE} TEMPLATE taskward OWNER taskward".encode())
    settings = {"DATABASE_URL": postgres.url.replace("/taskward?", f"/{DATABASE}?"), "JWT_SECRET_KEY": SECRET}
    with Service(tmp_path_factory.mktemp("service") / "data", settings) as running:
        yield running


@pytest.fixture
def superuser_there(postgres: EmbeddedPostgres, service: Service) -> Iterator[psycopg.Connection]:
    with psycopg.connect(f"{postgres.superuser_conninfo} dbname={DATABASE}", autocommit=True) as connection:
        yield connection


@pytest.fixture
def stranger(tmp_path: Path, service: Service) -> Person:
    """Somebody who has not logged in."""
    return Person(tmp_path, service.url)


@pytest.fixture
def alice(stranger: Person) -> Person:
    """Somebody with no tasks yet, logged in by a token."""
    return stranger.has_token(f"alice-{next(_numbers)}")
