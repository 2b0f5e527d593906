import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskward.database.driver.connection import Connection
from taskward.database.driver.exchange import PendingTransaction
from taskward.database.driver.results import LazyResult
from taskward.strict_json import encode
from taskward.tasks.fields import FIELDS, TaskRead
from taskward.tasks.list_statements import list_tasks
from taskward.tasks.page import AT_ONCE, MAX_PAGE_BYTES, Pages, encode_page, members
from tests.client import Client

ENVELOPE = 4096  # `count` and the longest cursor
LARGEST = {"a control character": "\x01", "four bytes": "\N{GRINNING FACE}", "one byte": "x"}


def fill(superuser: psycopg.Connection, count: int, character: str) -> None:
    """Give alice the largest tasks."""
    superuser.execute(
        "INSERT INTO tasks (user_id, title, description, tags)"
        " SELECT 'alice', repeat(%(it)s, 200), repeat(%(it)s, 1000), array_fill(repeat(%(printable)s, 50), '{20}')"
        " FROM generate_series(1, %(count)s)",
        {"it": character, "printable": max(character, " "), "count": count},
    )


def written(tasks: Sequence[TaskRead]) -> tuple[bytes]:
    return (members(tasks),)


def a_task(task_id: int, title: str) -> TaskRead:
    now = datetime(2026, 1, 9, 8, 30, 0, 123456, tzinfo=UTC)
    given = {"id": task_id, "user_id": "alice", "created_at": now, "updated_at": now, "revision": task_id}
    task = {**dict.fromkeys(FIELDS), "completed": False, "tags": [], "title": title, **given}
    return cast("TaskRead", task)


@settings(deadline=None)  # a busy machine is no failure
@given(
    titles=st.lists(st.text(st.sampled_from('a"\x01é'), max_size=200), max_size=250),
    most=st.integers(1, 260),
    max_bytes=st.integers(1, 60_000),
)
def test_a_page_has_as_many_tasks_as_fit(titles: list[str], most: int, max_bytes: int) -> None:
    tasks = [a_task(task_id, title) for task_id, title in enumerate(titles, 1)]
    pieces, count = encode_page(tasks, written, most, max_bytes)
    page = b"[" + b",".join(part for (part,) in pieces) + b"]"
    assert page == encode(tasks[:count])
    assert count >= min(1, len(tasks))
    assert count <= most
    assert len(page) <= max_bytes or count <= 1
    assert count == min(most, len(tasks)) or len(encode(tasks[: count + 1])) > max_bytes


async def test_others_go_on_between_the_pieces_of_large_pages_and_these_come_one_by_one() -> None:
    begun: list[int] = []  # how many rows had been looked at, at each turn of somebody else

    def write(rows: Sequence[int]) -> tuple[bytes]:
        looked_at.extend(rows)
        return written([a_task(row, "Buy milk") for row in rows])

    looked_at: list[int] = []
    pages = Pages()
    reading = asyncio.gather(*(pages.encode(range(1000), write, 990) for _ in range(3)))
    while not reading.done():
        begun.append(len(looked_at))
        await asyncio.sleep(0)
    assert [count for _, count in reading.result()] == [990] * 3
    assert looked_at == [*range(990)] * 3
    assert max(after - before for before, after in pairwise(begun)) == AT_ONCE


@pytest.mark.parametrize("character", LARGEST.values(), ids=LARGEST)
async def test_a_page_of_the_largest_tasks_ends_at_a_mebibyte(
    alice: Client, superuser: psycopg.Connection, character: str
) -> None:
    fill(superuser, 1000, character)
    response = await alice.get("/tasks?limit=1000")
    page = response.json()
    assert MAX_PAGE_BYTES * 0.98 < len(response.content) < MAX_PAGE_BYTES + ENVELOPE
    assert page["count"] == 1000
    assert [task["id"] for task in page["tasks"]] == list(range(1000, 1000 - len(page["tasks"]), -1))
    rest = (await alice.get(f"/tasks?limit=1000&cursor={page['next_cursor']}")).json()
    assert rest["tasks"][0]["id"] == 1000 - len(page["tasks"])


