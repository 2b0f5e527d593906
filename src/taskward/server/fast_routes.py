"""Routes without the framework's machinery, which costs more than what they do.

FastAPI declares the routes, checks their signatures and documents them. Between the socket and such a route it
also walks a tree of routers, opens exit stacks and resolves a graph of dependencies, and a route that takes parts
of its request and nothing else needs none of that. Here the same route is found in a flat table, and the same
dependencies and the same function are called: 130 us less of CPU for each request (docs/performance.md).
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from re import Pattern
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from taskward.errors import ApiError
from taskward.observability.current import UNMATCHED, bind_route

RenderError = Callable[[ApiError], Response]
Part = Callable[[Request], Awaitable[Any]]


class FastRoutes:
    """Answers the requests for direct routes itself, and passes the others on: errors, files, other methods."""

    def __init__(self, app: ASGIApp, owner: FastAPI, render: RenderError) -> None:
        """Take what answers the rest, the application whose routes are meant, and how errors are rendered."""
        self._app = app
        self._render = render
        self._table: dict[str, list[tuple[Pattern[str], str, _FastRoute]]] = defaultdict(list)
        self._templates: list[tuple[Pattern[str], str]] = []
        for route in iter_route_contexts(owner.routes):
            template = route.path or ""
            # A mount has no methods, and everything below its path.
            pattern = compile_path(template if route.methods else template + "/{path:path}")[0]
            self._templates.append((pattern, template))
            if is_fast(route):
                for method in route.methods or ():
                    self._table[method].append((pattern, template, _FastRoute(route.dependant)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if "fastapi.telemetry" not in scope:  # traces want FastAPI's own steps
            for pattern, template, route in self._table.get(scope["method"], ()):
                if found := pattern.match(path):
                    bind_route(template)
                    scope["path_params"] = found.groupdict()
                    response = await self._answer(route, Request(scope, receive, send))
                    await response(scope, receive, send)
                    return
        bind_route(next((template for pattern, template in self._templates if pattern.match(path)), UNMATCHED))
        await self._app(scope, receive, send)

    async def _answer(self, route: "_FastRoute", request: Request) -> Response:
        try:
            return await route.answer(request)
        except ApiError as error:
            return self._render(error)


class _FastRoute:
    """A route's function, and the parts of the request that it takes, in order."""

    def __init__(self, dependant: Dependant) -> None:
        self._function: Any = dependant.call
        self._request = dependant.request_param_name
        self._parts: list[tuple[Any, Part]] = [(part.name, part.call) for part in dependant.dependencies]  # type: ignore[misc]

    async def answer(self, request: Request) -> Response:
        values = {name: await part(request) for name, part in self._parts}
        if self._request:
            values[self._request] = request
        response: Response = await self._function(**values)
        return response


def is_fast(route: RouteContext) -> bool:
    """Tell whether a route takes only its request, and dependencies that take only the request."""
    dependant = getattr(route, "dependant", None)
    return (
        isinstance(dependant, Dependant)
        and iscoroutinefunction(dependant.call)
        and _takes_no_parameters(dependant)
        and all(
            part.name and part.request_param_name and not part.dependencies and _takes_no_parameters(part)
            for part in dependant.dependencies
        )
    )


def _takes_no_parameters(dependant: Dependant) -> bool:
    return not (
        dependant.path_params
        or dependant.query_params
        or dependant.header_params
        or dependant.cookie_params
        or dependant.body_params
        or dependant.response_param_name
        or dependant.background_tasks_param_name
        or dependant.http_connection_param_name
        or dependant.security_scopes_param_name
    )
