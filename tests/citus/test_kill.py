"""kill -9 of any server of the cluster, and rows on the move, under 32 writers: nothing acknowledged is lost."""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.citus.cluster import Cluster, Node, needs_citus
from tests.conftest import SECRET
from tests.faults.writers import Ledger, Writer
from tests.profiles import by_profile
from tests.service import Service

pytestmark = [needs_citus, pytest.mark.soak]

WRITERS, USERS = 32, 8
KILLS, MOVES, WRITES = by_profile(4, 30), by_profile(2, 10), by_profile(800, 50_000)

# Where a user's rows are, and where they could be.
A_MOVE = """
    SELECT shardid, here.nodename, here.nodeport, there.nodename, there.nodeport
      FROM pg_dist_placement JOIN pg_dist_node AS here USING (groupid)
      JOIN pg_dist_node AS there ON there.shouldhaveshards AND there.nodeid <> here.nodeid
     WHERE shardid = get_shard_id_for_distribution_column('users', %s::text)
"""
MOVE = "SELECT citus_move_shard_placement(%s, %s, %s, %s, %s)"
# Creates are never changed afterwards, so their revisions are in the order in which they came.
OUT_OF_ORDER = """
    SELECT count(*)
      FROM (SELECT revision, lag(revision) OVER (PARTITION BY user_id ORDER BY id) AS before
              FROM tasks WHERE title LIKE 'create %') AS created
     WHERE revision < before
"""


@pytest.fixture
def service(cluster: Cluster) -> Iterator[Service]:
    settings = {
        "WORKERS": "2", "JWT_SECRET_KEY": SECRET, "DATABASE_URL": cluster.url, "DATABASE_TIMEOUT_SECONDS": "5",
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="taskward-") as folder, Service(Path(folder) / "data", settings) as it:
        yield it


async def test_every_acknowledged_write_is_there_once_and_in_order(cluster: Cluster, service: Service) -> None:
    ledger, done, enough = Ledger(), Counter[str](), asyncio.Event()
    planned = ["move"] * MOVES + ["kill"] * KILLS
    random.shuffle(planned)
    async with asyncio.TaskGroup() as group:
        for number in range(WRITERS):
            group.create_task(Writer(service.url, number, ledger).write(enough))
        for number, event in enumerate(planned, 1):
            await written(ledger, WRITES * number // (len(planned) + 1))
            if event == "move":
                await asyncio.to_thread(move_rows, cluster)
            else:
                await kill(node := cluster.nodes[done["kill"] % len(cluster.nodes)])
                done["coordinator" if node is cluster.coordinator else "worker"] += 1
            done[event] += 1
        await written(ledger, WRITES)
        enough.set()
    with cluster.coordinator.superuser() as superuser:
        ledger.hold_against(superuser)
        assert superuser.execute(OUT_OF_ORDER).fetchone() == (0,)
    assert (done["kill"], done["move"]) == (KILLS, MOVES)
    print(  # noqa: T201
        f"\n{done['worker']} times kill -9 of a worker, {done['coordinator']} of the coordinator, {MOVES} moves of"
        f" shards under {WRITERS} writers: {ledger.writes} acknowledged writes are there, each once and whole;"
        f" {len(ledger.unknown)} creates without a key were not acknowledged; answers {dict(ledger.responses)}"
    )


async def kill(node: Node) -> None:
    await asyncio.sleep(random.uniform(0, 0.1))
    node.kill()
    await asyncio.sleep(random.uniform(0, 0.5))
    await asyncio.to_thread(node.start)


def move_rows(cluster: Cluster) -> None:
    """Move a shard with the rows of a writer to the other worker, while they go on writing."""
    with psycopg.connect(cluster.coordinator.conninfo("taskward"), autocommit=True) as owner:
        places = owner.execute(A_MOVE, [f"alice-{random.randrange(USERS)}"]).fetchone()
        assert places is not None
        owner.execute(MOVE, places)


async def written(ledger: Ledger, goal: int) -> None:
    """Wait until so many writes were acknowledged; fail when none is for two minutes."""
    while (before := ledger.writes) < goal:
        async with asyncio.timeout(120):
            while ledger.writes == before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
