import asyncio
import logging
import time
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from taskward.api.query import QueryParameters
from taskward.errors import ValidationFailedError
from taskward.middleware.cors import Cors
from taskward.middleware.request_context import RequestContext
from taskward.observability.metrics import Metrics
from taskward.tasks.schemas import ListQuery
from tests.client import Client, connect
from tests.conftest import SECRET

pytestmark = pytest.mark.quick

CANARY = "canary7e3f"

NOT_FOUND = {"detail": "There is nothing at this address.", "code": "NOT_FOUND"}
UNKNOWN = [
    "/nothing", "/nothing/", "/tasks//", "/tasks/1//", "/tasks//1", "//tasks", "/Tasks", "/tasks/1/complete//",
    "/tasks/1/x", "/api/alice", "/api/alice/", "/users/alice/tasks/1/toggle//", "/api//tasks", "/users",
    "/health//", "/%00", "/health/nothing", "/docs//", "/docs/assets", "/docs/assets/", "/docs/assets/nothing",
    "/docs/assets/%00", "/docs/assets/..%2f__init__.py", "/docs/assets/" + "x" * 5000, "/openapi.json//",
    "/auth/login", "/%ff", "//",
]  # fmt: skip

METHODS = {
    "/tasks": "GET, HEAD, POST",
    "/tasks/1": "DELETE, GET, HEAD, PATCH, PUT",
    "/tasks/x": "DELETE, GET, HEAD, PATCH, PUT",
    "/tasks/1/complete": "PATCH",
    "/tasks/": "GET, HEAD, POST",
    "/api/tasks": "GET, HEAD, POST",
    "/api/tasks/1/": "DELETE, GET, HEAD, PATCH, PUT",
    "/api/alice/tasks": "GET, HEAD, POST",
    "/users/bob/tasks/1": "DELETE, GET, HEAD, PATCH, PUT",
    "/users/alice/tasks/1/toggle": "PATCH",
    "/health": "GET, HEAD",
    "/docs": "GET, HEAD",
    "/openapi.json": "GET, HEAD",
    "/docs/assets/swagger-ui.css": "GET, HEAD",
}


@pytest.mark.parametrize("path", UNKNOWN)
async def test_an_unknown_address_is_not_found(offline: FastAPI, path: str) -> None:
    async with connect(offline) as anonymous, connect(offline, "alice", SECRET) as alice:
        for client in (anonymous, alice):
            for method in ("GET", "POST", "DELETE"):
                response = await client.request(method, "http://taskward.test" + path)
                allowed = path.startswith("/docs/assets") and method != "GET"
                assert (response.status_code, response.json()) == (404, NOT_FOUND) or allowed, method
            assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", METHODS)
async def test_a_wrong_method_is_told_every_right_one(offline: FastAPI, path: str) -> None:
    async with connect(offline) as anonymous:
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"}:
            if method not in METHODS[path].split(", "):
                response = await anonymous.request(method, path)
                assert response.status_code == 405, method
                assert response.headers["allow"] == METHODS[path]
                assert method == "HEAD" or response.json()["code"] == "METHOD_NOT_ALLOWED"


async def test_a_mistake_of_ours_is_logged_and_not_told(
    app: FastAPI, anonymous: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise RuntimeError(CANARY)

    app.add_api_route("/broken", broken, include_in_schema=False)
    response = await anonymous.get("/broken", headers={"X-Request-ID": "alices-request"})
    assert response.status_code == 500
    assert response.json() == {
        "detail": "Something went wrong on the server. It has been logged.",
        "code": "INTERNAL_ERROR",
    }
    assert response.headers["x-request-id"] == "alices-request"
    assert CANARY not in str(response.headers)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert CANARY in str(record.exc_info[1])
    assert caplog.text.count("Traceback") == 1


async def test_a_request_that_is_cancelled_is_answered_by_the_contract() -> None:
    """As uvicorn cancels what is still running some time after it was told to stop."""
    sent: list[Any] = []
    begun = asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    context = RequestContext(endless, Cors(()), Metrics(), access_log=False)
    task = asyncio.ensure_future(context(scope, None, send))  # type: ignore[arg-type]  # nothing is read
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (sent[0]["status"], orjson.loads(sent[1]["body"])["code"]) == (500, "INTERNAL_ERROR")


async def test_half_a_response_is_not_followed_by_another(app: FastAPI) -> None:
    sent: list[str] = []

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError(CANARY)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    app.mount("/broken", broken)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/broken/here",
        "headers": [],
        "query_string": b"",
        "root_path": "",
    }
    with pytest.raises(RuntimeError, match=CANARY):
        await app(scope, None, send)  # type: ignore[arg-type]  # nothing is read
    assert sent == ["http.response.start"]


async def test_many_parameters_are_refused_in_little_time() -> None:
    query = "&".join(f"p{number}" for number in range(30_000)) + "&p0"
    before = time.process_time()
    with pytest.raises(ValidationFailedError) as refused:
        await QueryParameters(ListQuery)(Request({"type": "http", "query_string": query.encode()}))
    assert time.process_time() - before < 1
    assert refused.value.errors == [("query", "At most 50 parameters are read")]


async def test_a_response_names_at_most_20_errors(alice: Client) -> None:
    response = await alice.post(
        "/tasks", json={"title": "Buy milk", **{f"x{number}": 1 for number in range(5000)}}
    )
    assert response.status_code == 400
    assert len(response.json()["errors"]) == 20


async def test_an_unknown_name_is_named_in_no_more_than_100_characters(alice: Client) -> None:
    response = await alice.post("/tasks", json={"title": "Buy milk", "x" * 1000: 1})
    assert response.json()["errors"] == [{"field": "x" * 100, "message": "is not known here"}]
    response = await alice.get("/tasks", params={"y" * 1000: "1"})
    assert response.json()["errors"] == [{"field": "y" * 100, "message": "is not known here"}]
