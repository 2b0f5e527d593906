"""HTTP/1.1 on one connection: what is taken for a request, how much of it, and when.

uvicorn leaves most of this to a proxy in front. Its protocol for httptools, which this one narrows:

- takes heads, trailers and pipelines of any size;
- answers what it cannot parse in plain text, and before the responses to earlier requests;
- takes any number of headers, and counts trailers among them, which a proxy in front has not looked at (RFC 9110,
  6.5.1);
- takes what RFC 9112 has refused: no host, two of them, other versions, other codings than `chunked`; and keeps
  the white space behind the value of a header (5.1);
- takes the body of a request with `Upgrade` for the next request.
"""

import asyncio
from typing import Any

import httptools
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from taskward.api.errors import error_response
from taskward.api.state import LIFESPAN_STATE, AppState
from taskward.errors import ApiError, ValidationFailedError
from taskward.middleware.cors import Cors
from taskward.middleware.request_context import RequestContext
from taskward.observability.metrics import Metrics
from taskward.rate_limits.turns import TURN, Turn
from taskward.server.idle import parser_of
from taskward.server.one_connection import OneConnection, tell_gone
from taskward.server.one_packet import OnePacket
from taskward.server.request_head import HEAD_TOO_LARGE, MAX_HEAD, MAX_HEADERS, TOO_MANY_HEADERS, refusal_of

MAX_REQUEST = 1024 * 1024  # all of a request as sent; 512 KiB of body in chunks of 6 bytes are 940 KiB
MAX_PIPELINED = 100
STEP = 4096  # bytes parsed at a time, and so how exactly sizes are counted

MALFORMED = ValidationFailedError([("request", "This is not a request as HTTP/1.1 has it (RFC 9112)")])
REQUEST_TOO_LARGE = ValidationFailedError([("request", "The request is larger than 1 MiB as it was sent")])
UPGRADE_WITH_BODY = ValidationFailedError([("upgrade", "A request with a body cannot change the protocol")])


class BoundedProtocol(OneConnection):
    """What `uvicorn.Config(http=BoundedProtocol)` makes of each connection."""

    __slots__ = ("_closing", "_taken", "_turn", "_waited")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*args, **kwargs)
        self._waited: float | None = None  # seconds until its turn; None where what comes is out of turn
        self._turn: Turn | None = None  # of the request that is arriving, where it has one
        self._closing = False  # what still arrives is not read: it ends with the responses that are due
        self._taken = 0  # bytes of the request that is arriving

    def data_received(self, data: bytes) -> None:
        """Take what the client sent. With a new request the connection waits for its turn."""
        self._unset_keepalive_if_required()
        if self._in_head or self._in_body or not (self.cycle is None or self.cycle.response_complete):
            self._parse(data)
            return
        is_in_line = bool(self._unparsed)
        self._unparsed += data
        if len(self._unparsed) > MAX_HEAD:  # as much as is kept of a request that nobody has looked at
            self._together.turns.leave(self)
            self._parse_unparsed()
        elif not is_in_line:
            self._together.turns.line_up(self)

    def take_turn(self, waited: float) -> None:
        """Read the request that has come."""
        self._waited = waited
        if not self.transport.is_closing():
            self._parse_unparsed()
            if self._together.draining:
                self.shutdown()  # of which it knew nothing yet, if this was no request

    def _leave(self) -> None:
        super()._leave()
        self._together.turns.leave(self)

    def _parse_unparsed(self) -> None:
        data, self._unparsed = self._unparsed, b""
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Parse in steps that keep a request from becoming large unseen."""
        if self.parser is None:
            self.parser = parser_of(self)
        if len(data) <= STEP:
            self._take(data)
        else:
            for start in range(0, len(data), STEP):
                self._take(data[start : start + STEP])

    def _take(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._closing = True  # no other protocol is spoken here; the request itself is answered
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(MALFORMED)
        self._taken += len(data)
        if self._taken > MAX_HEAD and (self._in_head or self._taken > MAX_REQUEST):
            self._refuse(HEAD_TOO_LARGE if self._in_head else REQUEST_TOO_LARGE)

    def on_message_begin(self) -> None:
        """See the first byte of a request."""
        super().on_message_begin()
        self._in_head = True
        self._taken = 0
        self._since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """See a header; not a trailer, which nobody reads."""
        if self._in_head:
            if len(self.headers) >= MAX_HEADERS:
                self._refuse(TOO_MANY_HEADERS)
                raise httptools.HttpParserError
            super().on_header(name, value.strip(b" \t"))

    def on_headers_complete(self) -> None:
        """See the end of a head, and have the request answered."""
        if len(self.pipeline) >= MAX_PIPELINED:
            self._closing = True
            self.cycle.keep_alive = False  # which says: this one is answered, and what follows was not looked at
            raise httptools.HttpParserError
        if refusal := refusal_of(self.parser.get_http_version(), self.url, self.headers):
            self._refuse(refusal)
            raise httptools.HttpParserError
        if self.parser.should_upgrade() and _has_body(self.headers):
            self._refuse(UPGRADE_WITH_BODY)
            raise httptools.HttpParserError
        # What follows in the same turn is out of turn: who could have it counted could keep all others waiting.
        waited, self._waited, self._turn = self._waited, None, None
        if waited is not None:
            self._turn = self.scope[TURN] = Turn(self._together.turns, waited)  # type: ignore[literal-required]
        super().on_headers_complete()
        self.cycle.__class__ = OnePacket  # uvicorn has no way to say which
        if self._together.draining:
            self.cycle.keep_alive = False
        self.headers = []  # a refusal of what follows is no response to these
        self.scope, self.url = None, b""  # type: ignore[assignment]  # which the cycle has, for as long as it lives
        self._in_head, self._in_body = False, True
        self._since = self.loop.time()

    def on_message_complete(self) -> None:
        """See the end of a request."""
        self._in_body = False
        super().on_message_complete()
        if self._turn and not self.cycle.response_complete:
            self._turn.begin()

    def _refuse(self, error: ApiError) -> None:
        """Answer `error` in its turn, then close the connection."""
        if self._closing:
            return
        self._closing = True
        before, self.cycle = self.cycle, self._last_cycle()
        state: AppState = self.app_state[LIFESPAN_STATE]
        response: Any = (self.cycle, _answering(error, state.metrics))
        if self._in_body and before.response_started:
            self.transport.close()  # the request has its response
        elif self._in_body and self.pipeline:
            self.pipeline[0] = response  # instead of the request whose body it is
        elif self._in_body or before is None or before.response_complete:
            tell_gone(before)
            self._start_asgi_task(*response)
        else:
            self.pipeline.appendleft(response)

    def _last_cycle(self) -> RequestResponseCycle:
        cycle = OnePacket(
            scope={"type": "http", "method": "GET", "path": "", "headers": self.headers or []},  # type: ignore[typeddict-item]
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        cycle.more_body = False
        return cycle


def _has_body(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers
    )


def _answering(error: ApiError, metrics: Metrics) -> ASGIApp:
    return RequestContext(error_response(error), Cors(()), metrics, access_log=False)
