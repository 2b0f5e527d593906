from datetime import date, datetime
from typing import get_type_hints

import psycopg
import pytest

from taskward.database.url import conninfo
from taskward.tasks.fields import GENERATION, TaskRead
from taskward.tasks.list_statements import list_tasks
from taskward.tasks.values import Priority
from tests.citus.cluster import one_server
from tests.client import Client

pytestmark = pytest.mark.quick


async def test_an_unchanged_task_is_304_and_a_changed_one_is_not(alice: Client) -> None:
    tag = (await alice.post("/tasks", json={"title": "Buy milk"})).headers["etag"]
    assert tag == f'"1.{GENERATION}"'
    for held in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        unchanged = await alice.get("/tasks/1", headers={"If-None-Match": held})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    await alice.patch("/tasks/1/toggle")
    assert (await alice.get("/tasks/1", headers={"If-None-Match": tag})).status_code == 200


async def test_a_tag_of_another_generation_names_no_response_of_this_one(alice: Client) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    of_list = (await alice.get("/tasks")).headers["etag"]
    assert of_list.startswith(f'"1.{GENERATION}-')
    for path, tags in (
        ("/tasks/1", ['"1"', f'"1.{GENERATION - 1}"', f'"1.{GENERATION + 1}"']),
        ("/tasks", [of_list.replace(f".{GENERATION}-", other) for other in ("-", f".{GENERATION - 1}-")]),
    ):
        for tag in tags:
            assert (await alice.get(path, headers={"If-None-Match": tag})).status_code == 200


def test_another_representation_is_another_generation() -> None:
    """Whoever changes what is answered raises GENERATION, and adds it here."""
    shown = get_type_hints(TaskRead)
    assert {GENERATION: shown} == {
        3: {
            "id": int, "uid": str | None, "user_id": str, "title": str, "description": str | None,
            "completed": bool, "completed_at": datetime | None, "due_date": date | None, "due_time": str | None,
            "due_zone": str | None, "priority": Priority | None, "tags": list[str],
            "created_at": datetime, "updated_at": datetime, "revision": int,
        }
    }  # fmt: skip


async def test_every_write_of_the_owner_changes_the_tag_of_every_list(alice: Client) -> None:
    queries = ["", "?status=completed", "?sort=title&limit=1"]
    await alice.post("/tasks", json={"title": "a"})
    tags = {query: (await alice.get(f"/tasks{query}")).headers["etag"] for query in queries}
    assert len(set(tags.values())) == len(queries)
    for query, tag in tags.items():
        assert (await alice.get(f"/tasks{query}", headers={"If-None-Match": tag})).status_code == 304
    await alice.delete("/tasks/1")
    for query, tag in tags.items():
        assert (await alice.get(f"/tasks{query}", headers={"If-None-Match": tag})).status_code == 200


async def test_a_list_that_nobody_wrote_to_has_a_tag(charlie: Client) -> None:
    tag = (await charlie.get("/tasks")).headers["etag"]
    assert (await charlie.get("/tasks", headers={"If-None-Match": tag})).status_code == 304


async def test_alices_tag_does_not_tell_bob_that_her_list_is_his(alice: Client, bob: Client) -> None:
    # One browser, one address, two people after each other: both counters stand at 1.
    for person in (alice, bob):
        await person.post("/tasks", json={"title": f"of {person.user_id}"})
    tag = (await alice.get("/tasks")).headers["etag"]
    response = await bob.get("/tasks", headers={"If-None-Match": tag})
    assert response.status_code == 200
    assert response.json()["tasks"][0]["title"] == "of bob"
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["vary"] == "Authorization"


async def test_a_strangers_task_is_403_whatever_tag_is_sent(alice: Client, bob: Client) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    for tag in ('"1"', "*"):
        assert (await bob.get("/tasks/1", headers={"If-None-Match": tag})).status_code == 403


@pytest.mark.parametrize("tag", ["7", '"7', "'7'", '"a b"', '"7" "8"', 'w/"7"', "", ",", '*, "7"', '"\x7f"'])
async def test_a_malformed_tag_is_400(alice: Client, tag: str) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    for path in ("/tasks", "/tasks/1"):
        response = await alice.get(path, headers={"If-None-Match": tag})
        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "if-none-match")


@one_server("plans of shards are made on their servers")
def test_an_unchanged_list_reads_one_row_of_users_and_no_task(
    database_url: str, superuser: psycopg.Connection
) -> None:
    superuser.execute("INSERT INTO users (id) VALUES ('alice')")
    superuser.execute(
        "INSERT INTO tasks (user_id, title) SELECT 'alice', 'task ' || n FROM generate_series(1, 50) AS n"
    )
    statement = list_tasks(status="all", sort="created", descending=True, after=False, known=True, bounded=False)
    parameters = {**statement.constants, "owner": "alice", "limit": 21}
    with psycopg.connect(conninfo(database_url)) as connection:
        connection.execute(
            "SELECT set_config('role', 'taskward_app', true), set_config('app.user_id', 'alice', true)"
        )
        plans = {
            revision: "\n".join(
                line
                for (line,) in connection.execute(
                    f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement.sql}",
                    {**parameters, "known": f"{{{revision}}}"},
                )
            )
            for revision in (49, 50)
        }
    assert "never executed" not in _scans_of_tasks(plans[49])
    assert "never executed" in _scans_of_tasks(plans[50])


def _scans_of_tasks(plan: str) -> str:
    (line,) = [line for line in plan.splitlines() if " on tasks " in line]
    return line
