"""An older state of a whole cluster has come back: clients begin again, as on one server."""

import psycopg
from fastapi import FastAPI

from taskward.database.after_restore import begin_again
from taskward.database.startup_check import check_isolation_at
from taskward.database.url import conninfo
from taskward.features import TABLES
from tests.citus.cluster import Cluster, needs_citus
from tests.client import Client, connect
from tests.conftest import SECRET
from tests.tasks.path_prefixes import check_refused

pytestmark = needs_citus

JUMP = 1_048_576


async def test_every_client_begins_again_and_no_id_is_given_twice(
    app: FastAPI, cluster: Cluster, alice: Client, superuser: psycopg.Connection
) -> None:
    async with connect(app, "bob", SECRET) as bob:  # on the other worker or not: all of them are told
        before = [(await client.post("/tasks", json={"title": "Buy milk"})).json() for client in (alice, bob)]
        seen = (await alice.get("/tasks/changes?since=0")).json()["revision"]
        begin_again(conninfo(cluster.url), TABLES)
        await check_isolation_at(conninfo(cluster.url), TABLES)
        check_refused(await alice.get(f"/tasks/changes?since={seen}"), 410, "CHANGES_GONE")
        for client, task in zip((alice, bob), before, strict=True):
            after = (await client.post("/tasks", json={"title": "Buy bread"})).json()
            assert after["id"] > task["id"] + JUMP / 2
            assert after["revision"] > task["revision"] + JUMP
            assert (await client.get(f"/tasks/{task['id']}")).json() == task
    marked = "SELECT count(*) FROM deleted_tasks WHERE deleted_at = '-infinity'"
    assert superuser.execute(marked).fetchone() == superuser.execute("SELECT count(*) FROM users").fetchone()
