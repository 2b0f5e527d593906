from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from tests.client import Client
from tests.tasks.path_prefixes import MALFORMED_IDS, MISSING, PathPrefix, check_refused, create, read


async def test_somebody_without_a_token_reads_nothing(anonymous: Client, alice: Client, tasks: str) -> None:
    task = await create(alice)
    check_refused(await anonymous.get(f"{tasks}/{task['id']}"), 401, "TOKEN_MISSING")


async def test_bob_cannot_read_alices_task(alice: Client, bob: Client, path_prefix: PathPrefix) -> None:
    task = await create(alice, "Secret")
    for user_id in ("alice", "bob"):
        response = await bob.get(f"{path_prefix.of(user_id)}/{task['id']}")
        check_refused(response, 403, "FORBIDDEN")
        assert "Secret" not in response.text


async def test_bob_need_not_learn_that_alices_task_exists(
    alice: Client, bob_in_the_dark: Client, path_prefix: PathPrefix
) -> None:
    task = await create(alice)
    path = path_prefix.of("bob")
    changes = {"completed": True}
    for method, verb, body in (
        ("GET", "", None), ("PUT", "", changes), ("PATCH", "", changes), ("PATCH", "/complete", None),
        ("PATCH", "/toggle", changes), ("DELETE", "", None),
    ):  # fmt: skip
        foreign = await bob_in_the_dark.request(method, f"{path}/{task['id']}{verb}", json=body)
        missing = await bob_in_the_dark.request(method, f"{path}/{MISSING}{verb}", json=body)
        check_refused(foreign, 404, "TASK_NOT_FOUND")
        assert foreign.content == missing.content
    assert await read(alice, task["id"]) == task


async def test_a_task_is_read_as_it_was_written(alice: Client, tasks: str) -> None:
    task = await create(alice, "Buy milk", description="Two litres", completed=True)
    response = await alice.get(f"{tasks}/{task['id']}")
    assert response.status_code == 200
    assert response.json() == task


async def test_no_task_has_the_largest_id(alice: Client, tasks: str) -> None:
    await create(alice)
    check_refused(await alice.get(f"{tasks}/{MISSING}"), 404, "TASK_NOT_FOUND")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_an_id_is_a_positive_number_in_plain_digits(alice: Client, tasks: str, method: str) -> None:
    task = await create(alice)
    for task_id in MALFORMED_IDS:
        response = await alice.request(method, f"{tasks}/{task_id}")
        assert response.status_code == 400, task_id
        if method != "HEAD":
            check_refused(response, 400, "VALIDATION_ERROR", "task_id")
    assert await read(alice, task["id"]) == task


async def test_head_answers_as_get_does_but_without_a_body(app: FastAPI, alice: Client, tasks: str) -> None:
    task = await create(alice)
    sent: list[bytes] = []

    async def recorded(scope: Any, receive: Any, send: Any) -> None:
        async def record(message: Any) -> None:
            sent.append(message.get("body", b""))
            await send(message)

        await app(scope, receive, record)

    # The client's own transport throws a body away that answers HEAD, so what is sent is looked at here.
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(recorded), base_url="http://taskward.test", headers=alice.headers
    ) as client:
        for path, status in ((f"{tasks}/{task['id']}", 200), (f"{tasks}/{MISSING}", 404), (tasks, 200)):
            got = await client.get(path)
            assert b"".join(sent) == got.content
            sent.clear()
            headed = await client.head(path)
            assert b"".join(sent) == b""
            assert got.status_code == headed.status_code == status
            assert headed.headers["content-length"] == str(len(got.content))
            assert headed.headers["content-type"] == got.headers["content-type"]
