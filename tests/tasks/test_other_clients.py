"""What other people's front ends for such a task API send, with the headers and bodies of their libraries.

axios asks for `application/json, text/plain, */*` and sends `{}` where it is given an object; a browser's `fetch`
sends `*/*`, an `Origin`, and text of `JSON.stringify`. What they have to change is in docs/coming-from.md.
"""

import json
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from taskward.settings import Settings
from taskward.tasks.routes import PATH_PREFIXES
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.tasks.path_prefixes import as_json, check_refused, counts, create

ORIGIN = "http://localhost:3000"
AXIOS = {"Accept": "application/json, text/plain, */*", "User-Agent": "axios/1.7.9"}
FETCH = {"Accept": "*/*", "Origin": ORIGIN, "Referer": f"{ORIGIN}/", "Sec-Fetch-Mode": "cors"}
LIBRARIES = {
    "axios": AXIOS | {"Content-Type": "application/json"},
    "fetch": FETCH | {"Content-Type": "application/json"},
    "ky": FETCH | {"Accept": "application/json", "Content-Type": "application/json;charset=UTF-8"},
}
both = pytest.mark.parametrize("library", LIBRARIES)


async def send(client: Client, library: str, method: str, address: str, body: Any = None) -> httpx2.Response:
    headers = LIBRARIES[library]
    if body is None:
        headers = {name: value for name, value in headers.items() if name != "Content-Type"}
        return await client.request(method, address, headers=headers)
    return await client.request(method, address, headers=headers, content=json.dumps(body))


@both
@pytest.mark.parametrize("slash", ["", "/"])
async def test_they_live_with_a_task(alice: Client, tasks: str, library: str, slash: str) -> None:
    made = await send(alice, library, "POST", f"{tasks}{slash}", {"title": "Buy milk", "description": ""})
    assert (made.status_code, made.json()["description"]) == (201, "")
    one = f"{tasks}/{made.json()['id']}"
    changed = await send(alice, library, "PUT", f"{one}{slash}", {"title": "Buy bread", "completed": True})
    assert changed.json()["completed"] is True
    assert (await send(alice, library, "PATCH", f"{one}/complete{slash}")).json()["completed"] is False
    found = await send(alice, library, "GET", f"{tasks}{slash}?status=all&sort_by=created_at&order=desc")
    assert [task["title"] for task in found.json()["tasks"]] == ["Buy bread"]
    assert (await send(alice, library, "DELETE", f"{one}{slash}")).status_code == 204


@both
@pytest.mark.parametrize("verb", ["complete", "toggle"])
async def test_an_empty_object_flips(alice: Client, tasks: str, library: str, verb: str) -> None:
    task = await create(alice)
    for expected in (True, False, True):
        flipped = await send(alice, library, "PATCH", f"{tasks}/{task['id']}/{verb}", {})
        assert (flipped.status_code, flipped.json()["completed"]) == (200, expected)
    for _ in range(2):
        done = await send(alice, library, "PATCH", f"{tasks}/{task['id']}/{verb}", {"completed": True})
        assert done.json()["completed"] is True


@pytest.mark.parametrize("body", [{"completed": None}, {"done": True}, [], None, {"completed": "true"}])
async def test_what_is_neither_empty_nor_a_completion_flips_nothing(alice: Client, tasks: str, body: Any) -> None:
    task = await create(alice)
    sent = await alice.patch(f"{tasks}/{task['id']}/complete", **as_json(body))
    check_refused(sent, 400, "VALIDATION_ERROR")
    assert (await counts(alice))["completed"] == 0


async def test_other_names_mean_the_same(alice: Client, tasks: str) -> None:
    for title in ("Buy milk", "Buy bread", "Read"):
        await create(alice, title)
    await alice.patch("/tasks/1", json={"description": "Two litres"})
    for theirs, ours in (
        ("sort_by=created_at", "sort=created"), ("sort=created_at", "sort=created"),
        ("sort_by=title", "sort=title"), ("search=BUY", "q=BUY"),
        ("sort_by=updated_at&order=asc", "sort=updated&order=asc"),
        ("search=milk%20buy&sort_by=due", "q=milk%20buy&sort=due"),
    ):  # fmt: skip
        with_theirs, with_ours = await alice.get(f"{tasks}?{theirs}"), await alice.get(f"{tasks}?{ours}")
        assert with_theirs.status_code == 200, theirs
        assert with_theirs.content == with_ours.content, theirs
        assert with_theirs.headers["etag"] == with_ours.headers["etag"], theirs
        held = {"If-None-Match": with_theirs.headers["etag"]}
        assert (await alice.get(f"{tasks}?{ours}", headers=held)).status_code == 304
    assert (await alice.get(f"{tasks}?sort=title")).content != (await alice.get(tasks)).content


