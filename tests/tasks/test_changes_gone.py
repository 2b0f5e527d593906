"""When what has changed is not known any more: exactly when the first deletion since is older than 30 days."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from fastapi import FastAPI

from taskward.api.state import state_of
from taskward.database.transaction import NOBODY
from taskward.tasks.changes_statements import PURGE_DELETED
from tests.citus.cluster import one_server
from tests.client import Client
from tests.purges import INTERVAL, purges_end, rows_read
from tests.tasks.path_prefixes import check_refused, create

pytestmark = pytest.mark.quick

MARKERS = "SELECT user_id, revision FROM deleted_tasks WHERE task_id IS NULL ORDER BY 1, 2"
TOMBSTONES = "SELECT revision FROM deleted_tasks WHERE task_id IS NOT NULL ORDER BY revision"


async def purge(app: FastAPI, batch: int = 1000) -> int:
    async with state_of(app).database.acting_as(NOBODY) as transaction:
        purged = transaction.execute(PURGE_DELETED, batch=batch)
    return int(purged.all[0]["purged"])


def grow_old(superuser: psycopg.Connection, age: str, up_to: int) -> None:
    superuser.execute(
        "UPDATE deleted_tasks SET deleted_at = now() - %s::interval WHERE revision <= %s", [age, up_to]
    )


async def gone(client: Client, revisions: range) -> list[int]:
    """The revisions of which the changes since are not known any more."""
    answers = {since: await client.get(f"/tasks/changes?since={since}") for since in revisions}
    for response in answers.values():
        if response.status_code != 200:
            check_refused(response, 410, "CHANGES_GONE")
    return [since for since, response in answers.items() if response.status_code == 410]


@pytest.fixture
async def six_deleted(alice: Client) -> AsyncIterator[None]:
    """Alice's revisions 1, 3, 5, … 11 are tasks, and 2, 4, 6, … 12 their deletions."""
    for _ in range(6):
        await alice.delete(f"/tasks/{(await create(alice))['id']}")
    await purges_end()
    yield
    await purges_end()


@pytest.mark.usefixtures("six_deleted")
async def test_it_is_gone_where_the_first_deletion_since_is_too_old_and_else_not(
    app: FastAPI, alice: Client, superuser: psycopg.Connection
) -> None:
    assert await gone(alice, range(15)) == [13, 14]  # higher than the counter
    grow_old(superuser, "29 days 23 hours 59 minutes", 6)
    assert await gone(alice, range(13)) == []
    assert await purge(app) == 0
    grow_old(superuser, "30 days 1 minute", 6)
    assert await gone(alice, range(13)) == [0, 1, 2, 3, 4, 5]
    assert await purge(app) == 3
    assert await gone(alice, range(13)) == [0, 1, 2, 3, 4, 5], "the purge makes no difference"
    assert superuser.execute(MARKERS).fetchall() == [("alice", 6)]
    assert superuser.execute(TOMBSTONES).fetchall() == [(8,), (10,), (12,)]


@pytest.mark.usefixtures("six_deleted")
@pytest.mark.parametrize("batch", [1, 2, 1000])
async def test_each_purge_moves_the_marker_on(
    app: FastAPI, alice: Client, superuser: psycopg.Connection, batch: int
) -> None:
    for up_to in (2, 2, 6, 12):
        superuser.execute(
            "UPDATE deleted_tasks"
            " SET deleted_at = (deleted_at AT TIME ZONE 'UTC' - interval '31 days') AT TIME ZONE 'UTC'"
            " WHERE revision <= %s AND task_id IS NOT NULL AND deleted_at > now() - interval '30 days'",
            [up_to],
        )
        before = await gone(alice, range(13))
        while await purge(app, batch) == batch:
            pass
        assert await gone(alice, range(13)) == before == list(range(up_to))
        assert superuser.execute(MARKERS).fetchall() == [("alice", up_to)]
    assert superuser.execute(TOMBSTONES).fetchall() == []
    assert superuser.execute("SELECT uid FROM deleted_tasks WHERE uid IS NOT NULL").fetchall() == []


async def test_the_purge_of_one_user_is_nothing_to_another(
    app: FastAPI, alice: Client, bob: Client, superuser: psycopg.Connection
) -> None:
    for client in (alice, bob):
        for _ in range(2):
            await client.delete(f"/tasks/{(await create(client))['id']}")
    superuser.execute("UPDATE deleted_tasks SET deleted_at = now() - interval '31 days' WHERE user_id = 'bob'")
    await purge(app)
    assert (await gone(alice, range(5)), await gone(bob, range(5))) == ([], [0, 1, 2, 3])
    assert superuser.execute(MARKERS).fetchall() == [("bob", 4)]


