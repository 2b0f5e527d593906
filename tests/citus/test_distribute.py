"""`taskward distribute`, on a database that is filled, and on clusters that are not as they must be."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest

from taskward.database.cluster import CannotDistributeError, check_entry
from taskward.database.distribute import distribute, is_distributed
from taskward.database.migrate import migrate
from taskward.database.transaction import Database
from taskward.database.url import conninfo
from taskward.errors import DatabaseUnavailableError
from taskward.features import TABLES
from taskward.tasks.idempotency import CREATE_TASK_ONCE
from taskward.tasks.statements import CREATE_TASK, delete_task
from tests.books import check_books
from tests.citus.cluster import Cluster, cluster_on_this_machine, needs_citus
from tests.profiles import SOAK, by_profile
from tests.tasks.fields import new_values

pytestmark = needs_citus

USERS, TASKS = 20, 15
SHARDS = "SELECT logicalrelid::text, count(*) FROM pg_dist_shard GROUP BY 1 ORDER BY 1"
WITH_A_USER = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
       AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'user_id')
"""

# What everybody may call of what runs with the rights of others.
FOR_ALL = """
    SELECT oid::regprocedure::text FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace AND prosecdef
       AND EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)
"""

# Of those who do not write meanwhile.
DIGEST = """
    SELECT 'tasks', count(*), sum(hashtextextended(tasks::text, 0)::numeric) FROM tasks WHERE user_id <> 'alice'
    UNION ALL
    SELECT 'users', count(*), sum(hashtextextended(users::text, 0)::numeric) FROM users WHERE id <> 'alice'
"""
WAITS_FOR_TASKS = "SELECT pid FROM pg_locks WHERE relation = 'tasks'::regclass AND NOT granted"
OF_ALICE = """
    SELECT task_count, revision, (SELECT count(*) FROM tasks WHERE user_id = 'alice') FROM users WHERE id = 'alice'
"""


@pytest.fixture(scope="module")
def empty() -> Iterator[Cluster]:
    """A cluster with nothing in it but the newest schema, on the coordinator alone."""
    with cluster_on_this_machine() as running:
        migrate(conninfo(running.url))
        yield running


async def fill(address: str) -> None:
    """Leave something in every table of users' data."""
    database = Database(address, pool_size=4, max_overflow=0, timeout=60)
    for number in range(USERS):
        owner = f"user {number}"
        for _ in range(TASKS):
            async with database.acting_as(owner) as transaction:
                created = transaction.execute(
                    CREATE_TASK, **new_values(tags=["a", "b"], completed=number % 2 == 0)
                )
        async with database.acting_as(owner) as transaction:
            transaction.execute(delete_task(conditional=False), task_id=created.all[0]["id"], expected=None)
            transaction.execute(CREATE_TASK_ONCE, key="a key", fingerprint=bytes(32), **new_values(uid="a name"))
    await database.close()


def contents(superuser: psycopg.Connection) -> dict[str, list[str]]:
    """Return every row of every table of users' data."""
    return {
        table: sorted(repr(row) for row in superuser.execute(f"SELECT * FROM {table}".encode()))
        for table in TABLES.spread
    }


async def test_a_cluster_that_is_not_as_it_must_be_is_refused_and_then_all_rows_stay_as_they_are(
    empty: Cluster,
) -> None:
    address = conninfo(empty.url)
    await fill(address)
    with empty.coordinator.superuser() as superuser:
        before = contents(superuser)
        assert all(before.values())

        superuser.execute("CREATE TABLE notes (user_id text)")
        with pytest.raises(CannotDistributeError, match=r"^notes: not a table of this Taskward"):
            distribute(address, TABLES)
        superuser.execute("DROP TABLE notes")
        superuser.execute("ALTER ROLE taskward NOBYPASSRLS")
        with pytest.raises(CannotDistributeError, match="ALTER ROLE taskward BYPASSRLS"):
            distribute(address, TABLES)
        superuser.execute("ALTER ROLE taskward BYPASSRLS")
        worker = empty.workers[0]
        with pytest.raises(CannotDistributeError, match="not the coordinator"):
            distribute(worker.conninfo("taskward"), TABLES)
        with pytest.raises(CannotDistributeError, match="not the coordinator"):
            check_entry(worker.conninfo("taskward"))
        check_entry(address)
        assert not is_distributed(address)
        assert contents(superuser) == before

        assert await distribute_across(empty, address) == list(TABLES.spread)
        assert is_distributed(address)
        assert contents(superuser) == before, "no id, revision or count is another"
        for worker in empty.workers:
            with worker.superuser() as there:
                assert set(there.execute(FOR_ALL).fetchall()) <= set(superuser.execute(FOR_ALL).fetchall())
        assert superuser.execute(SHARDS).fetchall() == [(table, 32) for table in sorted(TABLES.spread)]
        with_a_user = {name for (name,) in superuser.execute(WITH_A_USER)}
        assert with_a_user - set(TABLES.spread) == {"personal_tokens"}, "which decision 32 tells of"
        assert distribute(address, TABLES) == [], "it may be run again"

    database = Database(address, pool_size=1, max_overflow=0, timeout=60)
    await database.find_engine()
    async with database.acting_as("user 1") as transaction:
        created = transaction.execute(CREATE_TASK, **new_values())
    highest = max(int(row.split(",")[1]) for row in before["tasks"])
    assert created.all[0]["id"] > highest
    assert created.all[0]["revision"] == TASKS + 3
    await database.close()


