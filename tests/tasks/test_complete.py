import asyncio
from typing import Any

import pytest

from tests.client import Client
from tests.tasks.path_prefixes import (
    MALFORMED_IDS,
    MISSING,
    PathPrefix,
    as_json,
    check_refused,
    counts,
    create,
    read,
)

REFUSED: dict[str, tuple[Any, str]] = {
    "null": (None, "body"),
    "a list": ([], "body"),
    "a boolean": (True, "body"),
    "completed text": ({"completed": "true"}, "completed"),
    "completed a number": ({"completed": 1}, "completed"),
    "completed null": ({"completed": None}, "completed"),
    "unknown": ({"completed": True, "title": "x"}, "title"),
}


@pytest.fixture(params=["complete", "toggle"])
def verb(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_somebody_without_a_token_completes_nothing(
    anonymous: Client, alice: Client, tasks: str, verb: str
) -> None:
    task = await create(alice)
    check_refused(await anonymous.patch(f"{tasks}/{task['id']}/{verb}"), 401, "TOKEN_MISSING")
    assert await read(alice, task["id"]) == task


async def test_bob_cannot_complete_alices_task(
    alice: Client, bob: Client, path_prefix: PathPrefix, verb: str
) -> None:
    task = await create(alice)
    for user_id in ("alice", "bob"):
        path = f"{path_prefix.of(user_id)}/{task['id']}/{verb}"
        check_refused(await bob.patch(path), 403, "FORBIDDEN")
        check_refused(await bob.patch(path, json={"completed": True}), 403, "FORBIDDEN")
    assert await read(alice, task["id"]) == task


async def test_without_a_body_it_flips(alice: Client, tasks: str, verb: str) -> None:
    task = await create(alice)
    for revision, completed in ((2, True), (3, False), (4, True)):
        response = await alice.patch(f"{tasks}/{task['id']}/{verb}")
        assert response.status_code == 200
        flipped = response.json()
        assert flipped["updated_at"] > task["updated_at"]
        assert flipped == task | {
            "completed": completed, "revision": revision, "updated_at": flipped["updated_at"],
            "completed_at": flipped["updated_at"] if completed else None,
        }  # fmt: skip
        assert await read(alice, task["id"]) == flipped


async def test_with_a_body_it_sets_and_can_be_repeated(alice: Client, tasks: str, verb: str) -> None:
    task = await create(alice)
    for completed in (True, True, False, False):
        response = await alice.patch(f"{tasks}/{task['id']}/{verb}", json={"completed": completed})
        assert response.status_code == 200
        assert response.json()["completed"] is completed
        assert await counts(alice) == {"all": 1, "completed": int(completed), "pending": int(not completed)}


async def test_what_the_contract_does_not_allow_changes_nothing(alice: Client, tasks: str, verb: str) -> None:
    task = await create(alice)
    for name, (body, field) in REFUSED.items():
        response = await alice.patch(f"{tasks}/{task['id']}/{verb}", **as_json(body))
        assert response.status_code == 400, name
        check_refused(response, 400, "VALIDATION_ERROR", field)
    assert await read(alice, task["id"]) == task


async def test_twenty_flips_at_once_are_twenty_flips(alice: Client, tasks: str, verb: str) -> None:
    task = await create(alice)
    responses = await asyncio.gather(*(alice.patch(f"{tasks}/{task['id']}/{verb}") for _ in range(20)))
    flips = sorted((response.json()["revision"], response.json()["completed"]) for response in responses)
    assert flips == [(revision, revision % 2 == 0) for revision in range(2, 22)]
    assert await counts(alice) == {"all": 1, "completed": 0, "pending": 1}


async def test_no_task_no_completion(alice: Client, tasks: str, verb: str) -> None:
    check_refused(await alice.patch(f"{tasks}/{MISSING}/{verb}"), 404, "TASK_NOT_FOUND")
    for task_id in MALFORMED_IDS:
        check_refused(await alice.patch(f"{tasks}/{task_id}/{verb}"), 400, "VALIDATION_ERROR", "task_id")
