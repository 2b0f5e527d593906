"""What is said to those who come from another task API is played: each line as it was sent, and as it is to be."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.client import Client
from tests.docs.documents import ROOT, code, rows, section

pytestmark = pytest.mark.quick

DOCUMENT = (ROOT / "docs" / "coming-from.md").read_text()
SENT = rows(section(DOCUMENT, "What your code sends"), "what differs")
READ = rows(section(DOCUMENT, "What your code reads"), "what differs")

Responses = dict[str, httpx2.Response]

# What the lines to be written find, and that those written so far do not.
HOLDS: dict[str, Callable[[Responses], bool]] = {
    "setTasks(body)": lambda was: isinstance(was["list"].json(), list),
    "setTasks(body.tasks)": lambda was: [task["id"] for task in was["list"].json()["tasks"]] == [1],
    "body.length": lambda was: isinstance(was["list"].json(), list),
    "body.count": lambda was: was["list"].json()["count"] == 1,
    "response.status === 422": lambda was: was["invalid"].status_code == 422,
    "response.status === 400": lambda was: was["invalid"].status_code == 400,
    "body.detail[0].msg": lambda was: not isinstance(was["invalid"].json()["detail"], str),
    "body.detail": lambda was: was["invalid"].json()["detail"] == "title: must be text",
    "body.detail[0].loc": lambda was: not isinstance(was["invalid"].json()["detail"], str),
    "body.errors[0].field": lambda was: was["invalid"].json()["errors"][0]["field"] == "title",
    "await response.json()": lambda was: was["deleted"].content != b"",
    "response.status === 204": lambda was: was["deleted"].status_code == 204,
    'task.id === "1"': lambda was: was["task"].json()["id"] == "1",
    "task.id === 1": lambda was: was["task"].json()["id"] == 1,
    "new Date(task.due_date)": lambda was: "T" in was["task"].json()["due_date"],
    'task.due_date + "T" + task.due_time': lambda was: moment(was["task"].json()) == "2026-11-27T18:00",
    "response.status === 404": lambda was: was["strange"].status_code == 404,
    "response.status === 403": lambda was: was["strange"].status_code == 403,
}


@pytest.fixture
async def task(alice: Client) -> httpx2.Response:
    body = {"title": "Buy milk", "due_date": "2026-11-27", "due_time": "18:00"}
    return await alice.post("/tasks", json=body)


@pytest.mark.parametrize(("_", "before", "refused", "after", "taken"), SENT)
async def test_a_line_is_refused_and_the_one_for_it_is_taken(
    alice: Client, task: httpx2.Response, _: str, before: str, refused: str, after: str, taken: str
) -> None:
    assert (await send(alice, before)).status_code == int(refused) >= 400
    assert (await send(alice, after)).status_code == int(taken) < 300


async def send(client: Client, cell: str) -> httpx2.Response:
    (line,) = code(cell)
    method, address, *body = line.split(" ", 2)
    return await client.request(method, address, json=json.loads(body[0]) if body else None)


async def test_what_a_client_reads_is_where_it_is_said_to_be(
    alice: Client, bob: Client, task: httpx2.Response
) -> None:
    responses: Responses = {
        "task": task,
        "list": await alice.get("/tasks"),
        "invalid": await alice.post("/tasks", json={"title": 7}),
        "strange": await bob.get("/tasks/1"),
        "deleted": await alice.delete("/tasks/1"),
    }
    said = [(code(before)[0], code(after)[0]) for _, before, after in READ]
    assert {line for pair in said for line in pair} == HOLDS.keys()
    for before, after in said:
        assert not HOLDS[before](responses), before
        assert HOLDS[after](responses), after


def moment(task: dict[str, Any]) -> str:
    return f"{task['due_date']}T{task['due_time']}"
