"""All servers of a cluster go back to one moment, from base backups and archived WAL, as docs/scaling.md tells."""

import asyncio
import shutil
import time
from collections.abc import Iterator

import psycopg
import pytest
from fastapi import FastAPI

from taskward.database.after_restore import begin_again
from taskward.database.startup_check import check_isolation_at
from taskward.database.url import conninfo
from taskward.features import TABLES
from tests.books import check_books
from tests.citus.cluster import Cluster, Node, needs_citus, spread_cluster
from tests.client import Client, connect
from tests.conftest import SECRET

pytestmark = needs_citus

USERS = [f"user {number}" for number in range(8)]
RECOVERY = """
restore_command = 'cp {folder}/archive/%f %p'
recovery_target_name = 'a good moment'
recovery_target_action = 'promote'
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster each of whose servers archives its WAL."""
    with spread_cluster() as running:
        for node in running.nodes:
            archive(node)
        yield running


def archive(node: Node) -> None:
    (node.folder / "archive").mkdir()
    with node.superuser() as superuser:
        superuser.execute("ALTER SYSTEM SET archive_mode = on")
        superuser.execute(f"ALTER SYSTEM SET archive_command = 'cp %p {node.folder}/archive/%f'".encode())
    node.stop()
    node.start()


async def test_a_cluster_goes_back_to_a_moment_in_the_middle_of_writes(
    app: FastAPI, cluster: Cluster, superuser: psycopg.Connection
) -> None:
    enough = asyncio.Event()
    acknowledged: dict[str, list[int]] = {user: [] for user in USERS}
    writing = [asyncio.create_task(write(app, user, acknowledged[user], enough)) for user in USERS]
    for node in cluster.nodes:
        await asyncio.to_thread(base_backup, node)
    await written(acknowledged, 3)
    before = {user: list(ids) for user, ids in acknowledged.items()}
    await asyncio.to_thread(superuser.execute, "SELECT citus_create_restore_point('a good moment')")
    await written(acknowledged, 3)
    enough.set()
    await asyncio.gather(*writing)
    newest = max(max(ids) for ids in acknowledged.values())
    superuser.close()

    for node in cluster.nodes:
        await asyncio.to_thread(finish_archive, node)
        node.kill()
    for node in cluster.nodes:
        await asyncio.to_thread(go_back, node)
    begin_again(conninfo(cluster.url), TABLES)
    await check_isolation_at(conninfo(cluster.url), TABLES)

    for user in USERS:
        async with connect(app, user, SECRET) as client:
            tasks = await read_again(client)
            assert tasks[: len(before[user])] == before[user]
            assert tasks == acknowledged[user][: len(tasks)]
            assert len(tasks) < len(acknowledged[user])
            assert (await client.post("/tasks", json={"title": "Buy bread"})).json()["id"] > newest
    with cluster.coordinator.superuser() as connection:
        check_books(connection)


async def write(app: FastAPI, user: str, ids: list[int], enough: asyncio.Event) -> None:
    async with connect(app, user, SECRET) as client:
        while not enough.is_set():
            response = await client.post("/tasks", json={"title": "Buy milk"})
            assert response.status_code == 201
            ids.append(response.json()["id"])


async def written(acknowledged: dict[str, list[int]], more: int) -> None:
    """Wait until so many more writes of everybody are acknowledged."""
    goal = {user: len(ids) + more for user, ids in acknowledged.items()}
    async with asyncio.timeout(60):
        while any(len(acknowledged[user]) < goal[user] for user in goal):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def read_again(client: Client) -> list[int]:
    """Read the list over a connection of now: a read is sent again where those of before are gone."""
    async with asyncio.timeout(30):
        while (response := await client.get("/tasks?sort=created&order=asc&limit=1000")).status_code != 200:
            assert response.status_code == 503
    return [task["id"] for task in response.json()["tasks"]]


def base_backup(node: Node) -> None:
    node.run(
        "pg_basebackup", f"--dbname={node.conninfo('postgres', 'postgres')}", f"--pgdata={node.folder}/base",
        "--checkpoint=fast", "--wal-method=none", "--no-manifest",
    )  # fmt: skip


def finish_archive(node: Node) -> None:
    """Have all WAL in the archive."""
    with node.superuser() as superuser:
        (name,) = superuser.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone() or ("",)
    until = time.monotonic() + 30
    while not (node.folder / "archive" / name).exists():
        assert time.monotonic() < until, node.log.read_text()
        time.sleep(0.02)  # PostgreSQL offers no event to wait for


def go_back(node: Node) -> None:
    """Restore a server's base backup, and replay its WAL to the moment that was marked in that of all."""
    shutil.rmtree(node.data)
    (node.folder / "base").rename(node.data)
    with (node.data / "postgresql.auto.conf").open("a") as settings:
        settings.write(RECOVERY.format(folder=node.folder))
    (node.data / "recovery.signal").touch()
    node.start()
    until = time.monotonic() + 60
    with node.superuser() as superuser:
        while superuser.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
            assert time.monotonic() < until, node.log.read_text()
            time.sleep(0.02)  # PostgreSQL offers no event to wait for
