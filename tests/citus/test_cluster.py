"""The service on a cluster: what differs from one server, and what must not."""

import asyncio

import psycopg
import pytest
from fastapi import FastAPI
from psycopg.rows import tuple_row

from taskward.api.state import state_of
from taskward.database.cluster import CannotDistributeError, check_entry
from taskward.database.errors import IdentityNotArrivedError
from taskward.database.startup_check import IsolationError, check_isolation_at
from taskward.database.url import conninfo
from taskward.features import TABLES
from taskward.tasks.statements import READ_REVISION
from tests.citus.cluster import Cluster, Node, needs_citus
from tests.citus.conftest import DEADLINE
from tests.client import Client, connect
from tests.conftest import SECRET
from tests.tasks.path_prefixes import check_refused

pytestmark = needs_citus

PLACEMENT = """
    SELECT shardid, nodeport
      FROM pg_dist_shard JOIN pg_dist_placement USING (shardid) JOIN pg_dist_node USING (groupid)
     WHERE shardid = get_shard_id_for_distribution_column('users', %s::text)
"""
A_SHARD = """
    SELECT shard_name(logicalrelid, shardid)
      FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)
     WHERE logicalrelid = 'tasks'::regclass AND groupid = (SELECT groupid FROM pg_dist_local_group) LIMIT 1
"""
COUNTS = """
    SELECT users.id, task_count, completed_count, count(tasks.id), count(tasks.id) FILTER (WHERE completed)
      FROM users LEFT JOIN tasks ON user_id = users.id GROUP BY 1, 2, 3
"""


def home_of(superuser: psycopg.Connection, user_id: str) -> tuple[int, int]:
    """Return which shard a user's row is in, and the port of its server."""
    shard, port = superuser.execute(PLACEMENT, [user_id]).fetchone() or (0, 0)
    return shard, port


def users_of(superuser: psycopg.Connection, worker: Node) -> list[str]:
    """Return some users whose rows are there."""
    names = [f"user {number}" for number in range(40)]
    return [name for name in names if home_of(superuser, name)[1] == worker.port]


async def test_an_identity_that_does_not_arrive_is_refused_and_never_told_that_there_is_nothing(
    app: FastAPI, alice: Client
) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    database = state_of(app).database
    database.distributed = False  # says who asks to the coordinator alone
    with pytest.raises(IdentityNotArrivedError):
        async with database.acting_as("alice", checked=False) as transaction:
            transaction.execute(READ_REVISION)
    database.distributed = True
    assert (await alice.get("/tasks")).json()["count"] > 0, "and the next one is served"


async def test_a_service_that_believes_in_one_server_is_refused_and_looks_again(
    app: FastAPI, alice: Client
) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    state_of(app).database.distributed = False
    check_refused(await alice.get("/tasks"), 503, "DATABASE_UNAVAILABLE")
    assert (await alice.get("/tasks")).json()["count"] > 0


async def test_at_a_worker_a_stranger_sees_nothing(cluster: Cluster, alice: Client) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    for worker in cluster.workers:
        with psycopg.connect(worker.conninfo("taskward_app"), autocommit=True, row_factory=tuple_row) as stranger:
            stranger.execute("SET citus.override_table_visibility = off")  # which hides shards
            shards = stranger.execute("SELECT relname FROM pg_class WHERE relname ~ '^tasks_[0-9]+$'").fetchall()
            assert shards
            stranger.execute("SET app.user_id = 'a stranger'")
            for (shard,) in shards:
                assert stranger.execute(f"SELECT count(*) FROM {shard}".encode()).fetchone() == (0,)


async def test_ids_are_in_the_order_of_creation_also_when_all_come_at_once_and_after_a_move(
    app: FastAPI, cluster: Cluster, superuser: psycopg.Connection
) -> None:
    async with connect(app, "bob", SECRET) as bob:
        await asyncio.gather(*(bob.post("/tasks", json={"title": "Buy milk"}) for _ in range(20)))
        shard, port = home_of(superuser, "bob")
        to = next(worker.port for worker in cluster.workers if worker.port != port)
        move = "SELECT citus_move_shard_placement(%s, '127.0.0.1', %s, '127.0.0.1', %s)"
        await asyncio.to_thread(superuser.execute, move, [shard, port, to])
        await asyncio.gather(*(bob.post("/tasks", json={"title": "Buy bread"}) for _ in range(20)))
        tasks = (await bob.get("/tasks?sort=created&order=asc")).json()["tasks"]
    assert len(tasks) == 40
    assert [task["revision"] for task in tasks] == list(range(1, 41))
    assert max(task["id"] for task in tasks) < 2**53


