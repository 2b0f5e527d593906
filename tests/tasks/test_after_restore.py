"""An older state of the database comes back: each client begins again once, and no entity tag is given twice."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg import sql

from taskward.database.after_restore import begin_again
from taskward.database.startup_check import check_isolation_at
from taskward.database.url import conninfo
from taskward.embedded.server import EmbeddedPostgres
from taskward.features import TABLES
from tests.citus.cluster import ON_CITUS, Cluster
from tests.client import Client
from tests.tasks.path_prefixes import check_refused, create
from tests.tasks.replica import Replica, follow, start

Restore = Callable[[], Awaitable[None]]
BackUp = Callable[[], Awaitable[Restore]]

SAFE_INTEGER = 2**53  # JavaScript counts no further


class Tags:
    """Every entity tag that was ever given, with what it was given for."""

    def __init__(self) -> None:
        self.given: dict[tuple[str, str, str], Any] = {}

    async def look(self, name: str, client: Client) -> None:
        """Read the list and each task, and fail where a tag was given for something else before."""
        listed = await client.get("/tasks")
        self._keep(name, "/tasks", listed.headers["etag"], listed.json())
        for task in listed.json()["tasks"]:
            response = await client.get(f"/tasks/{task['id']}")
            self._keep(name, f"/tasks/{task['id']}", response.headers["etag"], response.json())

    def _keep(self, name: str, path: str, tag: str, body: Any) -> None:
        assert self.given.setdefault((name, path, tag), body) == body, (name, path, tag)


@pytest.fixture
def everybody(alice: Client, bob: Client, charlie: Client) -> dict[str, Client]:
    return {"alice": alice, "bob": bob, "charlie": charlie}


async def connect_again(client: Client) -> None:
    for _ in range(8):  # a read, unlike a write, is sent again over another connection
        assert (await client.get("/tasks")).status_code == 200


async def back_up_cluster(cluster: Cluster, client: Client) -> Restore:
    async def restore() -> None:
        cluster.restore("backup")
        await connect_again(client)

    cluster.back_up("backup")
    await connect_again(client)
    return restore


@pytest.fixture
def backup(database_url: str, postgres: EmbeddedPostgres, alice: Client) -> Iterator[BackUp]:
    """What backs the test's database up, and returns what restores that: as a copy of its files does."""
    name = database_url.split("/")[3].split("?")[0]
    database, copy = sql.Identifier(name), sql.Identifier(f"{name}_backup")
    end_sessions = sql.SQL(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = {} AND pid <> pg_backend_pid()"
    ).format(name)

    async def clone(source: sql.Identifier, target: sql.Identifier) -> None:
        with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as superuser:
            superuser.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(target))
            superuser.execute(end_sessions)
            superuser.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER taskward").format(target, source))
        await connect_again(alice)

    async def back_up() -> Restore:
        await clone(database, copy)
        return partial(clone, copy, database)

    if ON_CITUS:
        yield partial(back_up_cluster, postgres, alice)  # type: ignore[arg-type]  # it is the cluster
        return
    yield back_up
    with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as superuser:
        superuser.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(copy))


async def write(client: Client, what: str) -> None:
    """Write, delete and complete: six numbers."""
    first = await create(client, f"{what}: stays")
    for number in range(2):
        await create(client, f"{what}: {number}")
    await client.delete(f"/tasks/{first['id'] + 1}")
    for _ in range(2):
        await client.patch(f"/tasks/{first['id']}/toggle")


async def begins_again_once(client: Client, replica: Replica) -> None:
    check_refused(await client.get(f"/tasks/changes?since={replica.since}"), 410, "CHANGES_GONE")
    await start(client, replica)
    await in_step(client, replica)


async def in_step(client: Client, replica: Replica) -> None:
    await follow(client, replica)  # fails where it is refused
    listed = (await client.get("/tasks?limit=1000")).json()
    assert (sorted(replica.tasks), replica.since) == (
        sorted(task["id"] for task in listed["tasks"]),
        listed["revision"],
    )
    assert all(replica.tasks[task["id"]] == task for task in listed["tasks"])


