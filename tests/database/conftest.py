"""The database without HTTP in front of it: empty, or migrated and open under row-level security."""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from taskward.database.transaction import Database
from taskward.database.url import conninfo
from taskward.embedded.server import EmbeddedPostgres
from taskward.tasks.statements import CREATE_TASK
from tests.citus.cluster import ON_CITUS
from tests.tasks.fields import new_values

_numbers = count(1)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alembic: on the tests of pytest-alembic, whose plugin is not loaded")


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a database that has never been migrated."""
    name = sql.Identifier(f"empty_{next(_numbers)}")
    with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as superuser:
        superuser.execute(sql.SQL("CREATE DATABASE {} OWNER taskward").format(name))
        yield postgres.url.replace("/taskward?", f"/{name.as_string()[1:-1]}?")
        superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
async def database(served_url: str) -> AsyncIterator[Database]:
    """The way to user data, with one connection: whatever a transaction leaves on it, the next one finds.

    The roles of its users own nothing, so that a test which goes this way alone needs no database of its own.
    """
    address = make_conninfo(conninfo(served_url), options="-c statement_timeout=20s")  # no test waits for ever
    opened = Database(address, pool_size=1, max_overflow=0)
    if ON_CITUS:
        await opened.find_engine()
    yield opened
    await opened.close()


@pytest.fixture
async def alices_tasks(database: Database) -> list[int]:
    """The ids of two tasks of alice, one to do and one done."""
    uids = {False: "the one", True: None}
    return [await create_task(database, "alice", completed=done, uid=uid) for done, uid in uids.items()]


async def create_task(database: Database, owner: str, *, completed: bool = False, uid: str | None = None) -> int:
    async with database.acting_as(owner) as transaction:
        planned = {
            "due_date": "2026-11-27",
            "priority": "high",
            "tags": ["Home"],
            "uid": uid,
        }
        values = new_values(title=f"Task of {owner}", completed=completed, **planned)
        created = transaction.execute(CREATE_TASK, **values)
    return int(created.all[0]["id"])
