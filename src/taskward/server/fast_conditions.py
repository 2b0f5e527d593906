"""What a route must not take if it is to be called without FastAPI."""

from collections import Counter
from collections.abc import Callable, Iterator
from inspect import Parameter, isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction, signature
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext
from starlette.convertors import PathConvertor, StringConvertor
from starlette.responses import Response
from starlette.routing import compile_path

OTHER_PARAMETERS = (
    "path_params", "query_params", "header_params", "cookie_params", "body_params", "response_param_name",
    "background_tasks_param_name", "http_connection_param_name", "websocket_param_name",
    "security_scopes_param_name",
)  # fmt: skip


def why_not_fast(route: RouteContext) -> str | None:
    """Return the first reason why this route cannot be called without FastAPI, or None."""
    return next(_reasons(route), None)


def _reasons(route: RouteContext) -> Iterator[str]:
    if type(route.original_route) is not APIRoute:
        yield f"it is a {type(route.original_route).__name__}, which may do more than FastAPI's own routes"
    for name, convertor in compile_path(route.path or "")[2].items():
        if not isinstance(convertor, StringConvertor | PathConvertor):
            yield f"its path converts {name!r}"
    yield from _reasons_of_handler(route.dependant)
    parts = route.dependant.dependencies
    for part in parts:
        yield from (f"its dependency {_name(part)} {reason}" for reason in _reasons_of_part(part))
    for name, times in Counter(map(_name, parts)).items():
        if len({id(part.call) for part in parts if _name(part) == name}) < times:
            yield f"its dependency {name} is named more than once, and FastAPI would call it once"


def _reasons_of_handler(dependant: Dependant) -> Iterator[str]:
    if not iscoroutinefunction(dependant.call):
        yield "its handler is not a coroutine function"
    if not _returns_response(dependant.call):
        yield "its handler is not annotated to return a Response"
    if other := _other_parameters(dependant):
        yield f"its handler takes {other}"


def _reasons_of_part(part: Dependant) -> Iterator[str]:
    functions = [part.call] if isclass(part.call) else [part.call, getattr(part.call, "__call__", None)]  # noqa: B004
    if any(isgeneratorfunction(function) or isasyncgenfunction(function) for function in functions):
        yield "yields"
    if not any(iscoroutinefunction(function) for function in functions):
        yield "is not a coroutine function"
    if part.name is None:
        yield "is one whose value the handler does not take"
    if part.dependencies:
        yield f"depends on {_name(part.dependencies[0])}"
    if other := _other_parameters(part):
        yield f"takes {other}"
    if not part.request_param_name:
        yield "does not take the request"
    elif _kind_of(part.request_param_name, part.call) is Parameter.KEYWORD_ONLY:
        yield "takes the request by keyword only"


def _other_parameters(dependant: Dependant) -> str | None:
    """Return the kind of a parameter that is neither the request nor a dependency."""
    found = next((name for name in OTHER_PARAMETERS if getattr(dependant, name)), None)
    return found and found.removesuffix("_name").replace("_", " ")


def _returns_response(handler: Callable[..., Any] | None) -> bool:
    try:
        returned = signature(handler, eval_str=True).return_annotation  # type: ignore[arg-type]
    except NameError:  # of what is imported for type checkers alone
        return False
    return isclass(returned) and issubclass(returned, Response)


def _kind_of(name: str, call: Callable[..., Any] | None) -> Any:
    return signature(call).parameters[name].kind  # type: ignore[arg-type]


def _name(part: Dependant) -> str:
    return getattr(part.call, "__name__", type(part.call).__name__)
