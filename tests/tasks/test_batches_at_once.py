"""Batches beside batches and other writes: each is all or nothing, and each answer is of one moment."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import psycopg
import pytest

from taskward.settings import Settings
from tests.accounts.deleting import SLOW_TO_GIVE_UP
from tests.books import check_books
from tests.citus.cluster import on_all_servers
from tests.client import Client
from tests.patience import WAITING, patient_settings
from tests.tasks.path_prefixes import create
from tests.tasks.test_batch import creating, deleting, done, send, statuses, updating
from tests.tasks.test_concurrency import Request, held_back

CUT_OFF = on_all_servers(
    "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def settings(database_url: str) -> Settings:
    return patient_settings(database_url)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskward.database.transaction.IDENTITY", SLOW_TO_GIVE_UP)


@asynccontextmanager
async def queued(
    superuser: psycopg.Connection, lock: str, *requests: Request
) -> AsyncIterator[list[asyncio.Task[httpx2.Response]]]:
    """Hold requests at a row's lock, each behind the one before, and let them go when the block has ended."""
    sent: list[asyncio.Task[httpx2.Response]] = []
    with superuser.transaction():
        superuser.execute(lock.encode())
        async with asyncio.timeout(20):
            for request in requests:
                sent.append(asyncio.ensure_future(request))
                while superuser.execute(WAITING).fetchone() != (len(sent),):
                    assert not sent[-1].done(), sent[-1].result().text
                    await asyncio.sleep(0.005)  # PostgreSQL has no event to wait for
                    superuser.execute("SELECT pg_stat_clear_snapshot()")  # or new sessions stay unseen
        yield sent


LOCK_USER = "SELECT FROM users WHERE id = 'alice' FOR UPDATE"


async def test_current_is_what_the_write_before_has_left(alice: Client, superuser: psycopg.Connection) -> None:
    """Not what was there when the batch began to wait for that write."""
    task, other = await create(alice), await create(alice)
    writes = (
        alice.patch(f"/tasks/{task['id']}", json={"title": "First"}),
        send(
            alice,
            updating(task["id"], task["revision"], title="Late"),
            updating(other["id"], other["revision"], title="x"),
        ),
    )
    async with queued(superuser, LOCK_USER, *writes) as (first, batch):
        pass
    answer = (await batch).json()
    assert statuses(answer) == [412, 200]
    assert answer["results"][0]["current"] == (await first).json()
    assert answer["revision"] == (await first).json()["revision"] + 1


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_so_it_is_of_a_single_write(alice: Client, superuser: psycopg.Connection, method: str) -> None:
    task = await create(alice)
    path = f"/tasks/{task['id']}"
    body: dict[str, Any] = {"json": {"title": "Late"}} if method == "PATCH" else {}
    tag = {"If-Match": f'"{task["revision"]}"'}
    writes = (alice.patch(path, json={"title": "First"}), alice.request(method, path, headers=tag, **body))
    async with queued(superuser, LOCK_USER, *writes) as (first, late):
        pass
    assert (await late).status_code == 412
    assert (await late).json()["current"] == (await first).json()


async def test_a_write_that_comes_meanwhile_sees_all_of_a_batch(
    alice: Client, superuser: psycopg.Connection
) -> None:
    task = await create(alice)
    tag = {"If-Match": f'"{task["revision"]}"'}
    late = alice.patch(f"/tasks/{task['id']}", json={"title": "Late"}, headers=tag)
    async with queued(
        superuser, LOCK_USER, send(alice, creating("milk"), updating(task["id"], title="Batch")), late
    ) as (batch, single):
        pass
    assert (await single).json()["current"] == (await batch).json()["results"][1]["task"]


@pytest.mark.parametrize("known", [True, False], ids=["of a user", "the first writes of a user"])
async def test_of_batches_with_the_same_names_one_creates_all_and_the_others_find_them(
    charlie: Client, superuser: psycopg.Connection, *, known: bool
) -> None:
    if known:
        await create(charlie)
    names = [f"name {number}" for number in range(40)]
    batches = [[creating(name) for name in order] for order in (names, names[::-1], names)]
    lock = LOCK_USER.replace("alice", "charlie") if known else "INSERT INTO users (id) VALUES ('charlie')"
    async with held_back(superuser, lock, *(send(charlie, *batch) for batch in batches)) as responses:
        answers = [response.json() for response in await responses]
    assert sorted(map(statuses, answers)) == [[200] * 40, [200] * 40, [201] * 40]
    ids = [{each["task"]["uid"]: each["task"]["id"] for each in answer["results"]} for answer in answers]
    assert ids[0] == ids[1] == ids[2]
    assert {answer["revision"] for answer in answers} == {40 + known}
    check_books(superuser)


