"""The promises under real concurrency: two worker processes, many connections."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from taskward.auth.issue import issue_token
from tests.conftest import SECRET
from tests.profiles import by_profile
from tests.service import Service

ROUNDS, AT_ONCE = by_profile(250, 1000), 16
WRITERS, WRITES = 40, 50


@pytest.fixture(scope="module")
def service(database_settings: dict[str, str]) -> Iterator[Service]:
    # They wait for each other, and the machine may be busy with something else.
    settings = {"WORKERS": "2", "JWT_SECRET_KEY": SECRET} | database_settings
    with tempfile.TemporaryDirectory() as folder, Service(Path(folder) / "data", settings) as running:
        yield running


@pytest.fixture
async def alice(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    token = issue_token("alice", SECRET.encode(), "HS256", 3600)
    async with httpx2.AsyncClient(
        base_url=service.url,
        headers={"Authorization": f"Bearer {token}"},
        limits=httpx2.Limits(max_connections=WRITERS, keepalive_expiry=2),  # the service closes after 5 s
        timeout=30,
    ) as client:
        yield client


@pytest.mark.soak
async def test_sixteen_posts_with_one_key_create_one_task(alice: httpx2.AsyncClient) -> None:
    responses: Counter[tuple[int, bool]] = Counter()
    for number in range(ROUNDS):
        posts = await asyncio.gather(
            *(
                alice.post(
                    "/tasks", json={"title": f"task {number}"}, headers={"Idempotency-Key": f"key {number}"}
                )
                for _ in range(AT_ONCE)
            )
        )
        responses.update((post.status_code, "idempotency-replayed" in post.headers) for post in posts)
        assert len({post.json()["id"] for post in posts if post.status_code == 201}) == 1
    assert set(responses) <= {(201, False), (201, True), (409, False)}
    assert responses[201, False] == ROUNDS
    assert sum(responses.values()) == ROUNDS * AT_ONCE
    assert (await alice.get("/tasks?limit=1")).json()["count"] == ROUNDS


async def test_forty_writers_of_one_task_lose_no_update(alice: httpx2.AsyncClient) -> None:
    task = (await alice.post("/tasks", json={"title": "contended"})).json()
    path = f"/tasks/{task['id']}"

    async def write() -> int:
        successes = 0
        for _ in range(WRITES):
            seen = await alice.get(path)
            increment = {"description": str(int(seen.json()["description"] or 0) + 1)}
            response = await alice.put(path, json=increment, headers={"If-Match": seen.headers["etag"]})
            assert response.status_code in (200, 412)
            successes += response.status_code == 200
        return successes

    successes = sum(await asyncio.gather(*(write() for _ in range(WRITERS))))
    after = (await alice.get(path)).json()
    assert after["revision"] - task["revision"] == successes
    assert int(after["description"]) == successes
    assert successes >= WRITES
