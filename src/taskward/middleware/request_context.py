"""The outermost layer, in pure ASGI: request ids, HEAD, and the last word on errors."""

import asyncio
import logging
import re
import secrets
import time

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskward.api.errors import error_response
from taskward.errors import ApiError, InternalError
from taskward.middleware.cors import Cors, answer_preflight
from taskward.observability.current import CurrentRequest, current_request
from taskward.observability.metrics import Metrics
from taskward.rate_limits.turns import TURN

# What a server keeps of a response before it makes whoever sends more wait for the client (uvicorn, as asyncio).
BUFFERED_BYTES = 64 * 1024
NO_RESPONSE = 499  # nobody got it; the client had gone away
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")

# On every response. What a page shows cannot be guessed, framed or told on; HSTS is for the proxy with the TLS.
ALWAYS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
# Where the response does not say it itself.
NOTHING_ALLOWED = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
NOT_STORED = (b"cache-control", b"no-store")
ASKED_AGAIN = (b"cache-control", b"private, no-cache")

logger = logging.getLogger(__name__)


class RequestContext:
    """Gives every response an `X-Request-ID`, and a response to every request, whatever goes wrong inside."""

    def __init__(self, app: ASGIApp, cors: Cors, metrics: Metrics, *, access_log: bool) -> None:
        """Wrap `app`; take what responses tell other origins, what counts them, and whether each is logged."""
        self._app = app
        self._cors = cors
        self._metrics = metrics
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = CurrentRequest(_request_id(scope), scope["method"])
        request.response_headers += [
            (b"x-request-id", request.id.encode()),
            *ALWAYS,
            *self._cors.headers(scope),
        ]
        response = _Response(send, request, without_body=scope["method"] == "HEAD")
        enclosing = current_request.set(request)
        self._metrics.in_flight += 1
        began = time.perf_counter()
        if (turn := scope.get(TURN)) is not None:
            began -= turn.waited
            request.at_end.append(turn.end)
        try:
            await self._answer(scope, receive, response)
        finally:
            for end in request.at_end:
                end()
            seconds = (response.written_at or time.perf_counter()) - began - request.waited
            self._metrics.in_flight -= 1
            self._metrics.answered(request.method, request.route, response.status, seconds)
            if self._access_log:
                waited = f", after waiting {request.waited:.1f} s" if request.waited else ""
                logger.info("%d in %.1f ms%s", response.status, seconds * 1000, waited)
            current_request.reset(enclosing)

    async def _answer(self, scope: Scope, receive: Receive, response: "_Response") -> None:
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # RFC 9110, 9.3.2: the same response, without its body
        try:
            if self._cors.is_preflight(scope):
                await answer_preflight(response)
                return
            await self._app(scope, receive, response)
        except ClientDisconnect:
            return
        except (
            asyncio.CancelledError
        ):  # the worker ends and this took too long; uvicorn would answer in plain text
            if not response.started:
                await error_response(InternalError())(scope, receive, response)
            raise
        except Exception as error:
            if response.started:
                _cut_off(error)
            else:
                await error_response(_told(error))(scope, receive, response)


def _told(error: Exception) -> ApiError:
    """Return what a client is told, of an error for which nobody had a response."""
    # Starlette says RuntimeError of one that comes behind a head: it does not know that this was kept.
    behind_head = error.__cause__ if isinstance(error, RuntimeError) else None
    for each in (error, behind_head):
        if isinstance(each, ApiError):
            logger.warning("%d %s: %s", each.status, each.code, each.logged)
            return each
    logger.error("500 INTERNAL_ERROR", exc_info=error)
    return InternalError()


def _cut_off(error: Exception) -> None:
    """Log why half a response is out: only closing the connection tells the client, as the server does after this.

    Raises the error where it is a mistake of ours. What cannot be read any more is none.
    """
    if not isinstance(error, ApiError):
        logger.error("500 INTERNAL_ERROR", exc_info=error)
        raise error
    logger.warning("cut off by %d %s: %s", error.status, error.code, error.logged)


class _Response:
    """The `send` of one request. It keeps the head until there is a body: an error may come instead."""

    def __init__(self, send: Send, request: CurrentRequest, *, without_body: bool) -> None:
        self._send = send
        self._request = request
        self._without_body = without_body
        self._head: Message | None = None
        self.started = False
        self.status = NO_RESPONSE
        self.written_at: float | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        if self._head is not None:
            await self._start(self._head)
        if self._without_body:
            message = {**message, "body": b""}
        elif len(message.get("body", b"")) > BUFFERED_BYTES and not message.get("more_body"):
            # A request has not ended, and counts, while its client keeps the memory of its response.
            await self._send({**message, "more_body": True})
            self.written_at = time.perf_counter()  # how slowly a client reads says nothing of the service
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _start(self, head: Message) -> None:
        self._head = None
        self.started = True
        self.status = head["status"]
        head["headers"] = [*head.get("headers", ()), *self._request.response_headers]
        _complete(head["headers"])
        await self._send(head)


def _complete(headers: list[tuple[bytes, bytes]]) -> None:
    names = {name for name, _ in headers}
    if b"content-security-policy" not in names:
        headers.append(NOTHING_ALLOWED)
    if b"cache-control" not in names:
        headers.append(ASKED_AGAIN if b"etag" in names else NOT_STORED)


def _request_id(scope: Scope) -> str:
    """Return the client's own id where it is harmless to repeat, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.match(value):
            return bytes(value).decode()
    return secrets.token_hex(8)