async def test_whoever_restores_the_same_backup_twice_confuses_nobody(
    database_url: str, everybody: dict[str, Client], backup: BackUp
) -> None:
    tags = Tags()
    replicas = {name: Replica() for name in everybody}
    for name in ("alice", "bob"):
        await write(everybody[name], "before")
    restore = await backup()
    for round_ in range(3):
        for name, client in everybody.items():  # charlie's first task is in the time that is lost, each time
            await write(client, f"lost {round_}")
            await (start if round_ == 0 else in_step)(client, replicas[name])
            await tags.look(name, client)

        await restore()
        begin_again(conninfo(database_url), TABLES)
        await check_isolation_at(conninfo(database_url), TABLES)

        for name in ("alice", "bob"):
            await tags.look(name, everybody[name])
            await begins_again_once(everybody[name], replicas[name])
            for title in ("after", "later"):
                await write(everybody[name], f"{title} {round_}")
                await tags.look(name, everybody[name])
                await in_step(everybody[name], replicas[name])
        # Of whoever is unknown again, the first write decides where they begin.
        check_refused(
            await everybody["charlie"].get(f"/tasks/changes?since={replicas['charlie'].since}"),
            410,
            "CHANGES_GONE",
        )
        await write(everybody["charlie"], f"after {round_}")
        await tags.look("charlie", everybody["charlie"])
        await begins_again_once(everybody["charlie"], replicas["charlie"])
    assert all(replica.since < SAFE_INTEGER for replica in replicas.values())
    assert len(tags.given) > 50


async def test_without_it_a_tag_is_given_twice(everybody: dict[str, Client], backup: BackUp) -> None:
    """The test above can fail."""
    tags = Tags()
    await write(everybody["alice"], "before")
    restore = await backup()
    await write(everybody["alice"], "lost")
    await tags.look("alice", everybody["alice"])
    await restore()
    await write(everybody["alice"], "after")
    with pytest.raises(AssertionError):
        await tags.look("alice", everybody["alice"])


async def test_it_may_be_done_twice_and_numbers_only_grow(
    database_url: str, alice: Client, superuser: psycopg.Connection
) -> None:
    await write(alice, "before")
    beginnings = []
    for _ in range(3):
        begin_again(conninfo(database_url), TABLES)
        beginnings.append(superuser.execute("SELECT revision FROM users").fetchall()[0][0])
    assert beginnings == sorted(set(beginnings))
    assert beginnings[1] - beginnings[0] >= 2**20
    assert superuser.execute("SELECT user_id, revision, task_id FROM deleted_tasks").fetchall() == [
        ("alice", beginnings[-1], None)
    ]


async def test_a_user_who_was_not_there_begins_above_every_number_of_before(
    database_url: str, alice: Client, bob: Client, superuser: psycopg.Connection
) -> None:
    await create(alice)
    begin_again(conninfo(database_url), TABLES)
    (beginning,) = superuser.execute("SELECT revision FROM users").fetchone() or ()
    task = await create(bob)
    assert task["revision"] == beginning + 1
    check_refused(await bob.get("/tasks/changes?since=5"), 410, "CHANGES_GONE")
    assert (await bob.get(f"/tasks/changes?since={beginning}")).json()["tasks"] == [task]
    assert superuser.execute("SELECT revision FROM deleted_tasks WHERE user_id = 'bob'").fetchall() == [
        (beginning,)
    ]


def test_only_the_owner_of_the_tables_may(database_url: str, superuser: psycopg.Connection) -> None:
    superuser.execute("CREATE ROLE serving LOGIN; GRANT taskward_app TO serving")
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            begin_again(conninfo(database_url.replace("//taskward@", "//serving@")), TABLES)
    finally:
        superuser.execute("DROP ROLE serving")
