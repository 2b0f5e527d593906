"""Which routes are called without the framework's machinery: those that say so, and lose nothing by it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import wraps
from typing import Annotated, Any, get_args

import httpx2
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from taskward.api.current_user import TaskOwner
from taskward.api.fast import fast, is_declared_fast
from taskward.errors import TaskNotFoundError
from taskward.server.fast_routes import FastRoutes, NotFastError
from taskward.tasks.batch_schemas import BatchResults
from taskward.tasks.fields import TaskRead
from tests.client import Client

pytestmark = pytest.mark.quick

TASKS = ("/tasks", "/api/{user_id}/tasks", "/users/{user_id}/tasks", "/api/tasks")
FAST = {
    *(f"GET {prefix}/changes" for prefix in TASKS),
    *(f"POST {prefix}/batch" for prefix in TASKS),
    *(f"{method} {prefix}" for prefix in TASKS for method in ("GET", "POST")),
    *(f"{method} {prefix}/{{task_id}}" for prefix in TASKS for method in ("GET", "PUT", "PATCH", "DELETE")),
    *(f"PATCH {prefix}/{{task_id}}/{verb}" for prefix in TASKS for verb in ("complete", "toggle")),
    "GET /calendar/{token}.ics", "POST /mcp",
    "POST /auth/register", "POST /auth/token", "POST /auth/revoke", "GET /auth/me", "DELETE /auth/me",
    "GET /auth/me/export",
    "POST /auth/password", "POST /auth/password/reset", "GET /auth/sessions", "DELETE /auth/sessions",
    "DELETE /auth/sessions/{session_id}",
    "POST /auth/tokens", "GET /auth/tokens", "DELETE /auth/tokens/{token_id}",
    "GET /", "GET /service-worker.js", "GET /page/{version}/{name}",
    "GET /docs", "GET /redoc", "GET /openapi.json",
    "GET /health", "GET /health/live", "GET /health/ready", "GET /metrics",
}  # fmt: skip


def frames(request: Request) -> bool:
    """Whether FastAPI is between the socket and the handler: it puts its stacks of exits into the scope."""
    return isinstance(request.scope.get("fastapi_inner_astack"), AsyncExitStack)


async def who(request: Request) -> str:
    return "somebody"


@fast
async def response(request: Request) -> Response:
    return JSONResponse({"by_fastapi": frames(request)})


@fast
async def answer_who(request: Request, name: Annotated[str, Depends(who)]) -> Response:
    return JSONResponse({"by_fastapi": frames(request), "name": name})


async def answer_silently(request: Request) -> Response:
    return JSONResponse({"by_fastapi": frames(request)})


async def get(app: FastAPI, path: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://taskward.test") as client:
        return await client.get(path)


def test_no_validator_is_made_for_a_task_that_a_route_writes_itself(offline: FastAPI) -> None:
    models = (TaskRead, BatchResults)
    fields = [
        route.response_field
        for route in iter_route_contexts(offline.routes)
        if isinstance(route.original_route, APIRoute) and route.original_route.response_model in models
    ]
    assert len(fields) >= len(TASKS) * 7, "none is looked at"
    assert not [field for field in fields if field._type_adapter.pydantic_complete]  # noqa: SLF001


def test_these_routes_are_fast(offline: FastAPI) -> None:
    FastRoutes(offline, offline)  # raises for one that cannot be
    declared = {
        f"{method} {route.path}"
        for route in iter_route_contexts(offline.routes)
        if is_declared_fast(route.endpoint)
        for method in route.methods or ()
    }
    assert declared == FAST


async def test_a_route_is_fast_by_saying_so_alone(offline: FastAPI) -> None:
    offline.get("/loud")(response)
    offline.get("/silent")(answer_silently)

    @offline.get("/wrapped")
    @wraps(response)
    async def wrapped(request: Request) -> Any:
        return {"wrapped": True}

    assert (await get(offline, "/loud")).json() == {"by_fastapi": False}
    assert (await get(offline, "/silent")).json() == {"by_fastapi": True}
    assert (await get(offline, "/wrapped")).json() == {"wrapped": True}


async def test_what_does_not_say_so_may_return_and_depend_on_anything(offline: FastAPI) -> None:
    ended = []

    def plain(request: Request) -> str:
        return "plain"

    async def opened(request: Request) -> AsyncIterator[str]:
        yield "opened"
        ended.append("opened")

    @offline.get("/anything")
    async def anything(a: Annotated[str, Depends(plain)], b: Annotated[str, Depends(opened)]) -> dict[str, str]:
        return {"a": a, "b": b}

    found = await get(offline, "/anything")
    assert (found.status_code, found.json()) == (200, {"a": "plain", "b": "opened"})
    assert ended == ["opened"]


async def test_of_two_routes_that_match_the_one_declared_first_answers(offline: FastAPI) -> None:
    offline.get("/things/newest")(answer_silently)
    offline.get("/things/{name}")(response)
    assert (await get(offline, "/things/newest")).json() == {"by_fastapi": True}
    assert (await get(offline, "/things/other")).json() == {"by_fastapi": False}


async def test_overridden_dependencies_are_asked(alice: Client, app: FastAPI) -> None:
    app.get("/who")(answer_who)
    await alice.post("/tasks", json={"title": "Buy milk"})

    async def bob() -> str:
        return "bob"

    async def alice_herself() -> str:
        return "alice"

    app.dependency_overrides[who] = bob
    assert (await get(app, "/who")).json() == {"by_fastapi": True, "name": "bob"}
    app.dependency_overrides[get_args(TaskOwner)[1].dependency] = alice_herself
    assert (await get(app, "/tasks")).json()["count"] == 1
    app.dependency_overrides.clear()
    assert (await get(app, "/who")).json() == {"by_fastapi": False, "name": "somebody"}
    assert (await get(app, "/tasks")).status_code == 401


async def test_what_is_no_response_is_fastapis_business(offline: FastAPI) -> None:
    class Milk(BaseModel):
        title: str

    calls = []

    async def milk(request: Request) -> Response:
        calls.append(request.url.path)
        return {"title": "Buy milk", "litres": 2}  # type: ignore[return-value]

    @wraps(milk)
    async def slow_milk(request: Request) -> Response:
        return await milk(request)

    for path, handler in (("/fast", fast(milk)), ("/slow", slow_milk)):
        offline.get(path, response_model=Milk, status_code=202)(handler)
    by_us, by_fastapi = await get(offline, "/fast"), await get(offline, "/slow")
    assert calls == ["/fast", "/slow"]
    assert (by_us.status_code, by_us.json()) == (202, {"title": "Buy milk"})
    assert (by_us.status_code, by_us.content) == (by_fastapi.status_code, by_fastapi.content)
    assert by_us.headers["content-type"] == by_fastapi.headers["content-type"]


@pytest.mark.parametrize(
    ("error", "status"), [(TaskNotFoundError(), 404), (HTTPException(404), 404), (ValueError("a title"), 500)]
)
async def test_an_error_of_a_fast_route_is_answered_like_any_other(
    offline: FastAPI, error: Exception, status: int
) -> None:
    @offline.get("/fails")
    @fast
    async def fails(request: Request) -> Response:
        raise error

    @offline.get("/fails-silently")
    async def fails_silently(request: Request) -> Response:
        raise error

    responses = [await get(offline, path) for path in ("/fails", "/fails-silently")]
    assert [each.status_code for each in responses] == [status, status]
    assert responses[0].json() == responses[1].json()
    assert responses[0].json()["code"]


class OwnRoute(APIRoute):
    pass


def sync_part(request: Request) -> str:
    return ""


async def yielding_part(request: Request) -> AsyncIterator[str]:
    yield ""


async def part_with_query(request: Request, q: str = "") -> str:
    return q


async def part_of_parts(request: Request, name: Annotated[str, Depends(who)]) -> str:
    return name


async def part_of_nothing() -> str:
    return ""


async def part_by_keyword(*, request: Request) -> str:
    return ""


class PartOfConstruction:
    def __init__(self, request: Request) -> None:
        pass

    async def __call__(self, request: Request) -> Request:
        return request


def taking(part: Callable[..., Any]) -> Callable[..., Any]:
    async def handler(request: Request, value: Annotated[Any, Depends(part)]) -> Response:
        return Response()

    return handler


def returning_nothing_known() -> Callable[..., Any]:
    async def handler(request: Request):  # type: ignore[no-untyped-def]  # noqa: ANN202
        return {}

    return handler


def returning_a_dict() -> Callable[..., Any]:
    async def handler(request: Request) -> dict[str, str]:
        return {}

    return handler


def not_a_coroutine() -> Callable[..., Any]:
    def handler(request: Request) -> Response:
        return Response()

    return handler


def taking_tasks() -> Callable[..., Any]:
    async def handler(tasks: BackgroundTasks) -> Response:
        return Response()

    return handler


def taking_a_query() -> Callable[..., Any]:
    async def handler(q: str) -> Response:
        return Response()

    return handler


def taking_twice() -> Callable[..., Any]:
    async def handler(a: Annotated[str, Depends(who)], b: Annotated[str, Depends(who)]) -> Response:
        return Response()

    return handler


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (returning_a_dict(), "its handler is not annotated to return a Response"),
        (returning_nothing_known(), "its handler is not annotated to return a Response"),
        (not_a_coroutine(), "its handler is not a coroutine function"),
        (taking_tasks(), "its handler takes background tasks param"),
        (taking_a_query(), "its handler takes query params"),
        (taking(sync_part), "its dependency sync_part is not a coroutine function"),
        (taking(yielding_part), "its dependency yielding_part yields"),
        (taking(part_with_query), "its dependency part_with_query takes query params"),
        (taking(part_of_parts), "its dependency part_of_parts depends on who"),
        (taking(part_of_nothing), "its dependency part_of_nothing does not take the request"),
        (taking(part_by_keyword), "its dependency part_by_keyword takes the request by keyword only"),
        (taking(PartOfConstruction), "its dependency PartOfConstruction is not a coroutine function"),
        (taking_twice(), "its dependency who is named more than once, and FastAPI would call it once"),
    ],
)
def test_a_route_that_says_so_and_cannot_be_is_refused_with_the_reason(
    handler: Callable[..., Any], reason: str
) -> None:
    app = FastAPI()
    app.get("/x")(fast(handler))
    with pytest.raises(NotFastError, match=f"^GET /x is declared fast and cannot be: {reason}$"):
        FastRoutes(app, app)


def test_a_fast_route_has_no_rule_of_its_router_no_conversion_and_no_class_of_its_own() -> None:
    ruled, converting, own = FastAPI(), FastAPI(), FastAPI()
    router = APIRouter()
    router.get("/x")(response)
    ruled.include_router(router, dependencies=[Depends(who)])
    converting.get("/x/{number:int}")(response)
    own_router = APIRouter(route_class=OwnRoute)
    own_router.get("/x")(response)
    own.include_router(own_router)
    for app, reason in (
        (ruled, "its dependency who is one whose value the handler does not take"),
        (converting, "its path converts 'number'"),
        (own, "it is a OwnRoute, which may do more"),
    ):
        with pytest.raises(NotFastError, match=reason):
            FastRoutes(app, app)


async def test_a_service_with_such_a_route_does_not_start(offline: FastAPI) -> None:
    offline.get("/x")(fast(returning_a_dict()))

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        raise AssertionError(f"the service started: {message}")

    with pytest.raises(NotFastError, match="GET /x is declared fast"):
        await offline({"type": "lifespan", "state": {}}, receive, send)
