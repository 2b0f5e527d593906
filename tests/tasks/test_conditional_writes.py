import asyncio

import pytest

from taskward.tasks.fields import GENERATION
from tests.client import Client

WRITES = [
    ("PUT", "/tasks/1", {"title": "mine"}),
    ("PATCH", "/tasks/1", {"description": "mine"}),
    ("PATCH", "/tasks/1/complete", None),
    ("PATCH", "/tasks/1/toggle", {"completed": True}),
    ("DELETE", "/tasks/1", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_a_late_writer_gets_412_and_the_task_as_it_is(
    alice: Client, method: str, path: str, body: dict[str, object] | None
) -> None:
    seen = await alice.post("/tasks", json={"title": "Buy milk"})
    current = (await alice.put("/tasks/1", json={"title": "Buy oat milk"})).json()
    late = await alice.request(method, path, json=body, headers={"If-Match": seen.headers["etag"]})
    assert late.status_code == 412
    assert late.json()["code"] == "PRECONDITION_FAILED"
    assert late.json()["current"] == current
    assert late.headers["etag"] == (await alice.get("/tasks/1")).headers["etag"]
    assert (await alice.get("/tasks/1")).json() == current


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.parametrize("tags", ['"1.2"', '"0.2", "1.2"', "*"])
async def test_who_has_seen_the_task_may_write(
    alice: Client, method: str, path: str, body: dict[str, object] | None, tags: str
) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    response = await alice.request(method, path, json=body, headers={"If-Match": tags})
    assert response.status_code == (204 if method == "DELETE" else 200)


@pytest.mark.parametrize("tag", ['"1"', f'"1.{GENERATION - 1}"', f'"1.{GENERATION + 1}"'])
async def test_who_saw_the_same_revision_in_another_generation_may_write(alice: Client, tag: str) -> None:
    """A page that was open during an upgrade has seen all that was written."""
    await alice.post("/tasks", json={"title": "Buy milk"})
    assert (await alice.put("/tasks/1", json={"title": "Buy tea"}, headers={"If-Match": tag})).status_code == 200
    assert (await alice.put("/tasks/1", json={"title": "Late"}, headers={"If-Match": tag})).status_code == 412


@pytest.mark.parametrize(
    "tags",
    [
        'W/"1.2"', 'W/"1"', '"1."', '"1.02"', '"1.x"', '"1.2.2"', '"2.1"', '"01"', '"+1"', '"1-0123456789abcdef"',
        '"1.2-0123456789abcdef"', '"99999999999999999999"', '""',
    ],
)  # fmt: skip
async def test_a_tag_that_is_not_the_tasks_own_fails(alice: Client, tags: str) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    assert (await alice.delete("/tasks/1", headers={"If-Match": tags})).status_code == 412


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_a_malformed_tag_is_400_and_changes_nothing(
    alice: Client, method: str, path: str, body: dict[str, object] | None
) -> None:
    before = (await alice.post("/tasks", json={"title": "Buy milk"})).json()
    response = await alice.request(method, path, json=body, headers={"If-Match": "1"})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "if-match")
    assert (await alice.get("/tasks/1")).json() == before


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_no_tag_opens_a_strangers_task_or_finds_one_that_is_not_there(
    alice: Client, bob: Client, method: str, path: str, body: dict[str, object] | None
) -> None:
    before = (await alice.post("/tasks", json={"title": "Buy milk"})).json()
    for tag in ('"1"', '"7"', "*"):
        stranger = await bob.request(method, path, json=body, headers={"If-Match": tag})
        assert (stranger.status_code, stranger.json()["code"]) == (403, "FORBIDDEN")
        missing = await alice.request(method, path.replace("1", "9"), json=body, headers={"If-Match": tag})
        assert (missing.status_code, missing.json()["code"]) == (404, "TASK_NOT_FOUND")
    assert (await alice.get("/tasks/1")).json() == before


async def test_of_many_writers_who_saw_the_same_exactly_one_wins(alice: Client) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    responses = await asyncio.gather(
        *(alice.put("/tasks/1", json={"title": str(n)}, headers={"If-Match": '"1"'}) for n in range(20))
    )
    assert sorted(response.status_code for response in responses) == [200] + [412] * 19
    assert (await alice.get("/tasks/1")).json()["revision"] == 2
