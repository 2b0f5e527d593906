"""Routes without the framework's machinery, which costs more than what they do.

FastAPI declares the routes, checks their signatures and documents them. Between the socket and such a route it
also walks a tree of routers, opens exit stacks and resolves a graph of dependencies, and a route that takes parts
of its request and nothing else needs none of that. Here the same route is found in a flat table, and the same
dependencies and the same function are called: 130 us less of CPU for each request (docs/performance.md).

A route is fast by saying so, with `@fast`. All others are FastAPI's, as is everything while there are
`dependency_overrides` or telemetry.
"""

from collections.abc import Awaitable, Callable
from copy import copy
from inspect import iscoroutinefunction
from re import Pattern
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts, request_response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from taskward.api.bodies import FormBody, JsonBody
from taskward.api.calendar_token import CalendarToken
from taskward.api.current_user import BearerToken
from taskward.api.fast import is_declared_fast
from taskward.api.paths import drop_slash
from taskward.api.query import NO_PARAMETERS, QueryParameters
from taskward.api.state import state_of
from taskward.errors import RateLimitedError
from taskward.observability.current import UNMATCHED, at_end, bind_route
from taskward.server.fast_conditions import why_not_fast

Part = Callable[[Request], Awaitable[Any]]
UNUSED = ""  # the name of a part whose value no handler takes
WATCHED = "service"  # the tag of the routes for whoever watches the service
Found = tuple[Pattern[str], str, "_FastRoute | None", bool]


class NotFastError(Exception):
    """A route is declared fast and takes what only FastAPI gives; the message names the route and the reason."""


