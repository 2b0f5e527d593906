"""The outermost layer, in pure ASGI: request ids, HEAD, the size of bodies, and the last word on errors."""

import asyncio
import logging
import re
import secrets
from collections.abc import MutableMapping
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskward.errors import BodyTooLargeError, InternalError
from taskward.http.errors import error_response

MAX_BODY_BYTES = 64 * 1024
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")

logger = logging.getLogger(__name__)


class RequestContext:
    """Gives every answer an `X-Request-ID`, and an answer to every request, whatever goes wrong inside."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, _request_id(scope), without_body=scope["method"] == "HEAD")
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # RFC 9110, 9.3.2: the same answer, without its body
        try:
            await self._app(scope, _LimitedBody(scope, receive), answer)
        except ClientDisconnect:
            return
        except (
            asyncio.CancelledError
        ):  # the worker ends and this took too long; uvicorn would answer in plain text
            if not answer.started:
                await error_response(InternalError())(scope, receive, answer)
            raise
        except Exception:
            logger.exception("error in %s %r, request %s", scope["method"], scope["path"], answer.request_id)
            if answer.started:
                raise  # half an answer is out: only closing the connection can tell the client
            await error_response(InternalError())(scope, receive, answer)


class _Answer:
    """The `send` of one request."""

    def __init__(self, send: Send, request_id: str, *, without_body: bool) -> None:
        self._send = send
        self._without_body = without_body
        self.request_id = request_id
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.request_id.encode())]
        elif self._without_body and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


class _LimitedBody:
    """The `receive` of one request; raises BodyTooLargeError instead of reading on without end."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._remaining = MAX_BODY_BYTES
        self._declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")

    async def __call__(self) -> MutableMapping[str, Any]:
        if not self._declared.isdigit() or int(self._declared) > MAX_BODY_BYTES:
            raise BodyTooLargeError
        message = await self._receive()
        self._remaining -= len(message.get("body", b""))
        if self._remaining < 0:
            raise BodyTooLargeError
        return message


def _request_id(scope: Scope) -> str:
    """Return the caller's own id where it is harmless to repeat, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.match(value):
            return bytes(value).decode()
    return secrets.token_hex(8)