async def test_both_names_at_once_are_refused(alice: Client, tasks: str) -> None:
    for query, field in (
        ("sort=due&sort_by=due", "sort_by"), ("sort_by=due&sort=due", "sort_by"), ("q=milk&search=milk", "search"),
        ("q=&search=", "search"), ("sort_by=due&sort_by=due", "sort_by"), ("sort_by=id", "sort_by"),
        ("search=", "search"), ("created_at=1", "created_at"), ("sort_by=q", "sort_by"),
    ):  # fmt: skip
        response = await alice.get(f"{tasks}?{query}")
        check_refused(response, 400, "VALIDATION_ERROR", field)
        assert response.json()["detail"].startswith(f"{field}: ")
    response = await alice.get(f"{tasks}?q=milk&search=milk")
    assert response.json()["detail"] == "search: means the same as q: give one of them"


async def test_a_cursor_of_one_name_goes_on_under_the_other(alice: Client, tasks: str) -> None:
    for title in ("Buy milk", "Buy bread", "Buy eggs"):
        await create(alice, title)
    spellings = ("q=buy&sort=updated", "search=buy&sort_by=updated_at", "q=buy&sort_by=updated")
    for first in spellings:
        page = await alice.get(f"{tasks}?{first}&limit=1")
        cursor = page.json()["next_cursor"]
        for second in spellings:
            rest = await alice.get(f"{tasks}?{second}&cursor={cursor}")
            assert [task["title"] for task in rest.json()["tasks"]] == ["Buy bread", "Buy milk"]
        assert "sort_by" not in page.headers["link"]
        followed = await alice.get(page.links["next"]["url"])
        assert [task["title"] for task in followed.json()["tasks"]] == ["Buy bread"]
    refused = await alice.get(f"{tasks}?search=bread&sort_by=updated&cursor={cursor}")
    check_refused(refused, 400, "VALIDATION_ERROR", "cursor")


async def test_a_user_may_be_called_tasks(app: FastAPI, alice: Client) -> None:
    """Then `/api/tasks/tasks` is their list, and never a task of whoever asks."""
    await create(alice, "Alice's")
    async with connect(app, "tasks", SECRET) as somebody:
        made = await somebody.post("/api/tasks/tasks", json={"title": "Buy milk"})
        assert (made.status_code, made.headers["location"]) == (201, "/api/tasks/tasks/2")
        assert (await somebody.get("/api/tasks/tasks/2")).json()["title"] == "Buy milk"
        assert (await somebody.patch("/api/tasks/tasks/2/complete")).json()["completed"] is True
        for path in ("/api/tasks/tasks", "/api/tasks", "/users/tasks/tasks", "/tasks"):
            assert [task["id"] for task in (await somebody.get(path)).json()["tasks"]] == [2], path
        assert (await somebody.get("/api/tasks/2")).json()["title"] == "Buy milk"
    for method, path in (
        ("GET", "/api/tasks/tasks"), ("POST", "/api/tasks/tasks"), ("GET", "/api/tasks/tasks/1"),
        ("DELETE", "/api/tasks/tasks/2"), ("PATCH", "/api/tasks/tasks/complete"), ("GET", "/api/tasks/2"),
    ):  # fmt: skip
        check_refused(await alice.request(method, path, json={"title": "x"}), 403, "FORBIDDEN")
    check_refused(await alice.delete("/api/tasks/tasks"), 400, "VALIDATION_ERROR", "task_id")
    assert (await alice.get("/api/tasks/1")).json()["title"] == "Alice's"


async def test_a_list_is_an_object_and_a_refusal_is_400_with_a_sentence(alice: Client, tasks: str) -> None:
    await create(alice)
    page = (await alice.get(tasks, headers=AXIOS)).json()
    assert (len(page["tasks"]), page["count"]) == (1, 1)
    refused = await send(alice, "axios", "POST", tasks, {"title": "", "userId": "alice", "priority": "none"})
    assert refused.status_code == 400
    assert refused.json()["detail"] == "A title needs at least one visible character."
    assert [error["field"] for error in refused.json()["errors"]] == ["title", "priority", "userId"]
    shown = await send(alice, "fetch", "PUT", f"{tasks}/1", page["tasks"][0])
    assert shown.json()["detail"].endswith(": is not known here")


@pytest.mark.parametrize("prefix", PATH_PREFIXES)
async def test_a_page_of_a_listed_origin_asks_first_and_with_credentials(settings: Settings, prefix: str) -> None:
    listed = settings.model_copy(update={"allowed_origins": (ORIGIN,)})
    path = prefix.format(user_id="alice") + "/"
    async with started(listed) as app, connect(app, "alice", SECRET) as alice:
        asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
        for response in (
            await alice.options(path, headers=FETCH | asked), await send(alice, "fetch", "GET", path),
            await send(alice, "fetch", "POST", path, {}),
        ):  # fmt: skip
            assert response.headers["access-control-allow-origin"] == ORIGIN
            assert response.headers["access-control-allow-credentials"] == "true"
