"""The request that is being answered: what log lines and metrics tell of it, and what goes with its response."""

import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from types import TracebackType

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "OTHER"  # clients can make up methods and paths without end, and labels must have one
UNMATCHED = "unmatched"


class CurrentRequest:
    """What is known of a request so far: its id, method and route template, whose it is and from which address."""

    __slots__ = (
        "address",
        "at_end",
        "id",
        "method",
        "only_reads",
        "response_headers",
        "route",
        "user_id",
        "waited",
    )

    def __init__(self, request_id: str, method: str) -> None:
        self.id = request_id
        self.method = method if method in METHODS else OTHER_METHOD
        self.route = UNMATCHED
        self.user_id: str | None = None
        self.address: str | None = None
        self.only_reads = False
        self.response_headers: list[tuple[bytes, bytes]] = []  # those that are not the handler's to give
        self.at_end: list[Callable[[], None]] = []
        self.waited = 0.0  # seconds in which nothing was done for it, as it had asked to wait

    @property
    def endpoint(self) -> str:
        """Method and route template, as `GET /tasks/{task_id}`."""
        return f"{self.method} {self.route}"


# Set once for each request and then changed in place, so that code deep below, and tasks that copy the context,
# see what is found out later.
current_request: ContextVar[CurrentRequest | None] = ContextVar("current_request", default=None)


def bind_route(template: str) -> None:
    """Note the route template of the current request, if there is one."""
    if (request := current_request.get()) is not None:
        request.route = template


def bind_only_reads() -> None:
    """Note that nothing may be written for the current request, if there is one, whatever its route does."""
    if (request := current_request.get()) is not None:
        request.only_reads = True


def only_reads() -> bool:
    """Tell whether nothing may be written for the current request."""
    return (request := current_request.get()) is not None and request.only_reads


def add_response_headers(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Have the response to the current request, if there is one, carry these headers too, whatever it becomes."""
    if (request := current_request.get()) is not None:
        request.response_headers += headers


def at_end(call: Callable[[], None]) -> None:
    """Have `call` called once the current request has ended: its response was sent, or its client has gone."""
    if (request := current_request.get()) is None:
        call()  # nothing is being answered
    else:
        request.at_end.append(call)


class StandingBy:
    """Lets the current request wait in the block as one of which nothing is to be done.

    Its time is none that the service took, and what was to be called at its end is called at once, so that it
    does not count among the requests that are being answered: a waiting device keeps no other from writing.
    """

    __slots__ = ("_began",)

    def __enter__(self) -> None:
        if (request := current_request.get()) is not None:
            ends, request.at_end = request.at_end, []
            for end in ends:
                end()
        self._began = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if (request := current_request.get()) is not None:
            request.waited += time.perf_counter() - self._began


def bind_user(user_id: str) -> None:
    """Note who makes the current request, if there is one."""
    if (request := current_request.get()) is not None:
        request.user_id = user_id


def bind_address(address: str) -> None:
    """Note from which address the current request comes, if there is one."""
    if (request := current_request.get()) is not None:
        request.address = address
