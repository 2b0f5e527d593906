import random
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.client import Client
from tests.tasks.path_prefixes import PathPrefix, check_refused, counts, create

Key = Callable[[dict[str, Any]], Any]

ORDERS: dict[str, tuple[Key, bool]] = {
    "": (lambda task: task["id"], True),
    "sort=created": (lambda task: task["id"], True),
    "sort=title": (lambda task: (task["title"].lower(), task["id"]), False),
    "sort=updated": (lambda task: task["revision"], True),
}

REFUSED = {
    "status=done": "status", "status=": "status", "status=ALL": "status", "sort=id": "sort", "sort=": "sort",
    "order=down": "order", "order=": "order", "limit=": "limit", "limit=0": "limit", "limit=1001": "limit",
    "limit=-1": "limit", "limit=%2B1": "limit", "limit=01": "limit", "limit=1.0": "limit", "limit=1e2": "limit",
    "limit=%201": "limit", "limit=1%20": "limit", "limit=1_0": "limit", "limit=1%00": "limit",
    "limit=%D9%A1": "limit", "limit=ten": "limit", "limit=" + "9" * 5000: "limit", "cursor=": "cursor",
    "page=2": "page", "Limit=1": "Limit", "user_id=bob": "user_id", "%00=1": "\0", "%FF=1": "\ufffd", "x=": "x",
    "status=all&status=all": "status", "limit=1&limit=2": "limit", "x=1&x=1": "x",
}  # fmt: skip


async def test_somebody_without_a_token_lists_nothing(anonymous: Client, tasks: str) -> None:
    check_refused(await anonymous.get(tasks), 401, "TOKEN_MISSING")


async def test_bob_cannot_list_alices_tasks(alice: Client, bob: Client, path_prefix: PathPrefix) -> None:
    await create(alice, "Secret")
    mine = await create(bob, "Buy milk")
    page = (await bob.get(path_prefix.of("bob"))).json()
    assert page == {"tasks": [mine], "count": 1, "revision": 1, "next_cursor": None}
    if path_prefix.of("alice") != path_prefix.of("bob"):
        check_refused(await bob.get(path_prefix.of("alice")), 403, "FORBIDDEN")


async def test_a_list_can_be_empty(charlie: Client, path_prefix: PathPrefix) -> None:
    empty = {"tasks": [], "count": 0, "revision": 0, "next_cursor": None}
    assert (await charlie.get(path_prefix.of("charlie"))).json() == empty
    task = await create(charlie)
    await charlie.delete(f"/tasks/{task['id']}")
    response = await charlie.get(path_prefix.of("charlie"))
    assert (response.status_code, response.json()) == (200, {**empty, "revision": 2})
    assert "link" not in response.headers


async def test_status_filters_the_tasks_and_the_count(alice: Client, tasks: str) -> None:
    done, _, reopened = [await create(alice, title) for title in ("done", "open", "reopened")]
    await alice.patch(f"{tasks}/{done['id']}/complete")
    for completed in (True, False):
        await alice.patch(f"{tasks}/{reopened['id']}/complete", json={"completed": completed})
    for status, titles in (
        ("all", ["reopened", "open", "done"]), ("pending", ["reopened", "open"]), ("completed", ["done"]),
    ):  # fmt: skip
        page = (await alice.get(f"{tasks}?status={status}")).json()
        assert [task["title"] for task in page["tasks"]] == titles
        assert page["count"] == len(titles)


@pytest.mark.parametrize("query", ORDERS)
async def test_a_list_has_the_order_that_was_asked_for(alice: Client, tasks: str, query: str) -> None:
    titles = ["banana", "Apple", "cherry", "apple", "Éclair", "BANANA", "éclair", "a", "APPLE", "_", "Zebra", "10"]
    made = [await create(alice, title) for title in titles]
    for task in made[3], made[0], made[7]:
        await alice.patch(f"{tasks}/{task['id']}", json={"description": "changed"})
    key, descending = ORDERS[query]
    for order, reverse in (("", descending), ("order=asc", False), ("order=desc", True)):
        found = (await alice.get(f"{tasks}?{query}&{order}".rstrip("&"))).json()["tasks"]
        assert sorted(task["id"] for task in found) == [task["id"] for task in made]
        assert found == sorted(found, key=key, reverse=reverse)


async def test_a_page_has_500_tasks_unless_the_limit_says_otherwise(
    alice: Client, tasks: str, superuser: psycopg.Connection
) -> None:
    superuser.execute("INSERT INTO tasks (user_id, title) SELECT 'alice', 'x' FROM generate_series(1, 1001)")
    for query, length in (("", 500), ("?limit=1", 1), ("?limit=999", 999), ("?limit=1000", 1000)):
        page = (await alice.get(f"{tasks}{query}")).json()
        assert (len(page["tasks"]), page["count"]) == (length, 1001)
        assert page["next_cursor"] is not None


async def test_a_parameter_that_is_not_understood_is_refused_by_name(alice: Client, tasks: str) -> None:
    await create(alice)
    for query, field in REFUSED.items():
        response = await alice.get(f"{tasks}?{query}")
        assert response.status_code == 400, query
        check_refused(response, 400, "VALIDATION_ERROR", field)


async def test_counts_stay_right_through_a_long_history(
    alice: Client, tasks: str, superuser: psycopg.Connection
) -> None:
    chance = random.Random(7)
    ids = [(await create(alice))["id"]]
    for _ in range(80):
        path = f"{tasks}/{chance.choice(ids)}"
        match chance.randrange(6):
            case 0 | 1:
                ids.append((await create(alice, completed=chance.random() < 0.5))["id"])
            case 2:
                await alice.patch(f"{path}/toggle")
            case 3:
                await alice.patch(f"{path}/complete", json={"completed": chance.random() < 0.5})
            case 4:
                await alice.put(path, json={"title": "x", "completed": chance.random() < 0.5})
            case 5:
                await alice.delete(path)
    row = superuser.execute(
        "SELECT count(*), count(*) FILTER (WHERE NOT completed), count(*) FILTER (WHERE completed) FROM tasks"
    ).fetchone()
    assert row is not None
    assert row[1] > 0
    assert row[2] > 0
    assert await counts(alice) == dict(zip(("all", "pending", "completed"), row, strict=True))