class FastRoutes:
    """Answers the requests for fast routes itself, and passes the others on: errors, files, other methods."""

    def __init__(self, app: ASGIApp, owner: FastAPI) -> None:
        """Take what answers the rest, and the application whose routes are meant. Raises NotFastError."""
        self._app = app
        self._owner = owner
        self._templates: list[tuple[Pattern[str], str]] = []
        self._table: dict[str, list[Found]] = {}
        contexts = list(iter_route_contexts(owner.routes))
        every_method = {method for route in contexts for method in route.methods or ()}
        for route in contexts:
            template = route.path or ""
            # A mount has no methods, and everything below its path.
            pattern = compile_path(template if route.methods else template + "/{path:path}")[0]
            self._templates.append((pattern, template))
            # Those that are not fast are there too: of two that match, the one that was declared first answers.
            for method in route.methods or every_method:
                found = (pattern, template, _fast(route), _is_anonymous(route))
                self._table.setdefault(method, []).append(found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        template, route, anonymous = self._find(scope)
        bind_route(template)
        if anonymous and (refusal := await self._refusal(scope)):
            await refusal(scope, receive, send)
        elif route is None or (self._is_for_fastapi(scope) and not route.refuses_query(scope)):
            await self._app(scope, receive, send)
        else:
            response = await self._answer(route, Request(scope, receive, send))
            await response(scope, receive, send)

    def _is_for_fastapi(self, scope: Scope) -> bool:
        return "fastapi.telemetry" in scope or bool(self._owner.dependency_overrides)  # traces want its own steps

    def _find(self, scope: Scope) -> tuple[str, "_FastRoute | None", bool]:
        path = drop_slash(scope)
        for pattern, template, route, anonymous in self._table.get(scope["method"], ()):
            if found := pattern.match(path):
                if route is not None:
                    scope["path_params"] = found.groupdict()
                return template, route, anonymous
        template = next((template for pattern, template in self._templates if pattern.match(path)), UNMATCHED)
        return template, None, True

    async def _refusal(self, scope: Scope) -> Response | None:
        """Count a request of which no token will be asked, for its address; return what refuses one too many."""
        try:
            at_end(state_of(self._owner).rate_limits.begin_anonymous(scope))
        except RateLimitedError as error:
            return await self._error_response(error, Request(scope))
        return None

    async def _answer(self, route: "_FastRoute", request: Request) -> ASGIApp:
        try:
            return await route.response(request)
        except Exception as error:
            response = await self._error_response(error, request)
            error.__traceback__ = None  # else a frame that has the error keeps all of them
            return response

    async def _error_response(self, error: Exception, request: Request) -> Response:
        if (handler := self._handler_of(error)) is None:
            raise error
        if iscoroutinefunction(handler):
            response: Response = await handler(request, error)
            return response
        return await run_in_threadpool(handler, request, error)

    def _handler_of(self, error: Exception) -> Callable[..., Any] | None:
        """Return what the application has for an error, as Starlette finds it; that for any error is elsewhere."""
        handlers = self._owner.exception_handlers
        if isinstance(error, HTTPException) and error.status_code in handlers:
            return handlers[error.status_code]
        kinds = (kind for kind in type(error).__mro__ if kind is not Exception)
        return next((handlers[kind] for kind in kinds if kind in handlers), None)


class _FastRoute:
    """A route's function, and the parts of the request that it takes, in order."""

    def __init__(self, declared: APIRoute, dependant: Dependant) -> None:
        self._declared = declared
        self._function: Any = dependant.call
        self._request = dependant.request_param_name
        self._parts: list[tuple[Any, Part]] = [(part.name, part.call) for part in dependant.dependencies]  # type: ignore[misc]
        takes_query = any(isinstance(call, QueryParameters) for _, call in self._parts)
        self._refuses_query = declared.include_in_schema and not takes_query
        unused: list[tuple[Any, Part]] = [(UNUSED, NO_PARAMETERS)]
        self._parts_with_query = sorted(unused + self._parts, key=_turn)

    def refuses_query(self, scope: Scope) -> bool:
        """Tell whether there is a query, and this an operation of the API that takes none; pages ignore theirs."""
        return bool(scope["query_string"]) and self._refuses_query

    async def response(self, request: Request) -> ASGIApp:
        parts = self._parts_with_query if self.refuses_query(request.scope) else self._parts
        values = {name: await part(request) for name, part in parts}
        values.pop(UNUSED, None)
        if self._request:
            values[self._request] = request
        returned = await self._function(**values)
        return returned if isinstance(returned, Response) else self._by_fastapi(returned)

    def _by_fastapi(self, value: Any) -> ASGIApp:
        """Return what answers with `value`, which no annotation kept the function from returning."""

        async def returned() -> Any:
            return value

        route = copy(self._declared)
        route.dependant = Dependant(call=returned, path=route.path)
        return AsyncExitStackMiddleware(request_response(route.get_route_handler()))


def _turn(part: tuple[Any, Part]) -> int:
    """Return when it is a part's turn: who asks, for what, in which way, and last what there is to be read."""
    _, call = part
    if isinstance(call, BearerToken):
        return 0
    if isinstance(call, JsonBody | FormBody):
        return 3
    return 2 if call is NO_PARAMETERS else 1


def _is_anonymous(route: RouteContext) -> bool:
    """Tell whether no user is found out for a route, so that its requests count for their address.

    Those of health and metrics never do: a stranger who shares an address with a probe could have it fail, and a
    platform restarts what it finds unwell. Those with a body count themselves, once it is there: else half of it,
    sent again and again, would keep out all others of the address.
    """
    parts = getattr(route, "dependant", Dependant()).dependencies
    verified = any(isinstance(part.call, BearerToken | CalendarToken) for part in parts)
    has_body = any(isinstance(part.call, JsonBody | FormBody) for part in parts)
    return not verified and not has_body and WATCHED not in getattr(route, "tags", ())


def _fast(route: RouteContext) -> _FastRoute | None:
    if not is_declared_fast(route.endpoint):
        return None
    if reason := why_not_fast(route):
        methods = ", ".join(sorted(route.methods or ()))
        raise NotFastError(f"{methods} {route.path} is declared fast and cannot be: {reason}")
    assert isinstance(route.original_route, APIRoute)  # or there was a reason
    return _FastRoute(route.original_route, route.dependant)
