"""So many requests at a time: of one user, and of one address without a token."""

import asyncio
from collections import Counter
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response

from taskward.api.current_user import Owner
from taskward.api.fast import fast
from taskward.api.state import state_of
from taskward.app import create_app
from taskward.errors import RateLimitedError
from taskward.rate_limits.concurrency import Concurrency
from taskward.server.fast_routes import FastRoutes
from taskward.settings import Settings
from tests.client import Client, connect
from tests.conftest import SECRET

pytestmark = pytest.mark.quick


class Held:
    """An application with routes that answer once they are let go."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.raises: Exception | None = None
        self._begun = asyncio.Semaphore(0)
        self.app = create_app(
            Settings(
                DATABASE_URL="postgresql://127.0.0.1:1/nothing", JWT_SECRET_KEY=SECRET, RATE_LIMIT="9999/minute"
            )
        )

    async def begun(self, requests: int) -> None:
        """Wait until so many more requests are held."""
        async with asyncio.timeout(30):
            for _ in range(requests):
                await self._begun.acquire()

    async def hold(self) -> Response:
        self._begun.release()
        await self.let_go.wait()
        if self.raises:
            raise self.raises
        return Response("done")

    def running(self) -> int:
        """Return how many users and addresses have a request, by the limits' own account."""
        limits = state_of(self.app).rate_limits
        return len(limits._at_once) + len(limits._anonymous_at_once)


@pytest.fixture
def held() -> Held:
    held = Held()

    async def of_user(request: Request, owner: Owner) -> Response:
        return await held.hold()

    async def anonymous(request: Request) -> Response:
        return await held.hold()

    held.app.get("/held", include_in_schema=False)(fast(of_user))
    held.app.get("/held/anonymously", include_in_schema=False)(fast(anonymous))

    @held.app.get("/held/slowly", include_in_schema=False)
    async def of_user_by_fastapi(request: Request, owner: Owner) -> Response:
        return await held.hold()

    return held


async def ask(client: Client, path: str, times: int) -> list[asyncio.Task[httpx2.Response]]:
    """Have so many requests begun, of which as many as may be are held, and the others answered."""
    return [asyncio.create_task(client.get(path)) for _ in range(times)]


def refused(response: httpx2.Response, name: str) -> bool:
    assert (response.status_code, response.json()["code"]) == (429, "RATE_LIMITED")
    assert response.headers["retry-after"] == "1"
    assert response.headers["ratelimit-policy"] == f'"{name}";q=32;qu="concurrent-requests"'
    return True


@pytest.mark.parametrize(
    ("path", "user", "name"),
    [
        ("/held", "alice", "concurrent"),
        ("/held/slowly", "alice", "concurrent"),
        ("/held/anonymously", None, "anonymous"),
    ],
)
async def test_of_forty_at_once_the_last_eight_are_refused(
    held: Held, path: str, user: str | None, name: str
) -> None:
    async with connect(held.app, user, SECRET) as client, connect(held.app, "bob", SECRET) as bob:
        asked = await ask(client, path, 40)
        await held.begun(32)
        done, waiting = await asyncio.wait(asked, timeout=1)
        assert (len(done), len(waiting)) == (8, 32)
        assert all(refused(each.result(), name) for each in done)
        assert (await bob.get("/api/alice/tasks")).status_code == 403, "another user"
        held.let_go.set()
        assert Counter([response.status_code for response in await asyncio.gather(*waiting)]) == {200: 32}
        assert held.running() == 0
        assert (await client.get(path)).status_code == 200


async def test_a_good_token_is_not_refused_for_the_strangers_of_its_address(held: Held) -> None:
    async with connect(held.app) as stranger, connect(held.app, "alice", SECRET) as alice:
        asked = await ask(stranger, "/held/anonymously", 40)
        await held.begun(32)
        for path in ("/docs", "/openapi.json", "/", "/nothing", "/docs/assets/favicon.png"):
            assert refused(await stranger.get(path), "anonymous"), path
        for path in ("/health/live", "/metrics"):
            assert (await stranger.get(path)).status_code == 200, (
                "a platform restarts what does not say it is well"
            )
        assert (await alice.get("/api/bob/tasks")).status_code == 403
        assert (await stranger.get("/tasks")).status_code == 401, "which holds nothing"
        held.let_go.set()
        await asyncio.gather(*asked)
        assert held.running() == 0
        assert (await stranger.get("/docs")).status_code == 200


