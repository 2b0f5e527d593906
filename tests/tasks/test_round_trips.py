from typing import Any

import pytest

from taskward.settings import Settings
from tests.client import Client
from tests.conftest import SECRET
from tests.purges import purges_end
from tests.tasks.path_prefixes import create
from tests.tasks.wire import CountingProxy

pytestmark = pytest.mark.quick

OFTEN = 8  # the driver prepares a statement when it has run five times

# Method, path and body of each operation on task {id}; the last one can be done to each task only once.
OPERATIONS = {
    "list": ("GET", "/tasks", None),
    "list sorted by title": ("GET", "/tasks?sort=title&status=pending&limit=2", None),
    "changes": ("GET", "/tasks/changes?since=1", None),
    "create": ("POST", "/tasks", {"title": "Buy milk"}),
    "read": ("GET", "/tasks/{id}", None),
    "update": ("PATCH", "/tasks/{id}", {"title": "Buy bread", "completed": True}),
    "flip": ("PATCH", "/tasks/{id}/toggle", None),
    "complete": ("PATCH", "/tasks/{id}/complete", {"completed": True}),
    "delete": ("DELETE", "/tasks/{id}", None),
}


@pytest.fixture
def settings(database_url: str, wire: CountingProxy) -> Settings:
    return Settings(
        DATABASE_URL=wire.behind(database_url), JWT_SECRET_KEY=SECRET, DB_POOL_SIZE=1, DB_MAX_OVERFLOW=0
    )


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_is_one_round_trip(alice: Client, wire: CountingProxy, operation: str) -> None:
    method, path, body = OPERATIONS[operation]
    ids = [(await create(alice))["id"] for _ in range(OFTEN)]
    await delete_the_first(alice)
    for number, task_id in enumerate(ids):
        before = wire.round_trips
        response = await alice.request(method, path.format(id=task_id), json=body)
        assert response.is_success, response.text
        assert wire.round_trips - before == 1, f"call {number + 1}"


async def delete_the_first(alice: Client) -> None:
    """Set off the purge of old deletions, a round trip of its own in the background, and wait for its end."""
    assert (await alice.delete(f"/tasks/{(await create(alice))['id']}")).status_code == 204
    await purges_end()


async def test_a_keyed_create_and_its_replay_are_one_round_trip_each(alice: Client, wire: CountingProxy) -> None:
    # The first one of all sets off the purge of old keys, a round trip of its own in the background.
    await alice.post("/tasks", json={"title": "Buy milk"}, headers={"Idempotency-Key": "the first"})
    await purges_end()
    for number in range(OFTEN):
        for _ in range(2):
            before = wire.round_trips
            key = {"Idempotency-Key": f"key {number}"}
            assert (await alice.post("/tasks", json={"title": "Buy milk"}, headers=key)).status_code == 201
            assert wire.round_trips - before == 1


async def test_an_unchanged_list_and_a_conditional_write_are_one_round_trip(
    alice: Client, wire: CountingProxy
) -> None:
    for _ in range(OFTEN):
        task = await create(alice)
        tag = (await alice.get("/tasks")).headers["etag"]
        before = wire.round_trips
        assert (await alice.get("/tasks", headers={"If-None-Match": tag})).status_code == 304
        assert wire.round_trips - before == 1
        if_match = {"If-Match": f'"{task["revision"]}"'}
        assert (await alice.patch(f"/tasks/{task['id']}/toggle", headers=if_match)).status_code == 200
        assert wire.round_trips - before == 2


async def test_that_nothing_has_changed_is_told_in_one_round_trip(alice: Client, wire: CountingProxy) -> None:
    revision = (await create(alice))["revision"]
    for _ in range(OFTEN):
        before = wire.round_trips
        assert (await alice.get(f"/tasks/changes?since={revision}")).json()["tasks"] == []
        assert wire.round_trips - before == 1


async def test_a_batch_is_one_round_trip(alice: Client, wire: CountingProxy) -> None:
    await delete_the_first(alice)
    for turn in range(3):
        tasks = [await create(alice) for _ in range(30)]
        operations = [{"do": "create", "task": {"uid": f"{turn}.{n}", "title": "Buy milk"}} for n in range(40)]
        operations += [{"do": "update", "id": each["id"], "task": {"completed": True}} for each in tasks[:20]]
        operations += [
            {"do": "delete", "id": each["id"], "if_revision": each["revision"] - each["id"] % 2}
            for each in tasks[20:]
        ]
        before = wire.round_trips
        response = await alice.post("/tasks/batch", json={"operations": operations})
        assert wire.round_trips - before == 1
        assert [each["status"] for each in response.json()["results"][:60]] == [201] * 40 + [200] * 20
        assert {each["status"] for each in response.json()["results"][60:]} == {204, 412}


async def test_a_conditional_write_that_comes_too_late_is_one_round_trip(
    alice: Client, wire: CountingProxy
) -> None:
    task = await create(alice)
    for method in ("PATCH", "DELETE"):
        before = wire.round_trips
        late = {"If-Match": f'"{task["revision"] + 1}"'}
        body: dict[str, Any] = {"json": {"title": "Late"}} if method == "PATCH" else {}
        response = await alice.request(method, f"/tasks/{task['id']}", headers=late, **body)
        assert (response.status_code, response.json()["current"]) == (412, task)
        assert wire.round_trips - before == 1


async def test_a_first_write_is_one_round_trip(charlie: Client, alice: Client, wire: CountingProxy) -> None:
    await create(alice)  # connects
    before = wire.round_trips
    await create(charlie)
    assert wire.round_trips - before == 1


async def test_only_a_task_that_is_not_there_costs_a_second_look(
    alice: Client, bob: Client, wire: CountingProxy
) -> None:
    task = await create(alice)
    before = wire.round_trips
    assert (await bob.get(f"/tasks/{task['id']}")).status_code == 403
    assert wire.round_trips - before == 2
    others = [{"do": "delete", "id": task["id"] + number} for number in range(50)]
    before = wire.round_trips
    response = await bob.post("/tasks/batch", json={"operations": others})
    assert [each["status"] for each in response.json()["results"]] == [403] + [404] * 49
    assert wire.round_trips - before == 2
