"""Fast routes: handlers that say they need nothing of the framework's machinery."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from weakref import WeakSet

from starlette.responses import Response

Handler = TypeVar("Handler", bound=Callable[..., Coroutine[Any, Any, Response]])

_declared: WeakSet[Callable[..., Any]] = WeakSet()


def fast(handler: Handler) -> Handler:
    """Declare that the routes of `handler` take no more than fast routes give (server/fast_routes.py).

    That is the request, and the values of dependencies which are coroutine functions of the request. The handler
    returns a Response; of anything else, FastAPI makes one, as for any route. A service with a route that says so
    and takes more does not start.
    """
    _declared.add(handler)
    return handler


def is_declared_fast(handler: Callable[..., Any] | None) -> bool:
    """Tell whether `handler` itself is declared fast. What is wrapped around one has to say so for itself."""
    return handler in _declared
