import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import FastAPI

from tests.client import Client, connect
from tests.conftest import SECRET
from tests.tasks.path_prefixes import PathPrefix, create, create_all

Key = Callable[[dict[str, Any]], Any]

KEYS: dict[str, Key] = {
    "created": lambda task: task["id"],
    "title": lambda task: (task["title"].lower(), task["id"]),
    "updated": lambda task: task["revision"],
}
TITLES = ("b", "A", "a", "B", "c", "a", "C", "b", "A", "a", "c", "B", "\N{GRINNING FACE}", "é", "É", "_")
LINK = re.compile(r'<([!-~]+)>; rel="next"')


async def pages(client: Client, url: str) -> AsyncIterator[dict[str, Any]]:
    """Follow `next_cursor` to the end."""
    cursor = ""
    while cursor is not None:
        response = await client.get(url + (f"&cursor={cursor}" if cursor else ""))
        assert response.status_code == 200, response.text
        yield response.json()
        cursor = response.json()["next_cursor"]


@pytest.mark.parametrize("status", ["all", "pending", "completed"])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", KEYS)
async def test_pages_stay_complete_while_tasks_come_and_go(
    alice: Client, tasks: str, sort: str, order: str, status: str
) -> None:
    made = await create_all(
        alice,
        [
            {"title": title, "completed": number % 2 == done}
            for done in (0, 1)
            for number, title in enumerate(TITLES)
        ],
    )
    wanted = [task for task in made if status in ("all", ("pending", "completed")[task["completed"]])]
    wanted.sort(key=KEYS[sort], reverse=order == "desc")
    gone = {wanted[-1]["id"], wanted[len(wanted) // 2]["id"]}  # deleted before they are reached
    found: list[dict[str, Any]] = []
    for task_id in gone:
        await alice.delete(f"/tasks/{task_id}")
    async for page in pages(alice, f"{tasks}?sort={sort}&order={order}&status={status}&limit=3"):
        found += page["tasks"]
        assert len(found) < 100, "the pages do not end"
        await alice.delete(f"/tasks/{page['tasks'][-1]['id']}")  # where the next page begins
        for title in ("A", "b") if len(found) < 12 else ():
            await create(alice, title, completed=status == "completed")

    ids = [task["id"] for task in found]
    assert len(ids) == len(set(ids))
    assert found == sorted(found, key=KEYS[sort], reverse=order == "desc")
    assert [task for task in found if task in made] == [task for task in wanted if task["id"] not in gone]


@pytest.mark.parametrize("status", ["all", "pending", "completed"])
async def test_the_count_is_of_all_pages(alice: Client, tasks: str, status: str) -> None:
    for number in range(12):
        await create(alice, completed=number % 3 == 0)
    length = {"all": 12, "pending": 8, "completed": 4}[status]
    found = [page async for page in pages(alice, f"{tasks}?status={status}&limit=3")]
    assert [page["count"] for page in found] == [length] * len(found)
    assert sum(len(page["tasks"]) for page in found) == length


async def test_a_last_page_that_is_full_has_no_next(alice: Client, tasks: str) -> None:
    for _ in range(4):
        await create(alice)
    assert [len(page["tasks"]) async for page in pages(alice, f"{tasks}?limit=2")] == [2, 2]


@pytest.mark.parametrize("user_id", ["alice", "auth0|abc", "alice@example.com", "Älice & <Liddell>"])
async def test_the_link_header_can_be_followed_as_it_is(
    app: FastAPI, path_prefix: PathPrefix, user_id: str
) -> None:
    async with connect(app, user_id, SECRET) as client:
        made = [await create(client, title, completed=True) for title in ("c", "\N{GRINNING FACE}", "é", "A")]
        response = await client.get(f"{path_prefix.of(user_id)}?status=completed&sort=title&order=desc&limit=1")
        found = response.json()["tasks"]
        while "link" in response.headers:
            link = LINK.fullmatch(response.headers["link"])
            assert link is not None, response.headers["link"]
            assert response.json()["next_cursor"] in link[1]
            response = await client.get(link[1])
            assert response.status_code == 200, response.text
            found += response.json()["tasks"]
            assert len(found) <= len(made)
        assert response.json()["next_cursor"] is None
    assert found == [made[1], made[2], made[0], made[3]]


async def test_the_link_header_says_no_more_than_was_asked(alice: Client, tasks: str) -> None:
    for _ in range(2):
        await create(alice)
    response = await alice.get(f"{tasks}?limit=1")
    cursor = response.json()["next_cursor"]
    assert response.headers["link"] == f'<{tasks}?limit=1&cursor={cursor}>; rel="next"'


@pytest.mark.parametrize("character", ["\x01", '"', "\\", "\N{GRINNING FACE}", "x"], ids=ascii)
async def test_the_longest_title_fits_into_a_cursor(alice: Client, character: str) -> None:
    for _ in range(2):
        await create(alice, "x" + character * 199)
    found = [page["tasks"][0]["id"] async for page in pages(alice, "/tasks?sort=title&limit=1")]
    assert found == [1, 2]
