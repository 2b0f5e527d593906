"""A slash at the end of a path is as if it were not there. Many clients write one, and follow no redirect."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response

from taskward.app import create_app
from taskward.settings import Settings
from taskward.tasks.routes import PATH_PREFIXES
from tests.client import Client, connect
from tests.conftest import SECRET
from tests.observability.lines import fields, written_to_the_log
from tests.observability.scrape import label_values

pytestmark = pytest.mark.quick

FILE = "/docs/assets/swagger-ui.css"
OF_NOW = re.compile(r'"timestamp":"[^"]+"')


def read_paths(app: FastAPI, token: str) -> Iterator[str]:
    """Yield the path of everything that can be read, but for the root, which is a slash."""
    for route in iter_route_contexts(app.routes):
        if "GET" in (route.methods or ()) and route.path not in ("/", "/metrics", "/page/{version}/{name}"):
            yield str(route.path).format(user_id="alice", task_id=1, token=token)
    yield FILE


async def test_everything_is_read_with_a_slash_too(app: FastAPI, alice: Client) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    paths = list(read_paths(app, await calendar_token(alice)))
    assert len(paths) > 2 * len(PATH_PREFIXES)
    for path in paths:
        without, with_slash = await alice.get(path), await alice.get(path + "/")
        assert without.status_code == with_slash.status_code == 200, path
        assert as_read(with_slash) == as_read(without), path


async def calendar_token(client: Client) -> str:
    made = await client.post("/auth/tokens", json={"name": "Calendar", "scopes": ["calendar"]})
    return str(made.json()["token"])


def as_read(response: httpx2.Response) -> Any:
    text = OF_NOW.sub("", response.text).replace("../", "")  # pages name their files from where they are
    ignored = {"x-request-id", "content-length", "content-security-policy", "ratelimit"}
    return text, {name: value for name, value in response.headers.items() if name not in ignored}


async def test_a_file_of_the_page_is_read_with_a_slash_too(anonymous: Client) -> None:
    found = re.search(r'src="(page/[^"]+)"', (await anonymous.get("/")).text)
    assert found
    assert (await anonymous.get(f"/{found[1]}/")).content == (await anonymous.get(f"/{found[1]}")).content


@pytest.mark.parametrize("prefix", PATH_PREFIXES)
async def test_a_task_lives_its_whole_life_with_slashes(alice: Client, prefix: str) -> None:
    tasks = prefix.format(user_id="alice")
    created = await alice.post(f"{tasks}/", json={"title": "Buy milk"})
    assert (created.status_code, created.headers["location"]) == (201, f"{tasks}/1")
    await alice.post(f"{tasks}/", json={"title": "Buy bread"})
    page = await alice.get(f"{tasks}/?limit=1")
    assert page.headers["link"].startswith(f"<{tasks}?limit=1&cursor=")
    assert (await alice.put(f"{tasks}/1/", json={"title": "Buy eggs"})).json()["title"] == "Buy eggs"
    assert (await alice.patch(f"{tasks}/1/", json={"description": "Six"})).json()["description"] == "Six"
    assert (await alice.patch(f"{tasks}/1/complete/")).json()["completed"] is True
    assert (await alice.patch(f"{tasks}/1/toggle/")).json()["completed"] is False
    assert (await alice.head(f"{tasks}/1/")).status_code == 200
    assert (await alice.delete(f"{tasks}/1/")).status_code == 204
    assert (await alice.get(f"{tasks}/1/")).status_code == 404


async def test_logging_in_works_with_a_slash(anonymous: Client) -> None:
    person = {"email": "alice@example.com", "password": "a long password"}
    assert (await anonymous.post("/auth/register/", json=person)).status_code == 201
    form = {"grant_type": "password", "username": person["email"], "password": person["password"]}
    assert (await anonymous.post("/auth/token/", data=form)).status_code == 200


async def test_the_slash_is_in_no_metric_and_no_log(alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskward.observability.exposition.FRESH_SECONDS", 0)
    with written_to_the_log() as log:
        await alice.get("/users/bob/tasks/1/")
    assert fields(log.getvalue().strip())["endpoint"] == "GET /users/{user_id}/tasks/{task_id}"
    await alice.get("/tasks/")
    routes = label_values((await alice.get("/metrics/")).text, "route")
    assert routes == {"/users/{user_id}/tasks/{task_id}", "/tasks"}


async def test_what_fastapi_serves_itself_is_served_with_a_slash_too(offline: FastAPI) -> None:
    async def slow(request: Request) -> Response:
        return Response(request.url.path)

    offline.add_api_route("/slow/{name}", slow, methods=["POST"], include_in_schema=False)
    async with connect(offline) as anonymous:
        assert (await anonymous.post("/slow/a/")).text == "/slow/a"
        refused = await anonymous.get("/slow/a/")
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_the_documentation_finds_its_files_from_where_it_is(offline: FastAPI, page: str) -> None:
    async with connect(offline) as anonymous:
        for address in (f"/tw{page}", f"/tw{page}/"):
            text = (await anonymous.get(address.removeprefix("/tw"))).text
            named = re.findall(r"""["']((?:\.\./)?(?:docs/assets/[^"']+|openapi\.json))["']""", text)
            assert len(named) >= 3
            for name in named:
                found = urljoin(address, name)
                assert found.startswith("/tw/"), "a proxy may show the page below a path of its own"
                assert (await anonymous.get(found.removeprefix("/tw"))).status_code == 200, found


async def test_behind_a_prefix_the_slash_goes_too() -> None:
    settings = Settings(DATABASE_URL="postgresql://127.0.0.1:1/nothing", JWT_SECRET_KEY=SECRET, ROOT_PATH="/tw")
    async with connect(create_app(settings), "alice", SECRET) as alice:
        assert (await alice.get("/health/live/")).status_code == 200
        assert (await alice.get("/")).headers["content-type"].startswith("text/html")
        assert (await alice.get("/tasks//")).status_code == 404
