import psycopg
import pytest

from bench.data import WITH_100, WITH_MANY, WITH_SOME, DataDisagreeError, check
from bench.databases import Databases
from taskward.app import create_app
from taskward.database.startup_check import check_isolation_at
from taskward.database.url import conninfo
from taskward.features import TABLES
from taskward.settings import Settings
from tests.bench.conftest import SHAPE
from tests.client import connect
from tests.conftest import SECRET

OWNER = SHAPE.typical(1)[0]


async def test_the_service_would_serve_from_what_was_loaded(
    loaded: psycopg.Connection, databases: Databases
) -> None:
    await check_isolation_at(conninfo(databases.url("loaded")), TABLES)


def test_counts_are_those_of_the_shape(loaded: psycopg.Connection) -> None:
    check(loaded, SHAPE)
    rows = loaded.execute("SELECT user_id, count(*) FROM tasks GROUP BY user_id").fetchall()
    counted: dict[str, int] = dict(rows)
    assert counted == SHAPE.counts()
    assert (counted[WITH_MANY], counted[WITH_100], counted[WITH_SOME]) == (60, 100, 6)


async def test_the_counters_go_on_where_loading_ended(loaded: psycopg.Connection, databases: Databases) -> None:
    before = _counters(loaded)
    app = create_app(Settings(DATABASE_URL=databases.url("loaded"), JWT_SECRET_KEY=SECRET))
    async with app.router.lifespan_context(app), connect(app, OWNER, SECRET) as client:
        created = (await client.post("/tasks", json={"title": "Buy milk"})).json()
        listed = (await client.get("/tasks?limit=1")).json()
    assert created["id"] == SHAPE.tasks + 1
    assert created["revision"] == before[0] + 1
    assert listed["tasks"] == [created]
    assert listed["count"] == before[1] + 1
    assert _counters(loaded) == (before[0] + 1, before[1] + 1, before[2])
    check(loaded)


@pytest.mark.parametrize("column", ["revision", "task_count", "completed_count"])
def test_a_counter_that_does_not_agree_is_found(loaded: psycopg.Connection, column: str) -> None:
    loaded.execute(f"UPDATE users SET {column} = {column} - 1 WHERE id = %s".encode(), [OWNER])
    with pytest.raises(DataDisagreeError, match="the counters of 1 users"):
        check(loaded, SHAPE)


def test_data_of_another_shape_are_found(loaded: psycopg.Connection) -> None:
    loaded.execute("DELETE FROM tasks WHERE user_id = %s AND id = (SELECT max(id) FROM tasks WHERE user_id = %s)",
                   [OWNER, OWNER])  # fmt: skip
    with pytest.raises(DataDisagreeError):
        check(loaded, SHAPE)


def _counters(superuser: psycopg.Connection) -> tuple[int, int, int]:
    row = superuser.execute("SELECT revision, task_count, completed_count FROM users WHERE id = %s", [OWNER])
    revision, tasks, completed = row.fetchall()[0]
    return revision, tasks, completed
