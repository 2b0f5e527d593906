"""A client's own name for a task: a create that is sent again, however late, finds the task that is there."""

import asyncio

import pytest

from tests.client import Client

NAMED = {"title": "Buy milk", "uid": "b41c"}
KEY = {"Idempotency-Key": "5f0c2a7e"}


async def test_a_create_whose_uid_is_known_returns_the_task_as_it_is(alice: Client, tasks: str) -> None:
    first = await alice.post(tasks, json=NAMED)
    changed = (await alice.patch(f"{tasks}/{first.json()['id']}", json={"title": "Buy oat milk"})).json()
    again = await alice.post(tasks, json=NAMED)
    assert (first.status_code, again.status_code, again.json()) == (201, 200, changed)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["etag"] != first.headers["etag"]
    assert (await alice.get(tasks)).json()["count"] == 1


async def test_a_uid_of_a_deleted_task_is_free(alice: Client) -> None:
    first = (await alice.post("/tasks", json=NAMED)).json()
    await alice.delete(f"/tasks/{first['id']}")
    again = await alice.post("/tasks", json=NAMED)
    assert (again.status_code, again.json()["id"] > first["id"]) == (201, True)


async def test_bobs_uids_are_his_own(alice: Client, bob: Client) -> None:
    made = [await person.post("/tasks", json=NAMED) for person in (alice, bob)]
    assert [response.status_code for response in made] == [201, 201]
    assert [response.json()["user_id"] for response in made] == ["alice", "bob"]


@pytest.mark.parametrize("headers", [{}, KEY], ids=["uid alone", "with a key"])
async def test_of_many_at_once_one_creates_and_all_get_its_task(alice: Client, headers: dict[str, str]) -> None:
    asked = [alice.post("/tasks", json={**NAMED, "title": f"Copy {n}"}, headers=headers) for n in range(12)]
    made = await asyncio.gather(*asked)
    if headers:  # one of them stored the key, and it is for another body
        assert sorted({response.status_code for response in made}) == [201, 422]
    else:
        assert sorted(response.status_code for response in made) == [200] * 11 + [201]
        assert len({response.json()["id"] for response in made}) == 1
    assert (await alice.get("/tasks")).json()["count"] == 1


async def test_of_many_at_once_with_keys_of_their_own_one_creates(alice: Client) -> None:
    asked = [alice.post("/tasks", json=NAMED, headers={"Idempotency-Key": f"key-{n}"}) for n in range(12)]
    made = await asyncio.gather(*asked)
    assert sorted(response.status_code for response in made) == [200] * 11 + [201]
    assert len({response.json()["id"] for response in made}) == 1


async def test_a_key_that_is_known_comes_before_a_uid_that_is(alice: Client) -> None:
    first = await alice.post("/tasks", json=NAMED, headers=KEY)
    await alice.patch(f"/tasks/{first.json()['id']}", json={"title": "Buy oat milk"})
    replay = await alice.post("/tasks", json=NAMED, headers=KEY)
    assert (replay.status_code, replay.content) == (201, first.content)
    other = await alice.post("/tasks", json=NAMED, headers={"Idempotency-Key": "another"})
    assert (other.status_code, other.json()["title"]) == (200, "Buy oat milk")
    assert "idempotency-replayed" not in other.headers


@pytest.mark.parametrize("uid", ["", "x" * 256, "a\nb", "a\0b", "\x7f", 7])
async def test_what_is_no_uid_is_400(alice: Client, uid: object) -> None:
    response = await alice.post("/tasks", json={"title": "Buy milk", "uid": uid})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "uid")


async def test_a_uid_is_never_changed(alice: Client) -> None:
    task = (await alice.post("/tasks", json=NAMED)).json()
    for method in ("PUT", "PATCH"):
        response = await alice.request(method, f"/tasks/{task['id']}", json={"uid": "other"})
        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "uid")
    assert (await alice.get(f"/tasks/{task['id']}")).json() == task
