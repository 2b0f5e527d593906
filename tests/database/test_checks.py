"""What no task can be, whoever writes it: PostgreSQL's own last word on values."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from taskward.database.migrate import migrate
from taskward.database.url import conninfo
from tests.citus.cluster import one_server
from tests.database.downgrades import downgrade

pytestmark = one_server("a cluster has the same checks, from the same migrations")

A_DAY, A_TIME = {"due_date": "2026-11-27"}, {"due_date": "2026-11-27", "due_time": "18:00"}

GOOD: list[dict[str, Any]] = [
    {"title": "é" * 200},
    {"description": ""},
    {"description": "é" * 1000},
    {"uid": "é" * 255},
    {"completed": True},
    {"due_date": "1900-01-01"},
    {"due_date": "9999-12-31"},
    A_DAY | {"due_time": "00:00"},
    A_DAY | {"due_time": "23:59"},
    A_TIME | {"due_zone": "é" * 255},
    {"priority": "medium"},
    {"tags": ["é" * 50] * 20},
]
BAD: list[tuple[str, dict[str, Any]]] = [
    ("fields", {"title": ""}),
    ("fields", {"title": "é" * 201}),
    ("fields", {"description": "é" * 1001}),
    ("fields", {"uid": ""}),
    ("fields", {"uid": "é" * 256}),
    ("fields", {"uid": "a\nb"}),
    ("fields", {"uid": "a\u2028b"}),
    ("fields", {"due_date": "1899-12-31"}),
    ("fields", {"due_date": "10000-01-01"}),
    ("fields", A_DAY | {"due_time": "24:00"}),
    ("fields", A_DAY | {"due_time": "18:00:30"}),
    ("fields", A_TIME | {"due_zone": ""}),
    ("fields", A_TIME | {"due_zone": "é" * 256}),
    ("fields", {"priority": "urgent"}),
    ("fields", {"tags": ["a"] * 21}),
    ("fields", {"tags": ["é" * 51]}),
    ("fields", {"tags": [""]}),
    ("fields", {"tags": ["a,b"]}),
    ("fields", {"tags": ["a\tb"]}),
    ("fields", {"tags": [None]}),
    ("due_time_needs_date", {"due_time": "18:00"}),
    ("due_zone_needs_time", {"due_zone": "Europe/Berlin"}),
    ("due_zone_needs_time", A_DAY | {"due_zone": "Europe/Berlin"}),
]


@pytest.fixture(params=["made", "migrated with a task in it"])
def tasks(request: pytest.FixtureRequest, database_url: str, superuser: psycopg.Connection) -> psycopg.Connection:
    """A connection to a database with a task of alice's."""
    if request.param != "made":
        downgrade(conninfo(database_url), "0017")
    superuser.execute("INSERT INTO tasks (user_id, title) VALUES ('alice', 'Buy milk')")
    migrate(conninfo(database_url))
    validated = superuser.execute("SELECT convalidated FROM pg_constraint WHERE conname = 'ck_tasks_fields'")
    assert validated.fetchone() == (request.param == "made",)  # or all rows would have been read once more
    return superuser


def insert(values: dict[str, Any]) -> sql.Composed:
    return sql.SQL("INSERT INTO tasks (user_id, {}) VALUES ('alice', {})").format(
        sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(map(sql.Placeholder, values))
    )


def update(values: dict[str, Any]) -> sql.Composed:
    changes = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values]
    return sql.SQL("UPDATE tasks SET {}").format(sql.SQL(", ").join(changes))


@pytest.mark.parametrize("write", [insert, update])
def test_a_task_is_what_it_may_be_and_nothing_else(
    tasks: psycopg.Connection, write: Callable[[dict[str, Any]], sql.Composed]
) -> None:
    for good in GOOD:
        values = {"title": "Buy bread", **good}
        with tasks.transaction(force_rollback=True):
            tasks.execute(write(values), values)
    for name, bad in BAD:
        values = {"title": "Buy bread", **bad}
        with pytest.raises(errors.CheckViolation) as refusal, tasks.transaction():
            tasks.execute(write(values), values)
        assert refusal.value.diag.constraint_name == f"ck_tasks_{name}", bad
