"""Requests that wait for changes, and how a test knows that they do."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from taskward.api.state import state_of
from taskward.database.driver.statement import Effect
from taskward.database.transaction import Database, Transaction
from tests.client import Client

PATIENCE_SECONDS = 20

Asked = asyncio.Task[httpx2.Response]


def ask(client: Client, since: int = 0, seconds: int = 60, path: str = "/tasks/changes") -> Asked:
    """Have a request begun that waits for what is newer than `since`."""
    query = {"since": str(since), "wait": str(seconds)}
    return asyncio.create_task(client.get(path, params=query, timeout=90))


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what no event announces."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def waiting(app: FastAPI, requests: int = 1) -> None:
    """Wait until so many requests wait, and have read."""
    waiters = state_of(app).hints.waiters
    await until(
        lambda: (
            len(waiters) == requests
            and not any(each.revision is None for of_user in waiters.by_user() for each in of_user)
        )
    )


async def answer_of(asked: Asked) -> dict[str, Any]:
    """Return the page that a request is answered with."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        response = await asked
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


async def write(client: Client, title: str = "Buy milk") -> int:
    """Write something, and return its revision."""
    response = await client.post("/tasks", json={"title": title})
    assert response.status_code == 201, response.text
    return int(response.json()["revision"])


def count_reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how many read-only transactions each user has had from now on."""
    reads: Counter[str] = Counter()
    run = Database.run

    async def counting(database: Database, transaction: Transaction) -> Any:
        if transaction.effect == Effect.READ_ONLY:
            reads[transaction.user_id] += 1
        return await run(database, transaction)

    monkeypatch.setattr(Database, "run", counting)
    return reads