async def test_a_request_that_raises_has_ended(held: Held) -> None:
    held.raises = ValueError("a title")
    async with connect(held.app, "alice", SECRET) as alice, connect(held.app) as stranger:
        asked = await ask(alice, "/held", 32)
        asked += await ask(stranger, "/held/anonymously", 32)
        await held.begun(64)
        assert held.running() == 2
        held.let_go.set()
        assert {response.status_code for response in await asyncio.gather(*asked)} == {500}
    assert held.running() == 0


async def test_a_request_that_is_cancelled_has_ended(held: Held) -> None:
    async with connect(held.app, "alice", SECRET) as alice:
        asked = await ask(alice, "/held", 32)
        await held.begun(32)
        for each in asked:
            each.cancel()
        await asyncio.wait(asked)
        assert held.running() == 0


async def test_who_is_refused_by_another_limit_holds_nothing() -> None:
    app = create_app(
        Settings(DATABASE_URL="postgresql://127.0.0.1:1/nothing", JWT_SECRET_KEY=SECRET, RATE_LIMIT="1/minute")
    )
    async with connect(app, "alice", SECRET) as alice:
        assert [(await alice.get("/api/bob/tasks")).status_code for _ in range(40)] == [403] + [429] * 39
    assert len(state_of(app).rate_limits._at_once) == 0


async def test_a_request_counts_until_its_client_has_taken_the_response(held: Held) -> None:
    """A server takes a large response at once and has the next message wait, as uvicorn does from 64 KiB."""
    sent, written, taken = bytearray(), asyncio.Event(), asyncio.Event()

    @held.app.get("/large", include_in_schema=False)
    @fast
    async def large(request: Request, owner: Owner) -> Response:
        return Response(b"x" * 1_000_000)

    async def send(message: dict[str, Any]) -> None:
        if len(sent) > 64 * 1024:
            written.set()
            await taken.wait()
        sent.extend(message.get("body", b""))

    async with connect(held.app, "alice", SECRET) as alice:
        headers = [(b"authorization", alice.headers["Authorization"].encode())]
    scope = {"type": "http", "method": "GET", "path": "/large", "query_string": b"", "headers": headers}
    request = asyncio.ensure_future(held.app(scope, receive_nothing, send))  # type: ignore[arg-type]
    async with asyncio.timeout(30):
        await asyncio.wait([request, asyncio.ensure_future(written.wait())], return_when="FIRST_COMPLETED")
        assert (held.running(), len(sent)) == (1, 1_000_000)
        taken.set()
        await request
    assert (held.running(), len(sent)) == (0, 1_000_000)


async def receive_nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_these_routes_verify_nobody_and_count_for_an_address(offline: FastAPI) -> None:
    tables = FastRoutes(offline, offline)._table
    anonymous = {template for table in tables.values() for _, template, _, anonymous in table if anonymous}
    assert anonymous == {
        "/", "/service-worker.js", "/page/{version}/{name}", "/docs", "/redoc", "/docs/assets", "/openapi.json",
    }  # fmt: skip
    watched = {route.path for route in iter_route_contexts(offline.routes)} - anonymous
    for_users = (
        "/auth/me", "/auth/me/export", "/auth/password", "/auth/sessions", "/auth/sessions/{session_id}",
        "/auth/tokens", "/auth/tokens/{token_id}", "/calendar/{token}.ics", "/mcp",
    )  # fmt: skip
    assert {path for path in watched if path and "tasks" not in path and path not in for_users} == {
        # These count themselves, when their body is there.
        "/auth/register", "/auth/token", "/auth/revoke", "/auth/password/reset",
        "/health", "/health/live", "/health/ready", "/metrics",
    }  # fmt: skip


def test_a_key_is_forgotten_with_its_last_request() -> None:
    told: list[str] = []
    concurrency = Concurrency("concurrent", 2, told.append)
    first, second = concurrency.begin("alice"), concurrency.begin("alice")
    with pytest.raises(RateLimitedError):
        concurrency.begin("alice")
    bobs = concurrency.begin("bob")
    assert (len(concurrency), told) == (2, ["concurrent"])
    first()
    concurrency.begin("alice")()
    for end in (second, bobs):
        end()
    assert len(concurrency) == 0
