"""What is measured of growth, on little data. No time is looked at."""

import asyncio

import psycopg

from bench import growth
from bench.data import check
from bench.databases import Databases
from taskward.database.startup_check import check_isolation_at
from taskward.database.url import conninfo
from taskward.features import TABLES
from tests.bench.conftest import SHAPE


def test_many_updates_are_one_of_each_task_and_counted_as_ever(loaded: psycopg.Connection) -> None:
    before = loaded.execute("SELECT sum(revision) FROM users").fetchone()
    growth.update_many(loaded, SHAPE.tasks)
    assert loaded.execute("SELECT count(*) FROM tasks WHERE title LIKE 'Buy bread%'").fetchone() == (SHAPE.tasks,)
    assert before is not None
    assert loaded.execute("SELECT sum(revision) FROM users").fetchone() == (before[0] + SHAPE.tasks,)
    check(loaded, SHAPE)
    tasks, users = growth.churn(loaded)
    assert (tasks.name, tasks.updates, users.name, users.updates) == ("tasks", SHAPE.tasks, "users", SHAPE.tasks)


def test_the_service_starts_after_many_updates(databases: Databases, loaded: psycopg.Connection) -> None:
    growth.update_many(loaded, SHAPE.tasks)
    asyncio.run(check_isolation_at(conninfo(databases.url("loaded")), TABLES))


def test_tables_and_all_their_indexes_are_weighed(loaded: psycopg.Connection) -> None:
    indexes = loaded.execute("SELECT indexname FROM pg_indexes WHERE tablename IN ('tasks', 'users')").fetchall()
    weights = growth.sizes(loaded)
    assert set(weights) == {"tasks", "users"} | {name for (name,) in indexes}
    assert all(weights.values())
