import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp

from taskward.api.fast import fast
from taskward.api.query import QueryParameters
from taskward.errors import BodyTooLargeError, ValidationFailedError
from taskward.middleware.cors import Cors
from taskward.middleware.request_context import RequestContext
from taskward.observability.metrics import Metrics
from taskward.server.fast_routes import WATCHED, FastRoutes
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


@pytest.mark.parametrize(
    ("error", "answer"),
    [(RuntimeError(CANARY), (500, "INTERNAL_ERROR")), (BodyTooLargeError(7), (413, "BODY_TOO_LARGE"))],
)
async def test_a_head_without_a_body_gives_way_to_an_error(
    app: FastAPI, error: Exception, answer: tuple[int, str]
) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"etag", b'"1"')]})
        raise error

    sent = await _sent_by(app, broken)
    assert (sent[0]["status"], orjson.loads(sent[1]["body"])["code"]) == answer
    assert b"etag" not in dict(sent[0]["headers"])


async def test_half_a_response_is_not_followed_by_another(app: FastAPI) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError(CANARY)

    sent: list[Any] = []
    with pytest.raises(RuntimeError, match=CANARY):
        await _sent_by(app, broken, sent)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("by_fastapi", [False, True])
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("headers", [[], [(b"content-length", b"200000")]])
async def test_a_stream_comes_to_its_end_whatever_is_sent_to_it(
    headers: list[tuple[bytes, bytes]], *, waits: bool, by_fastapi: bool
) -> None:
    """Starlette receives all the while, to learn whether the client is there still, also before the head."""
    came, sent = asyncio.Event(), []

    async def pieces() -> AsyncIterator[bytes]:
        if waits:
            await came.wait()
        yield b"to the "
        await came.wait()
        yield b"end"

    async def receive() -> Any:
        if came.is_set():
            await asyncio.Event().wait()
        came.set()
        return {"type": "http.request", "body": b"x" * 100_000, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    inner = FastAPI()
    if by_fastapi:  # which answers as well where there are traces
        inner.dependency_overrides[Response] = Response

    @inner.get("/stream", tags=[WATCHED])
    @fast
    async def stream() -> Response:
        return StreamingResponse(pieces())

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "method": "GET", "path": "/stream",
             "headers": headers, "query_string": b"", "root_path": ""}  # fmt: skip
    await RequestContext(FastRoutes(inner, inner), Cors(()), Metrics(), access_log=False)(scope, receive, send)
    assert sent[0]["status"] == 200
    assert b"".join(message["body"] for message in sent[1:]) == b"to the end"


async def test_whoever_listens_for_the_end_of_a_client_is_not_told_of_a_large_body() -> None:
    heard: list[Any] = []
    sent: list[Any] = []

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        heard.append(await receive())
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Any:
        return {"type": "http.request", "body": b"x" * 100_000, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"content-length", b"200000")]}
    await RequestContext(listening, Cors(()), Metrics(), access_log=False)(scope, receive, send)
    assert len(heard) == 1
    assert sent[0]["status"] == 200


async def _sent_by(app: FastAPI, inner: ASGIApp, sent: list[Any] | None = None) -> list[Any]:
    sent = [] if sent is None else sent

    async def send(message: Any) -> None:
        sent.append(message)

    app.mount("/inner", inner)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/inner/here",
        "headers": [],
        "query_string": b"",
        "root_path": "",
    }
    await app(scope, None, send)  # type: ignore[arg-type]  # nothing is read
    return sent


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
