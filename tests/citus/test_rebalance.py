"""A server more: it is made ready, takes its share of the rows, and nobody notices."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from fastapi import FastAPI

from taskward.database.distribute import distribute
from taskward.database.startup_check import check_isolation_at
from taskward.database.url import conninfo
from taskward.features import TABLES
from tests.citus.cluster import Cluster, Node, needs_citus
from tests.client import Client, connect
from tests.conftest import SECRET

pytestmark = needs_citus

USERS = [f"user {number}" for number in range(12)]
SHARDS_OF = """
    SELECT count(*) FROM pg_dist_placement JOIN pg_dist_node USING (groupid)
     WHERE nodeport = %s AND shardid IN (SELECT shardid FROM pg_dist_shard WHERE logicalrelid = 'tasks'::regclass)
"""
# The first as a superuser, as docs/scaling.md says.
START, WAIT = "SELECT citus_rebalance_start(shard_transfer_mode => 'auto')", "SELECT citus_rebalance_wait()"


@pytest.fixture
def third(tmp_path: Path, cluster: Cluster) -> Iterator[Node]:
    """A server that is in the cluster, as docs/scaling.md has one added."""
    with Node(tmp_path) as node:
        cluster.add(node)
        yield node


async def test_a_new_server_takes_its_share_while_everybody_writes(
    app: FastAPI, cluster: Cluster, superuser: psycopg.Connection, third: Node
) -> None:
    address = conninfo(cluster.url)
    assert distribute(address, TABLES) == [], "it makes the new server ready, and has no table to spread"
    moved = asyncio.create_task(asyncio.to_thread(rebalance, cluster))
    written = await asyncio.gather(*(write_until(app, user, moved) for user in USERS))
    await moved
    assert (superuser.execute(SHARDS_OF, [third.port]).fetchone() or (0,))[0] >= 8, "of 32, for three servers"
    await check_isolation_at(address, TABLES)
    for user, created in zip(USERS, written, strict=True):
        async with connect(app, user, SECRET) as client:
            found = (await client.get("/tasks?sort=created&order=asc&limit=100")).json()
        assert [task["id"] for task in found["tasks"]] == created[:100]
        assert found["count"] == len(created)
        assert created == sorted(created)


def rebalance(cluster: Cluster) -> None:
    with psycopg.connect(cluster.coordinator.conninfo("taskward"), autocommit=True) as owner:
        owner.execute(START)
        owner.execute(WAIT)


async def write_until(app: FastAPI, user: str, moved: asyncio.Task[None]) -> list[int]:
    """Create until the rows have moved, and once more; return the ids, each of which was acknowledged."""
    created: list[int] = []
    async with connect(app, user, SECRET) as client:
        while True:
            last = moved.done()
            created.append(await create(client))
            if last:
                return created


async def create(client: Client) -> int:
    """Create a task, in as many attempts as it takes, since a move blocks writes for a moment at its end."""
    while True:
        response = await client.post("/tasks", json={"title": "Buy milk"})
        if response.status_code == 201:
            return int(response.json()["id"])
        assert response.status_code == 503
