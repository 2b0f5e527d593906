from datetime import datetime
from typing import Any

import pytest

from tests.client import Client
from tests.tasks.path_prefixes import MALFORMED_IDS, MISSING, PathPrefix, as_json, check_refused, create, read

REFUSED: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "body"),
    "null": (None, "body"),
    "a list": ([], "body"),
    "unknown": ({"title": "x", "priority": 1}, "priority"),
    "id": ({"id": 2}, "id"),
    "owner": ({"user_id": "bob"}, "user_id"),
    "created_at": ({"created_at": "2026-01-09T08:30:00Z"}, "created_at"),
    "title null": ({"title": None}, "title"),
    "title blank": ({"title": "\u3000"}, "title"),
    "title of 201": ({"completed": True, "title": "x" * 201}, "title"),
    "title with NUL": ({"title": "\0x"}, "title"),
    "description of 1001": ({"title": "x", "description": "x" * 1001}, "description"),
    "description a number": ({"description": 1}, "description"),
    "completed text": ({"title": "x", "completed": "true"}, "completed"),
    "completed a number": ({"completed": 0}, "completed"),
    "completed null": ({"completed": None}, "completed"),
}


@pytest.fixture(params=["PUT", "PATCH"])
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_somebody_without_a_token_updates_nothing(
    anonymous: Client, alice: Client, tasks: str, method: str
) -> None:
    task = await create(alice)
    response = await anonymous.request(method, f"{tasks}/{task['id']}", json={"title": "Mine"})
    check_refused(response, 401, "TOKEN_MISSING")
    assert await read(alice, task["id"]) == task


async def test_bob_cannot_update_alices_task(
    alice: Client, bob: Client, path_prefix: PathPrefix, method: str
) -> None:
    task = await create(alice)
    for user_id in ("alice", "bob"):
        response = await bob.request(method, f"{path_prefix.of(user_id)}/{task['id']}", json={"title": "Mine"})
        check_refused(response, 403, "FORBIDDEN")
    assert await read(alice, task["id"]) == task


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "  Buy bread "},
        {"description": "Two litres"},
        {"description": None},
        {"completed": True},
        {"title": "x" * 200, "description": "", "completed": True},
    ],
)
async def test_what_is_not_named_stays_as_it_is(
    alice: Client, tasks: str, method: str, changes: dict[str, Any]
) -> None:
    before = await create(alice, "Buy milk", description="One litre")
    response = await alice.request(method, f"{tasks}/{before['id']}", json=changes)
    assert response.status_code == 200
    after = response.json()
    wanted = {name: value.strip() if name == "title" else value for name, value in changes.items()}
    moved = {"revision": before["revision"] + 1, "updated_at": after["updated_at"]}
    moved["completed_at"] = after["updated_at"] if changes.get("completed") else None
    assert after == before | wanted | moved
    assert datetime.fromisoformat(after["updated_at"]) > datetime.fromisoformat(before["updated_at"])
    assert await read(alice, before["id"]) == after


async def test_an_update_to_the_same_value_is_a_write(alice: Client, tasks: str, method: str) -> None:
    task = await create(alice)
    other = await create(alice)
    response = await alice.request(method, f"{tasks}/{task['id']}", json={"title": task["title"]})
    assert response.json()["revision"] == 3
    assert await read(alice, other["id"]) == other


async def test_what_the_contract_does_not_allow_is_refused_by_name_and_changes_nothing(
    alice: Client, tasks: str, method: str
) -> None:
    task = await create(alice, description="One litre")
    for name, (body, field) in REFUSED.items():
        response = await alice.request(method, f"{tasks}/{task['id']}", **as_json(body))
        assert response.status_code == 400, name
        check_refused(response, 400, "VALIDATION_ERROR", field)
    assert await read(alice, task["id"]) == task
    assert (await create(alice))["revision"] == 2


async def test_a_missing_task_is_not_made(alice: Client, tasks: str, method: str) -> None:
    check_refused(await alice.request(method, f"{tasks}/{MISSING}", json={"title": "x"}), 404, "TASK_NOT_FOUND")
    assert (await alice.get(tasks)).json()["count"] == 0


async def test_an_id_is_a_positive_number_in_plain_digits(alice: Client, tasks: str, method: str) -> None:
    for task_id in MALFORMED_IDS:
        response = await alice.request(method, f"{tasks}/{task_id}", json={"title": "x"})
        check_refused(response, 400, "VALIDATION_ERROR", "task_id")
