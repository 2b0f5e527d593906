"""A real PostgreSQL for every test: one server for the run, and for each test a clone of a migrated template."""

import logging
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import hypothesis
import psycopg
import pytest
from fastapi import FastAPI
from psycopg import sql

from taskward.app import create_app
from taskward.database.migrate import INHERIT_NOTHING
from taskward.embedded.server import EmbeddedPostgres
from taskward.settings import Settings
from tests.citus.cluster import ON_CITUS, spread_cluster
from tests.client import Client, connect
from tests.prepared import prepare
from tests.profiles import SOAK
from tests.purges import purges_end
from tests.tasks.wire import CountingProxy

SECRET = "a secret for tests, of more than 32 characters"
TEMPLATE = "taskward"
UNLIMITED = "1000000/second"

CONNECTIONS = """
    SELECT usename, query FROM pg_stat_activity
     WHERE datname = %s AND state LIKE 'idle%%' AND pid <> pg_backend_pid()
"""
# Triggers and keys rest meanwhile, so that the order of tables means nothing.
EMPTY = """
    DO $$
    DECLARE
        name text;
    BEGIN
        PERFORM set_config('session_replication_role', 'replica', true);
        FOR name IN SELECT tablename FROM pg_tables
                     WHERE schemaname = 'public' AND tablename <> 'alembic_version'
        LOOP
            EXECUTE format('DELETE FROM %I', name);
        END LOOP;
        PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
    END
    $$
"""

_numbers = count(1)

# The same examples each time, so that what a run tells is of the code alone; `make soak` draws new ones.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.load_profile("default" if SOAK else "same")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the developer's environment and `.env` out of the tests, and have them wait for a busy machine."""
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)
    os.environ.pop("BETTER_AUTH_SECRET", None)
    os.environ["DATABASE_TIMEOUT_SECONDS"] = "30"  # tests of the time itself say which
    signal.signal(signal.SIGINT, signal.default_int_handler)  # started with a shell's `&`, all of us ignore it
    os.chdir(tmp_path_factory.mktemp("elsewhere"))


def _log_levels() -> dict[str, int]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    return {each.name: each.level for each in loggers if isinstance(each, logging.Logger)}


@pytest.fixture(autouse=True)
def _levels_of_logs_stay() -> Iterator[None]:
    """Fail the test that leaves a logger saying more or less, which would fail another one."""
    before = _log_levels()
    yield
    after = _log_levels()
    assert before == {name: after[name] for name in before}, "a logger was left with another level"


@contextmanager
def migrated_server(*, max_connections: int) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of its own, with a migrated database.

    It does not wait for the disk: tests end processes, never the machine, and a slow disk must not fail them.
    """
    with tempfile.TemporaryDirectory(prefix="taskward-tests-") as folder:
        prepare(Path(folder))
        with EmbeddedPostgres(Path(folder), max_connections=max_connections) as server:
            with psycopg.connect(server.superuser_conninfo, autocommit=True) as superuser:
                superuser.execute("ALTER SYSTEM SET fsync = off")
                superuser.execute("SELECT pg_reload_conf()")
            yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The server of this run, with a migrated database that is cloned for each test and never written to.

    With `make test-citus` it is the coordinator of a cluster.
    """
    if ON_CITUS:
        with spread_cluster() as cluster:
            cluster.prepare_for_tests()
            yield cluster  # type: ignore[misc]  # which has an address for all, and one for the superuser, as well
        return
    with migrated_server(max_connections=100) as server:
        yield server


@pytest.fixture
def database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a fresh, migrated database. Its role owns the tables, and is no superuser."""
    with _clone(postgres) as database:
        yield _url(postgres, database)


@pytest.fixture(scope="session")
def kept_database(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """A superuser's connection to a migrated database that is emptied after each test, in a tenth of the time."""
    with (
        _clone(postgres) as database,
        psycopg.connect(f"{postgres.superuser_conninfo} dbname={database}", autocommit=True) as superuser,
    ):
        yield superuser


@pytest.fixture
def served_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the database that the application is given.

    It is the one that the test has asked for, and may have done anything to. Where nobody did, it is the kept one.
    A cluster is one and the same.
    """
    if ON_CITUS or "database_url" in request.fixturenames:
        yield request.getfixturevalue("database_url")
        return
    superuser = request.getfixturevalue("kept_database")
    yield _url(request.getfixturevalue("postgres"), superuser.info.dbname)
    _nobody_is_left(superuser, superuser.info.dbname)
    superuser.execute(EMPTY)


@pytest.fixture(scope="module")
def database_settings(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Settings that give a service a database of its own: none, as it brings one, or the cluster."""
    if not ON_CITUS:
        yield {}
        return
    postgres = request.getfixturevalue("postgres")
    with _clone(postgres) as database:
        yield {"DATABASE_URL": _url(postgres, database)}


@contextmanager
def _clone(postgres: EmbeddedPostgres) -> Iterator[str]:
    if ON_CITUS:  # whose databases cannot be cloned
        try:
            yield TEMPLATE
        finally:
            postgres.make_good()  # type: ignore[attr-defined]  # it is the cluster
        return
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as superuser:
        superuser.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER taskward").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE)
            )
        )
        superuser.execute(INHERIT_NOTHING)  # a test may have downgraded, and roles belong to the whole server
        try:
            yield name
            _nobody_is_left(superuser, name)
        finally:
            superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _url(postgres: EmbeddedPostgres, database: str) -> str:
    return postgres.url.replace(f"/{TEMPLATE}?", f"/{database}?")


def _nobody_is_left(superuser: psycopg.Connection, database: str) -> None:
    """Fail the test that leaves a connection open, which would fail another one; the server needs a moment."""
    until = time.monotonic() + 5
    while left := superuser.execute(CONNECTIONS, [database]).fetchall():
        assert time.monotonic() < until, f"connections were left open: {left}"
        time.sleep(0.002)


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[CountingProxy]:
    """A proxy in front of the test's database. Whoever wants it connects to its folder."""
    async with CountingProxy.before(database_url) as proxy:
        yield proxy


@pytest.fixture
def superuser(postgres: EmbeddedPostgres, database_url: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection to the test's database: sees everything, and can break everything."""
    name = database_url.split("/")[3].split("?")[0]
    with psycopg.connect(f"{postgres.superuser_conninfo} dbname={name}", autocommit=True) as connection:
        yield connection


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


@pytest.fixture
def settings(served_url: str) -> Settings:
    return Settings(
        DATABASE_URL=served_url,
        JWT_SECRET_KEY=SECRET,
        DB_POOL_SIZE=2,
        DB_MAX_OVERFLOW=6,
        RATE_LIMIT=UNLIMITED,
        AUTH_RATE_LIMIT=UNLIMITED,
        MAX_CONCURRENT_REQUESTS=1_000_000,
    )


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, from its start to its end."""
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        yield application
        await purges_end()  # one that is under way would leave its connection open


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, started."""
    async with started(settings) as application:
        yield application


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[Client]:
    async with connect(app) as client:
        yield client


@pytest.fixture
async def alice(app: FastAPI) -> AsyncIterator[Client]:
    """Owns the tasks of a test."""
    async with connect(app, "alice", SECRET) as client:
        yield client


@pytest.fixture
async def bob(app: FastAPI) -> AsyncIterator[Client]:
    """A stranger who would like to have alice's tasks."""
    async with connect(app, "bob", SECRET) as client:
        yield client


@pytest.fixture
async def charlie(app: FastAPI) -> AsyncIterator[Client]:
    """A user who has never written anything."""
    async with connect(app, "charlie", SECRET) as client:
        yield client