async def test_with_a_worker_away_its_users_are_told_so_and_all_others_notice_nothing(
    app: FastAPI, cluster: Cluster, superuser: psycopg.Connection
) -> None:
    away, stays = cluster.workers
    theirs, others = users_of(superuser, away)[0], users_of(superuser, stays)[0]
    async with connect(app, theirs, SECRET) as hit, connect(app, others, SECRET) as spared:
        for client in (hit, spared):
            assert (await client.post("/tasks", json={"title": "Buy milk"})).status_code == 201
        away.kill()
        try:
            check_refused(await hit.get("/tasks"), 503, "DATABASE_UNAVAILABLE")
            check_refused(await hit.post("/tasks", json={"title": "Buy milk"}), 503, "DATABASE_UNAVAILABLE")
            for _ in range(3):
                assert (await spared.get("/tasks")).status_code == 200
                assert (await spared.post("/tasks", json={"title": "Buy bread"})).status_code == 201
            check_refused(await spared.get("/tasks/999999999"), 404, "TASK_NOT_FOUND")
        finally:
            away.start()
        assert (await hit.get("/tasks")).json()["count"] == 1
        assert (await spared.get("/tasks")).json()["count"] == 4


async def test_what_people_do_with_their_accounts(app: FastAPI) -> None:
    person = {"email": "charlie@example.com", "password": "correct horse battery staple"}
    async with connect(app) as client:
        assert (await client.post("/auth/register", json=person)).status_code == 201
        check_refused(await client.post("/auth/register", json=person), 409, "EMAIL_TAKEN")
        form = {"grant_type": "password", "username": person["email"], "password": person["password"]}
        tokens = (await client.post("/auth/token", data=form)).json()
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        assert (await client.post("/tasks", json={"title": "Buy milk"})).status_code == 201
        made = await client.post("/auth/tokens", json={"name": "a script", "scopes": ["tasks:read"]})
        assert made.status_code == 201
        deletion = await client.request("DELETE", "/auth/me", json={"password": person["password"]})
        assert deletion.status_code == 204
        check_refused(await client.post("/tasks", json={"title": "Buy milk"}), 401, "TOKEN_INVALID")
        client.headers["Authorization"] = f"Bearer {made.json()['token']}"
        check_refused(await client.get("/tasks"), 401, "TOKEN_INVALID")


async def test_counts_are_those_of_the_rows(superuser: psycopg.Connection) -> None:
    counts = superuser.execute(COUNTS).fetchall()
    assert counts
    assert all(row[1:3] == row[3:5] for row in counts), counts


BROKEN = {
    "ALTER TABLE {} DISABLE ROW LEVEL SECURITY": "row-level security",
    "GRANT TRUNCATE ON {} TO taskward_app": "rights",
    "CREATE POLICY everybody ON {} USING (true)": "policies",
    "ALTER TABLE {} DISABLE TRIGGER USER": "triggers",
}
MENDED = {
    "row-level security": "ALTER TABLE {} ENABLE ROW LEVEL SECURITY",
    "rights": "REVOKE TRUNCATE ON {} FROM taskward_app",
    "policies": "DROP POLICY everybody ON {}",
    "triggers": "ALTER TABLE {} ENABLE TRIGGER USER",
}


@pytest.mark.parametrize("breaking", BROKEN)
async def test_a_wall_that_is_missing_on_one_shard_of_one_worker_is_named(cluster: Cluster, breaking: str) -> None:
    worker, kind = cluster.workers[1], BROKEN[breaking]
    with worker.superuser() as superuser:
        superuser.execute("SET citus.enable_ddl_propagation = off")
        superuser.execute("SET citus.enable_manual_changes_to_shards = on")
        (shard,) = superuser.execute(A_SHARD).fetchone() or ("",)
        await check_isolation_at(conninfo(cluster.url), TABLES)
        superuser.execute(breaking.format(shard).encode())
        try:
            with pytest.raises(IsolationError, match=f"on 127.0.0.1:{worker.port}, the {kind} of {shard} "):
                await check_isolation_at(conninfo(cluster.url), TABLES)
        finally:
            superuser.execute(MENDED[kind].format(shard).encode())
    await check_isolation_at(conninfo(cluster.url), TABLES)


def test_a_worker_among_the_hosts_of_an_address_is_refused_by_its_name(cluster: Cluster) -> None:
    worker = cluster.workers[0].port
    several = "host=127.0.0.1,127.0.0.1 user=taskward dbname=taskward port={},{}"
    check_entry(several.format(cluster.coordinator.port, cluster.coordinator.port))
    for ports in ((cluster.coordinator.port, worker), (worker, cluster.coordinator.port)):
        with pytest.raises(CannotDistributeError, match=f"^127.0.0.1:{worker}: this server is not"):
            check_entry(several.format(*ports))


async def test_with_the_coordinator_away_everybody_is_told_so_in_time_and_served_again_afterwards(
    app: FastAPI, cluster: Cluster, alice: Client
) -> None:
    before = (await alice.post("/tasks", json={"title": "Buy milk"})).json()
    cluster.coordinator.kill()
    try:
        async with asyncio.timeout(DEADLINE + 1):
            check_refused(await alice.get("/tasks"), 503, "DATABASE_UNAVAILABLE")
            check_refused(await alice.post("/tasks", json={"title": "Buy milk"}), 503, "DATABASE_UNAVAILABLE")
    finally:
        await asyncio.to_thread(cluster.coordinator.start)
    assert (await alice.get(f"/tasks/{before['id']}")).json() == before
    assert (await alice.post("/tasks", json={"title": "Buy bread"})).json()["id"] > before["id"]