async def test_a_single_create_and_a_batch_with_its_name_make_one_task(
    alice: Client, superuser: psycopg.Connection
) -> None:
    await create(alice)
    single = alice.post("/tasks", json=creating("b")["task"])
    async with queued(superuser, LOCK_USER, send(alice, creating("a"), creating("b")), single) as (batch, one):
        pass
    assert statuses((await batch).json()) == [201, 201]
    assert ((await one).status_code, (await one).json()) == (200, (await batch).json()["results"][1]["task"])


async def test_a_batch_whose_connection_is_cut_in_the_middle_has_done_nothing(
    alice: Client, superuser: psycopg.Connection
) -> None:
    first, last = await create(alice), await create(alice)
    operations = creating("milk"), deleting(first["id"]), updating(last["id"], title="x"), creating("bread")
    # The batch has done two of four when it waits for a task, which nothing else would lock before its user.
    async with queued(
        superuser,
        f"SELECT FROM tasks WHERE user_id = 'alice' AND id = {last['id']} FOR UPDATE",
        send(alice, *operations),
    ) as (batch,):
        superuser.execute(CUT_OFF)
        assert (await batch).status_code == 503
    assert (await alice.get("/tasks?order=asc")).json()["tasks"] == [first, last]
    assert (await alice.get("/tasks")).json()["revision"] == last["revision"]
    assert statuses(await done(alice, *operations)) == [201, 204, 200, 201]
    check_books(superuser)


async def test_a_batch_waits_for_its_owners_other_writers_whatever_it_finds(
    alice: Client, superuser: psycopg.Connection
) -> None:
    """So that `current` and `revision` are of one moment, and nobody writes between two operations."""
    task = await create(alice)
    operations = updating(task["id"], task["revision"] + 1, title="x"), deleting(task["id"] + 1)
    async with queued(superuser, LOCK_USER, send(alice, *operations)) as (batch,):
        pass
    assert statuses((await batch).json()) == [412, 404]


async def test_batches_and_single_writes_of_two_users_leave_the_books_right(
    alice: Client, bob: Client, superuser: psycopg.Connection
) -> None:
    chance = random.Random(16)
    people = {"alice": alice, "bob": bob}
    ids = {name: [(await create(client))["id"] for _ in range(8)] for name, client in people.items()}

    def operations(name: str) -> list[dict[str, Any]]:
        own = chance.sample(ids[name], 3)
        return [
            creating(f"name {chance.randrange(6)}"),
            updating(own[0], chance.choice([None, 1, 9]), completed=chance.random() < 0.5),
            updating(own[1], title="x"),
            deleting(own[2], chance.choice([None, 1])),
            updating(chance.choice(ids["bob" if name == "alice" else "alice"]), title="Not mine"),
        ]

    def write(name: str) -> Request:
        path = f"/tasks/{chance.choice(ids[name])}"
        match chance.randrange(4):
            case 0:
                return people[name].patch(f"{path}/toggle")
            case 1:
                return people[name].delete(path)
            case 2:
                return people[name].post("/tasks", json={"title": "x", "uid": f"name {chance.randrange(6)}"})
        return send(people[name], *operations(name))

    names = chance.choices(list(people), k=160)
    responses = await asyncio.gather(*(write(name) for name in names))
    assert {response.status_code for response in responses} <= {200, 201, 204, 404}
    for name, response in zip(names, responses, strict=True):
        results = response.json()["results"] if response.request.url.path == "/tasks/batch" else []
        assert all(each["task"]["user_id"] == name for each in results if "task" in each)
        assert all(each["current"]["user_id"] == name for each in results if "current" in each)
    check_books(superuser)
    for client in people.values():
        assert all(task["title"] != "Not mine" for task in (await client.get("/tasks")).json()["tasks"])