async def test_a_page_that_ends_early_is_like_any_other(alice: Client, superuser: psycopg.Connection) -> None:
    fill(superuser, 500, "\x01")
    response = await alice.get("/tasks")
    page = response.json()
    assert response.headers["link"] == f'</tasks?cursor={page["next_cursor"]}>; rel="next"'
    head = await alice.head("/tasks")
    for name in ("link", "etag", "content-length"):
        assert head.headers[name] == response.headers[name]
    again = await alice.get("/tasks", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("sort", ["created", "updated", "title"])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_all_pages_have_every_task_once_whatever_their_sizes(
    alice: Client, superuser: psycopg.Connection, sort: str, order: str
) -> None:
    chance = random.Random(f"{sort} {order}")
    with superuser.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO tasks (user_id, title, description) VALUES ('alice', %s, %s)",
            [
                (
                    chance.choice("aBc\N{GRINNING FACE}") * chance.randint(1, 200),
                    chance.choice(("x", "\x01")) * chance.choice((0, 1000, 1000)),
                )
                for _ in range(900)
            ],
        )
    found: list[dict[str, Any]] = []
    sizes: list[tuple[int, int]] = []
    more = ""
    while more is not None:
        limit = chance.choice((1, 7, 150, 600, 1000))
        query = f"sort={sort}&order={order}&limit={limit}" + (f"&cursor={more}" if more else "")
        response = await alice.get(f"/tasks?{query}")
        page = response.json()
        assert 1 <= len(page["tasks"]) <= limit
        assert len(response.content) < MAX_PAGE_BYTES + ENVELOPE
        assert page["count"] == 900
        found += page["tasks"]
        sizes.append((limit, len(page["tasks"])))
        more = page["next_cursor"]
    assert any(length < limit for limit, length in sizes[:-1]), sizes
    assert sorted(task["id"] for task in found) == list(range(1, 901))
    keys = {
        "created": lambda task: task["id"],
        "updated": lambda task: task["revision"],
        "title": lambda task: (task["title"].lower(), task["id"]),
    }
    assert found == sorted(found, key=keys[sort], reverse=order == "desc")


@pytest.mark.parametrize("status", ["all", "pending"])
@pytest.mark.parametrize("sort", ["created", "updated", "title"])
def test_no_more_is_read_than_a_page_can_have(superuser: psycopg.Connection, sort: str, status: str) -> None:
    fill(superuser, 1000, "\N{GRINNING FACE}")
    statement = list_tasks(status=status, sort=sort, descending=True, after=False, known=False, bounded=True)
    with superuser.transaction(), superuser.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        cursor.execute("CALL act_as('taskward_app', 'alice', '20s', '', true, '')")
        rows = cursor.execute(
            statement.sql.encode(), {"owner": "alice", "limit": 1001, "max_bytes": MAX_PAGE_BYTES}
        ).fetchall()
    texts = [len("".join([row["title"], row["description"], *row["tags"]]).encode()) for row in rows]
    assert len(rows) < 1000
    assert sum(texts[:-1]) <= MAX_PAGE_BYTES


@pytest.mark.parametrize("address", ["/tasks?limit=20", "/tasks?limit=1000", "/tasks/changes?since=0&limit=20"])
async def test_no_rows_of_a_list_are_made_before_its_request_has_its_turn(
    alice: Client, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Else those of all lists that are answered together would be there together."""
    fill(superuser, 3, "x")
    loaded: list[object] = []
    load = Connection._load  # noqa: SLF001

    def noted(connection: Connection, transaction: PendingTransaction) -> Any:
        answers = load(connection, transaction)
        assert not isinstance(answers, Exception)
        loaded.extend(rows for rows in answers if not isinstance(rows, LazyResult) and len(rows) > 1)
        return answers

    monkeypatch.setattr(Connection, "_load", noted)
    response = await alice.get(address)
    assert len(response.json()["tasks"]) == 3
    assert loaded == []
