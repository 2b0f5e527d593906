"""What has changed since a revision, rule by rule. test_changes_gone.py has when that is not known."""

import random
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from taskward.tasks.page import MAX_PAGE_BYTES
from tests.client import Client
from tests.tasks.path_prefixes import PathPrefix, check_refused, create, read
from tests.tasks.replica import Replica, follow, read_changes, start

pytestmark = pytest.mark.quick

NOTHING: dict[str, Any] = {"tasks": [], "deleted": [], "revision": 0, "count": 0, "more": False}
REFUSED = {
    "since=": "since", "since=-1": "since", "since=01": "since", "since=00": "since", "since=%2B1": "since",
    "since=1.0": "since", "since=x": "since", "since=9223372036854775808": "since", "since=%D9%A1": "since",
    "limit=": "limit", "limit=0": "limit", "limit=1001": "limit", "limit=-1": "limit", "wait=": "wait",
    "wait=-1": "wait", "wait=61": "wait", "wait=1.5": "wait", "wait=true": "wait", "cursor=x": "cursor",
    "status=all": "status", "Since=1": "Since", "since=1&since=1": "since", "wait=0&wait=0": "wait",
}  # fmt: skip


async def test_somebody_without_a_token_hears_of_no_change(anonymous: Client, tasks: str) -> None:
    check_refused(await anonymous.get(f"{tasks}/changes"), 401, "TOKEN_MISSING")


async def test_bob_hears_of_no_change_of_alices(alice: Client, bob: Client, path_prefix: PathPrefix) -> None:
    kept, deleted = await create(alice, "Secret"), await create(alice, "Deleted", uid="a secret")
    await alice.delete(f"/tasks/{deleted['id']}")
    path = f"{path_prefix.of('bob')}/changes"
    assert (await bob.get(path)).json() == NOTHING
    mine, gone = await create(bob), await create(bob, uid="mine")
    await bob.delete(f"/tasks/{gone['id']}")
    heard = {"tasks": [mine], "deleted": [{"id": gone["id"], "uid": "mine", "revision": 3}], "revision": 3}
    assert (await bob.get(path)).json() == {**NOTHING, **heard, "count": 1}
    if path_prefix.of("alice") != path_prefix.of("bob"):
        check_refused(await bob.get(f"{path_prefix.of('alice')}/changes"), 403, "FORBIDDEN")
    assert (await read_changes(alice))["tasks"] == [kept]


async def test_what_was_written_and_deleted_since_is_there_and_nothing_else(alice: Client, tasks: str) -> None:
    first, second, third = [await create(alice, title, uid=title) for title in ("first", "second", "third")]
    changed = (await alice.patch(f"{tasks}/{first['id']}", json={"completed": True})).json()
    await alice.delete(f"{tasks}/{second['id']}")
    deleted = [{"id": second["id"], "uid": "second", "revision": 5}]
    everything = {"tasks": [third, changed], "deleted": deleted, "revision": 5, "count": 2, "more": False}
    for since, expected in (
        (0, everything),
        (2, everything),
        (3, {**everything, "tasks": [changed]}),
        (4, {**everything, "tasks": []}),
        (5, {**everything, "tasks": [], "deleted": []}),
    ):
        assert (await alice.get(f"{tasks}/changes?since={since}")).json() == expected


async def test_who_never_wrote_anything_has_no_changes(charlie: Client) -> None:
    assert await read_changes(charlie) == NOTHING
    check_refused(await charlie.get("/tasks/changes?since=1"), 410, "CHANGES_GONE")
    task = await create(charlie)
    assert await read_changes(charlie) == {**NOTHING, "tasks": [task], "revision": 1, "count": 1}


async def test_a_write_that_changes_nothing_is_no_change(alice: Client) -> None:
    task = await create(alice, uid="a")
    assert (await alice.post("/tasks", json={"title": "Again", "uid": "a"})).status_code == 200
    assert (await alice.delete("/tasks/999")).status_code == 404
    stale = {"If-Match": '"7"'}
    assert (await alice.delete(f"/tasks/{task['id']}", headers=stale)).status_code == 412
    assert await read_changes(alice, 1) == {**NOTHING, "revision": 1, "count": 1}


async def test_a_uid_that_was_deleted_and_made_again_is_two_tasks(alice: Client) -> None:
    before = await create(alice, uid="a")
    await alice.delete(f"/tasks/{before['id']}")
    after = await create(alice, uid="a")
    page = await read_changes(alice, 1)
    assert (page["tasks"], [gone["id"] for gone in page["deleted"]]) == ([after], [before["id"]])
    assert before["id"] != after["id"]


async def test_the_limit_counts_both_lists_and_a_page_goes_on_where_the_one_before_ended(alice: Client) -> None:
    ids = [(await create(alice))["id"] for _ in range(4)]
    for task_id in ids[:2]:
        await alice.delete(f"/tasks/{task_id}")
    seen = []
    since, more = 0, True
    while more:
        page = await read_changes(alice, since, limit=1)
        seen += [(since, len(page["tasks"]), len(page["deleted"]), page["revision"], page["count"])]
        since, more = page["revision"], page["more"]
    assert seen == [(0, 1, 0, 3, 2), (3, 1, 0, 4, 2), (4, 0, 1, 5, 2), (5, 0, 1, 6, 2)]
    assert [len((await read_changes(alice, limit=limit))["deleted"]) for limit in (2, 3, 4, 5)] == [0, 1, 2, 2]
    assert [(await read_changes(alice, limit=limit))["more"] for limit in (2, 3, 4, 5)] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("query", REFUSED)
