from collections.abc import Callable

import psycopg
import pytest
from fastapi import FastAPI
from psycopg import sql

from taskward.app import create_app
from taskward.database.embedded import EmbeddedPostgres
from taskward.settings import Settings
from tests.conftest import SECRET


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
