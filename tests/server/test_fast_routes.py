"""Which routes are called without the framework's machinery: those that lose nothing by it."""

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response

from taskward.server.fast_routes import is_fast

pytestmark = pytest.mark.quick


async def refuse(request: Request) -> None:
    """Stand for a rule of a whole router."""


async def answer(request: Request) -> Response:
    return Response()


def fast(app: FastAPI) -> list[bool]:
    return [is_fast(route) for route in iter_route_contexts(app.routes) if route.path == "/x"]


def test_a_route_that_takes_its_request_alone_is_direct() -> None:
    app = FastAPI()
    app.get("/x")(answer)
    assert fast(app) == [True]


def test_a_route_under_a_rule_whose_value_nobody_takes_is_left_to_the_framework() -> None:
    router = APIRouter()
    router.get("/x")(answer)
    app = FastAPI()
    app.include_router(router, dependencies=[Depends(refuse)])
    assert fast(app) == [False]