async def test_what_is_no_parameter_is_refused(alice: Client, query: str) -> None:
    check_refused(await alice.get(f"/tasks/changes?{query}"), 400, "VALIDATION_ERROR", REFUSED[query])


@pytest.mark.parametrize("query", ["", "since=0", "since=0&limit=1000&wait=0", "limit=1"])
async def test_what_is_one_is_not(charlie: Client, query: str) -> None:
    assert (await charlie.get(f"/tasks/changes?{query}")).json() == NOTHING


async def test_it_is_stored_nowhere_and_head_is_the_same_without_a_body(alice: Client) -> None:
    await create(alice)
    for query, status in (("", 200), ("?since=1", 200), ("?since=2", 410), ("?since=x", 400)):
        response = await alice.get(f"/tasks/changes{query}")
        head = await alice.head(f"/tasks/changes{query}")
        assert (response.status_code, head.status_code, head.content) == (status, status, b"")
        assert response.headers["cache-control"] == head.headers["cache-control"] == "no-store"
        assert head.headers["content-length"] == response.headers["content-length"]
        assert "etag" not in response.headers


async def test_changes_are_no_task_of_which_other_methods_could_ask(alice: Client, tasks: str) -> None:
    await create(alice)
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        for path in (f"{tasks}/changes", f"{tasks}/changes/"):
            body = None if method == "DELETE" else {"title": "x"}
            response = await alice.request(method, path, json=body)
            check_refused(response, 405, "METHOD_NOT_ALLOWED")
            assert response.headers["allow"] == "GET, HEAD"
    check_refused(await alice.get(f"{tasks}/change"), 400, "VALIDATION_ERROR", "task_id")
    assert (await read_changes(alice))["revision"] == 1


async def write_something(client: Client, chance: random.Random) -> None:
    tasks = (await client.get("/tasks")).json()["tasks"]
    if not tasks or chance.random() < 0.4:
        await create(client, f"Task {chance.random()}")
    elif chance.random() < 0.5:
        await client.delete(f"/tasks/{chance.choice(tasks)['id']}")
    else:
        await client.patch(f"/tasks/{chance.choice(tasks)['id']}/toggle")


async def test_a_replica_that_reads_page_by_page_has_what_there_is(alice: Client) -> None:
    chance = random.Random("changes")
    replica, late = Replica(), Replica()
    for step in range(200):
        await write_something(alice, chance)
        if step == 100:
            await start(alice, late)
        while chance.random() < 0.4:
            replica.apply(await read_changes(alice, replica.since, limit=chance.choice((1, 2, 5))))
    for each in (replica, late):
        await follow(alice, each, limit=3)
        everything = (await alice.get("/tasks?order=asc")).json()["tasks"]
        assert [each.tasks[task_id] for task_id in sorted(each.tasks)] == everything
        assert everything


def largest(superuser: psycopg.Connection, count: int) -> None:
    superuser.execute(
        "INSERT INTO tasks (user_id, title, description)"
        " SELECT 'alice', repeat(E'\\x01', 200), repeat(E'\\x01', 1000) FROM generate_series(1, %s)",
        [count],
    )


def long_names(superuser: psycopg.Connection, count: int) -> None:
    superuser.execute(
        "INSERT INTO tasks (user_id, title, uid)"
        " SELECT 'alice', 'x', repeat('\U0001f600', 250) || n FROM generate_series(10000, 10000 + %s - 1) AS n",
        [count],
    )


@pytest.mark.parametrize("fill", [largest, long_names])
async def test_a_page_ends_at_a_mebibyte_and_nothing_is_lost_between_pages(
    alice: Client, superuser: psycopg.Connection, fill: Callable[[psycopg.Connection, int], None]
) -> None:
    fill(superuser, 2000)
    superuser.execute("DELETE FROM tasks WHERE id % 2 = 0")
    tasks, deleted = set(), set()
    since, more, pages = 0, True, 0
    while more:
        response = await alice.get(f"/tasks/changes?since={since}&limit=1000")
        assert len(response.content) < MAX_PAGE_BYTES + 4096
        page = response.json()
        assert len(page["tasks"]) + len(page["deleted"]) > 0
        tasks |= {task["id"] for task in page["tasks"]}
        deleted |= {gone["id"] for gone in page["deleted"]}
        since, more, pages = page["revision"], page["more"], pages + 1
    assert (tasks, deleted) == (set(range(1, 2001, 2)), set(range(2, 2001, 2)))
    assert pages > 2
    assert since == 3000


async def test_a_task_is_the_same_in_a_list_and_in_its_changes(alice: Client) -> None:
    task = await create(alice, due_date="2026-11-27", due_time="18:00", tags=["home"], priority="high")
    assert (await read_changes(alice))["tasks"] == [await read(alice, task["id"])]
