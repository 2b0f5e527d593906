from collections.abc import Callable, Iterator

import psycopg
import pytest
from fastapi import FastAPI
from psycopg import sql

from taskward.app import create_app
from taskward.database.embedded import EmbeddedPostgres
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.http.wire import JSON, Wire, request
from tests.service import Service


@pytest.fixture
def take_database_away(postgres: EmbeddedPostgres, superuser: psycopg.Connection) -> Callable[[], None]:
    """Return a function after which the test's database takes no new connection and ends those it has."""
    info = superuser.info

    def take_away() -> None:
        with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as elsewhere:
            elsewhere.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(info.dbname))
            )
        superuser.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    return take_away


@pytest.fixture
def offline() -> FastAPI:
    """The application without a database, for what must not need one."""
    return create_app(Settings(DATABASE_URL="postgresql://127.0.0.1:1/nothing", JWT_SECRET_KEY=SECRET))


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service in a process of its own. alice and bob have one task each; tests leave it so."""
    folder = tmp_path_factory.mktemp("wire") / "data"
    with Service(folder, {"JWT_SECRET_KEY": SECRET, "DB_POOL_SIZE": "4"}) as running:
        with Wire(running.url) as wire:
            for user in ("alice", "bob"):
                body = b'{"title":"Secret of %s"}' % user.encode()
                wire.send(request("POST", "/tasks", user, JSON, body))
                created = wire.read()
                assert created is not None
                assert created.status == 201
        yield running


@pytest.fixture(scope="session")
def battered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service in a process of its own, on which tests may do what they like."""
    with Service(tmp_path_factory.mktemp("battered") / "data", {"JWT_SECRET_KEY": SECRET}) as running:
        yield running