async def test_deletions_set_off_the_purge(
    alice: Client, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(INTERVAL, 0)
    tasks = [await create(alice) for _ in range(3)]
    for task in tasks[:2]:
        await alice.delete(f"/tasks/{task['id']}")
    await purges_end()
    grow_old(superuser, "31 days", 5)
    await alice.delete(f"/tasks/{tasks[2]['id']}")
    await purges_end()
    assert superuser.execute(MARKERS).fetchall() == [("alice", 5)]
    assert superuser.execute(TOMBSTONES).fetchall() == [(6,)]


@pytest.mark.usefixtures("six_deleted")
async def test_where_a_clock_was_set_back_nothing_is_left_out_in_silence(
    app: FastAPI, alice: Client, superuser: psycopg.Connection
) -> None:
    grow_old(superuser, "31 days", 12)
    superuser.execute("UPDATE deleted_tasks SET deleted_at = now() WHERE revision = 4")
    page = (await alice.get("/tasks/changes?since=3")).json()
    assert [gone["revision"] for gone in page["deleted"]] == [4, 6, 8, 10, 12]
    assert await purge(app) == 5
    assert superuser.execute(TOMBSTONES).fetchall() == [(4,)]
    for since in (0, 2, 3, 4, 11):
        check_refused(await alice.get(f"/tasks/changes?since={since}"), 410, "CHANGES_GONE")
    assert (await alice.get("/tasks/changes?since=12")).json()["deleted"] == []


async def test_a_deleted_user_leaves_nothing_and_comes_back_to_nothing(
    alice: Client, bob: Client, superuser: psycopg.Connection
) -> None:
    for client in (alice, bob):
        await create(client)
        await client.delete(f"/tasks/{(await create(client))['id']}")
    assert (await alice.delete("/auth/me")).status_code == 204
    assert superuser.execute("SELECT DISTINCT user_id FROM deleted_tasks").fetchall() == [("bob",)]
    assert (await alice.get("/tasks/changes")).json()["count"] == 0
    check_refused(await alice.get("/tasks/changes?since=3"), 410, "CHANGES_GONE")
    task = await create(alice)
    assert (await alice.get("/tasks/changes")).json()["tasks"] == [task]


@one_server("what a purge reads is counted on the server with the rows")
def test_the_purge_reads_no_marker_and_not_the_whole_table(superuser: psycopg.Connection) -> None:
    superuser.execute("INSERT INTO users (id, revision) SELECT n, 1 FROM generate_series(1, 20000) AS n")
    superuser.execute(
        "INSERT INTO deleted_tasks SELECT n, 2, n, NULL, now() - n * interval '10 minutes'"
        " FROM generate_series(1, 20000) AS n"
    )
    superuser.execute("ANALYZE deleted_tasks")
    assert rows_read(superuser, "purge_deleted_tasks(100)", "deleted_tasks") <= 600  # of 40,000


@pytest.mark.usefixtures("six_deleted")
async def test_a_user_has_so_many_deletions_and_then_one_marker_for_all(
    alice: Client, bob: Client, superuser: psycopg.Connection
) -> None:
    await bob.delete(f"/tasks/{(await create(bob))['id']}")
    tasks = [await create(alice) for _ in range(3)]  # 13, 14, 15
    assert superuser.execute("SELECT deleted_count FROM users WHERE id = 'alice'").fetchone() == (6,)
    superuser.execute("UPDATE users SET deleted_count = 99999")
    await alice.delete(f"/tasks/{tasks[0]['id']}")  # 16
    assert await gone(alice, range(17)) == []
    await alice.delete(f"/tasks/{tasks[1]['id']}")  # 17
    assert await gone(alice, range(18)) == list(range(17))
    assert superuser.execute(MARKERS).fetchall() == [("alice", 17)]
    assert superuser.execute(TOMBSTONES).fetchall() == [(2,)], "bob's"
    await alice.delete(f"/tasks/{tasks[2]['id']}")  # 18
    assert await gone(alice, range(19)) == list(range(17))
    counts = superuser.execute("SELECT id, deleted_count FROM users ORDER BY id").fetchall()
    assert counts == [("alice", 1), ("bob", 99999)]
