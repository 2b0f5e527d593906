"""The four path prefixes, and the steps that many tests begin with."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2

from tests.client import Client

MAX_INT64 = 2**63 - 1
MISSING = MAX_INT64  # an id that no test reaches

# Each is one spelling that some parser takes for a number.
MALFORMED_IDS = (
    "0", "-1", "+1", "01", "1.0", "1e0", "0x1", "1_0", "abc", "%201", "1%20", "1%00", "%00", "1%0A",
    "%D9%A1", "%EF%BC%91", str(MAX_INT64 + 1), "9" * 5000,
)  # fmt: skip


@dataclass(frozen=True)
class PathPrefix:
    """One of the four spellings of the same API."""

    template: str

    def of(self, user_id: str) -> str:
        """The path of a user's tasks."""
        return self.template.format(user_id=quote(user_id, safe=""))


def as_json(body: Any) -> dict[str, Any]:
    """What to send `body` with; the client itself sends nothing for None, and no lone surrogates."""
    return {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}


async def create(client: Client, title: str = "Buy milk", **fields: Any) -> dict[str, Any]:
    response = await client.post("/tasks", json={"title": title, **fields})
    assert response.status_code == 201, response.text
    task: dict[str, Any] = response.json()
    return task


async def create_all(client: Client, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Create tasks one after the other, in one request."""
    operations = [{"do": "create", "task": {"uid": str(uuid4()), **task}} for task in tasks]
    response = await client.post("/tasks/batch", json={"operations": operations})
    results: list[dict[str, Any]] = response.json()["results"]
    assert [result["status"] for result in results] == [201] * len(tasks), response.text
    return [result["task"] for result in results]


async def read(client: Client, task_id: int) -> dict[str, Any]:
    response = await client.get(f"/tasks/{task_id}")
    assert response.status_code == 200, response.text
    task: dict[str, Any] = response.json()
    return task


async def counts(client: Client) -> dict[str, int]:
    """What lists say they count, by status."""
    statuses = ("all", "pending", "completed")
    return {status: (await client.get(f"/tasks?limit=1&status={status}")).json()["count"] for status in statuses}


def check_refused(response: httpx2.Response, status: int, code: str, field: str | None = None) -> None:
    """Fail unless the response is the contract's error, and where `field` is given, about that field first."""
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    if field is not None:
        assert response.json()["errors"][0]["field"] == field
