"""A value that is refused is never part of the response: it may be a secret, or a script.

But for what a path has in the place of a task's number, where it is short (test_sentences.py).
"""

from typing import Any

import pytest

from tests.client import Client

pytestmark = pytest.mark.quick

CANARY = "canary7e3f"
JSON = {"Content-Type": "application/json"}

ADDRESSES = [
    f"/{CANARY}",
    f"/tasks/{CANARY}",
    f"/tasks/1{CANARY}",
    f"/api/{CANARY}/tasks",
    f"/users/{CANARY}/tasks/1",
]

AUTHORIZATIONS = [CANARY, f"{CANARY} x", f"Bearer {CANARY}", f"Bearer {CANARY}.{CANARY}.{CANARY}"]

QUERIES: list[Any] = [
    *({name: CANARY} for name in ("status", "sort", "order", "limit", "cursor", "more")),
    [("status", CANARY), ("status", CANARY)],
]

NEW_TASKS: list[dict[str, Any]] = [
    {"title": CANARY + "x" * 200}, {"title": CANARY + "\0"}, {"title": [CANARY]}, {"title": {"a": CANARY}},
    {"description": CANARY * 200}, {"description": [CANARY]}, {"completed": CANARY}, {"completed": [CANARY]},
    {"more": CANARY}, {"id": CANARY}, {"user_id": CANARY},
]  # fmt: skip

CHANGES: list[Any] = [{"title": [CANARY]}, {"completed": CANARY}, {"more": CANARY}, [CANARY], CANARY]

BROKEN_JSON = [
    CANARY, f'"{CANARY}', f'{{"{CANARY}":1,"{CANARY}":2}}', f'{{"title":"{CANARY}\\ud800"}}', f"[{CANARY}]",
]  # fmt: skip

REQUESTS: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "method": [(CANARY.upper(), "/tasks", {})],
    "address": [("GET", address, {}) for address in ADDRESSES],
    "token": [("GET", "/tasks", {"headers": {"Authorization": value}}) for value in AUTHORIZATIONS],
    "query": [("GET", "/tasks", {"params": query}) for query in QUERIES],
    "type": [("POST", "/tasks", {"headers": {"Content-Type": CANARY}, "content": "{}"})],
    "encoding": [("POST", "/tasks", {"headers": JSON | {"Content-Encoding": CANARY}, "content": "{}"})],
    "task": [("POST", "/tasks", {"json": {"title": "Buy milk"} | task}) for task in NEW_TASKS],
    "put": [("PUT", "/tasks/1", {"json": changes}) for changes in CHANGES],
    "patch": [("PATCH", "/tasks/1", {"json": changes}) for changes in CHANGES],
    "complete": [("PATCH", "/tasks/1/complete", {"json": changes}) for changes in CHANGES],
    "json": [("POST", "/tasks", {"content": text, "headers": JSON}) for text in BROKEN_JSON],
}


@pytest.mark.parametrize("where", REQUESTS)
async def test_no_response_repeats_a_refused_value(alice: Client, where: str) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    for method, url, request in REQUESTS[where]:
        response = await alice.request(method, url, **request)
        assert 400 <= response.status_code < 500, (method, url, request)
        said = (response.text + str(response.headers)).lower()
        assert CANARY not in said.replace(f"{url.removeprefix('/tasks/')}' is no task number", ""), (method, url)