async def distribute_across(cluster: Cluster, address: str) -> list[str]:
    """Distribute while a transaction holds one table and then wants another, as a write may: it comes first."""
    with cluster.coordinator.superuser() as writer, cluster.coordinator.superuser() as superuser:
        with writer.transaction():
            writer.execute("LOCK TABLE tasks IN ROW EXCLUSIVE MODE")
            spreading = asyncio.create_task(asyncio.to_thread(distribute, address, TABLES))
            while not superuser.execute(WAITS_FOR_TASKS).fetchone():  # noqa: ASYNC110  # PostgreSQL has no event
                await asyncio.sleep(0.005)
            writer.execute("LOCK TABLE users IN ROW EXCLUSIVE MODE")
        return await spreading


def test_a_cluster_without_workers_is_refused() -> None:
    with cluster_on_this_machine(workers=0) as alone:
        migrate(conninfo(alone.url))
        with pytest.raises(CannotDistributeError, match="citus_add_node"):
            distribute(conninfo(alone.url), TABLES)


FILL = """
    DO $$
    BEGIN
        PERFORM set_config('session_replication_role', 'replica', true); -- no trigger numbers them one by one
        INSERT INTO users (id, revision, task_count, completed_count)
        SELECT 'many ' || number, {each}, {each}, {each} / 2 FROM generate_series(1, {users}) AS number;
        INSERT INTO tasks (id, user_id, title, completed, completed_at, revision, created_at, updated_at)
        SELECT nextval('tasks_id_seq'), 'many ' || ((number - 1) / {each} + 1), 'Task ' || number, number % 2 = 0,
               CASE WHEN number % 2 = 0 THEN now() END, (number - 1) % {each} + 1, now(), now()
          FROM generate_series(1, {users} * {each}) AS number;
    END
    $$
"""
TASKS_OF_EACH = 100


@pytest.mark.soak
async def test_while_many_tasks_are_spread_writes_are_refused_for_a_minute_at_most() -> None:
    """The minute is held in the long run, of 1,000,000 tasks; the short one has few, and holds what they are."""
    users = by_profile(20, 10_000)
    with cluster_on_this_machine() as many:
        migrate(conninfo(many.url))
        with many.coordinator.superuser() as superuser:
            superuser.execute(FILL.format(users=users, each=TASKS_OF_EACH).encode())
            before = superuser.execute(DIGEST).fetchall()
        database = Database(conninfo(many.url), pool_size=1, max_overflow=0, timeout=4, precondition=looks)
        began, gap, created = time.monotonic(), 0.0, 0
        spreading = asyncio.create_task(asyncio.to_thread(distribute, conninfo(many.url), TABLES))
        while not (spreading.done() and (spreading.exception() or database.distributed)):
            with suppress(DatabaseUnavailableError):
                async with database.acting_as("alice") as transaction:
                    transaction.execute(CREATE_TASK, **new_values())
                created += 1
                began, gap = time.monotonic(), max(gap, time.monotonic() - began)
        assert await spreading == list(TABLES.spread)
        await database.close()
        with many.coordinator.superuser() as superuser:
            assert superuser.execute(DIGEST).fetchall() == before
            assert superuser.execute(OF_ALICE).fetchone() == (created, created, created)
            check_books(superuser)
    print(f"\n{users * TASKS_OF_EACH} tasks spread, writes refused for {gap:.1f} s")  # noqa: T201
    if SOAK:
        assert gap <= 60


async def looks(database: Database) -> None:
    await database.find_engine()
