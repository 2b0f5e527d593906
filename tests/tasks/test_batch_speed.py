"""What a batch saves: a hundred operations in one request beside a hundred requests. Part of `make soak`."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
import pytest

from tests.conftest import SECRET
from tests.profiles import SOAK
from tests.server.wire import TOKENS
from tests.service import Service

OPERATIONS = 100
ROUNDS = 15
AT_MOST = 1 / 5

pytestmark = [pytest.mark.soak, pytest.mark.skipif(not SOAK, reason="needs a machine for itself: make soak")]


@pytest.fixture
def alice(tmp_path: Path) -> Iterator[httpx2.Client]:
    """A client of a service with one worker and its own PostgreSQL, over one connection that is kept."""
    with (
        Service(tmp_path / "data", {"JWT_SECRET_KEY": SECRET}) as service,
        httpx2.Client(base_url=service.url, headers={"Authorization": f"Bearer {TOKENS['alice']}"}) as client,
    ):
        yield client


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def test_a_batch_takes_a_fifth_of_the_time_of_single_requests(alice: httpx2.Client) -> None:
    ids = [alice.post("/tasks", json={"title": "Buy milk"}).json()["id"] for _ in range(OPERATIONS)]
    names = iter(range(10**6))

    def creates() -> list[dict[str, Any]]:
        return [{"title": "Buy milk", "uid": f"name {next(names)}"} for _ in range(OPERATIONS)]

    def create_one_by_one() -> None:
        assert {alice.post("/tasks", json=new).status_code for new in creates()} == {201}

    def create_together() -> None:
        send([{"do": "create", "task": new} for new in creates()], 201)

    def update_one_by_one() -> None:
        assert {alice.patch(f"/tasks/{each}", json={"title": "x"}).status_code for each in ids} == {200}

    def update_together() -> None:
        send([{"do": "update", "id": each, "task": {"title": "x"}} for each in ids], 200)

    def send(operations: list[dict[str, Any]], status: int) -> None:
        results = alice.post("/tasks/batch", json={"operations": operations}).json()["results"]
        assert {result["status"] for result in results} == {status}

    ratios = {}
    for name, one_by_one, together in (
        ("creates", create_one_by_one, create_together),
        ("updates", update_one_by_one, update_together),
    ):
        turns = [(seconds(one_by_one), seconds(together)) for _ in range(ROUNDS)]
        single, batch = (median(taken) * 1000 for taken in zip(*turns, strict=True))
        ratios[name] = batch / single
        print(f"{OPERATIONS} {name}: {single:.0f} ms one by one, {batch:.0f} ms in a batch")  # noqa: T201
    assert all(ratio <= AT_MOST for ratio in ratios.values()), ratios
