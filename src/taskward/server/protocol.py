"""HTTP/1.1 on one connection: how much of a request is taken, how long it may take, and how connections end.

uvicorn leaves most of this to a proxy in front. Its protocol for httptools, which this one narrows:

- takes heads, trailers and pipelines of any size, for any time, and waits for ever for a client to read, having
  given the kernel megabytes to keep for it;
- answers what it cannot parse in plain text, and before the responses to earlier requests;
- takes any number of headers, and counts trailers among them, which a proxy in front has not looked at (RFC 9110,
  6.5.1);
- takes what RFC 9112 has refused: no host, two of them, other versions, other codings than `chunked`; and keeps
  the white space behind the value of a header (5.1);
- takes the body of a request with `Upgrade` for the next request;
- at its end closes idle connections at once, also when a request is on its way.

Deadlines are looked at once a second and not set for each request, which would cost more than all the rest.
"""

import asyncio
import socket
import struct
from typing import Any
from weakref import WeakKeyDictionary

import httptools
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from taskward.api.errors import error_response
from taskward.api.state import LIFESPAN_STATE, AppState
from taskward.errors import ApiError, ValidationFailedError
from taskward.middleware.cors import Cors
from taskward.middleware.request_context import RequestContext
from taskward.observability.metrics import Metrics
from taskward.rate_limits.turns import TURN, Turn
from taskward.server.connections import BRIEFLY, MAX_CONNECTIONS, Connections, Silence, counted_as
from taskward.server.one_packet import OnePacket
from taskward.server.request_head import HEAD_TOO_LARGE, MAX_HEAD, MAX_HEADERS, TOO_MANY_HEADERS, refusal_of
from taskward.server.worker_config import WorkerConfig

MAX_REQUEST = 1024 * 1024  # all of a request as sent; 512 KiB of body in chunks of 6 bytes are 940 KiB
MAX_PIPELINED = 100
MAX_UNSENT = 64 * 1024  # bytes that the kernel keeps of a response, beside those that are on their way (tcp(7))
STEP = 4096  # bytes parsed at a time, and so how exactly sizes are counted
LINGER_SECONDS = 1
LINGER_NOT = struct.pack("ii", 1, 0)  # of socket(7): on, for no time at all

MALFORMED = ValidationFailedError([("request", "This is not a request as HTTP/1.1 has it (RFC 9112)")])
REQUEST_TOO_LARGE = ValidationFailedError([("request", "The request is larger than 1 MiB as it was sent")])
UPGRADE_WITH_BODY = ValidationFailedError([("upgrade", "A request with a body cannot change the protocol")])

_of_servers: WeakKeyDictionary[ServerState, Connections] = WeakKeyDictionary()


class BoundedProtocol(HttpToolsProtocol):
    """One connection, as `uvicorn.Config(http=BoundedProtocol)` makes it."""

    # With more attributes than uvicorn's own in its dict, Python would no longer share the keys of that among the
    # connections: 1.2 KB more for each.
    __slots__ = (
        "_closing", "_counted", "_held", "_in_body", "_in_head", "_running", "_since", "_taken", "_together",
        "_turn", "_unparsed", "_unread", "_waited", "_watcher", "counted_as", "unread_since",
    )  # fmt: skip

    seconds: float = 8  # for a head, for a body, and for taking 64 KiB of what waits to be read
    tick: float = 1
    max_connections = MAX_CONNECTIONS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*args, **kwargs)
        self._running: RequestResponseCycle | None = None  # the request that is being answered
        self._in_head = False
        self._in_body = False
        self._unparsed = b""  # what has come of a request whose turn has not
        self._waited: float | None = None  # seconds in which it did not; None where what comes is out of turn
        self._turn: Turn | None = None  # of the request that is arriving, where it has one
        self._closing = False  # what still arrives is not read: it ends with the responses that are due
        self._taken = 0  # bytes of the request that is arriving
        self._unread = 0  # bytes that wait for the client, when they last became fewer by 64 KiB
        self._counted = 0  # bytes that wait for the client, as the worker has counted them
        self._held: tuple[RequestResponseCycle, Any] | None = None  # runs when the client has read what was before

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin. Where there are too many, others end, or this one."""
        super().connection_made(transport)
        state: AppState = self.app_state[LIFESPAN_STATE]
        self.counted_as = counted_as(self.client and self.client[0], state.connection_limits.exempt)
        if (together := _of_servers.get(self.server_state)) is None:
            shares = self.config.shares if isinstance(self.config, WorkerConfig) else None
            together = _of_servers[self.server_state] = Connections(state, self.max_connections, shares)
        self._together = together
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT)
        self._since = self.unread_since = self.loop.time()
        self._watcher = self.loop.call_later(self.tick, self._watch)
        together.add(self, self._since)
        if together.draining:
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._watcher.cancel()
        self._held = None
        self._leave()
        _tell_gone(self._running)  # uvicorn tells the last request; this may be one before it
        super().connection_lost(exc)

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

    def _parse_unparsed(self) -> None:
        data, self._unparsed = self._unparsed, b""
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Parse in steps that keep a request from becoming large unseen."""
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
        if self.scope["method"] != "HEAD":  # whose head has nothing to wait for
            self.cycle.transport = OnePacket(self.transport)  # type: ignore[assignment]  # what a cycle needs of it
        if self._together.draining:
            self.cycle.keep_alive = False
        self.headers = []  # a refusal of what follows is no response to these
        self._in_head, self._in_body = False, True
        self._since = self.loop.time()

    def on_message_complete(self) -> None:
        """See the end of a request."""
        self._in_body = False
        super().on_message_complete()
        if self._turn and not self.cycle.response_complete:
            self._turn.begin()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        self._since = self.loop.time()
        super().on_response_complete()
        if self._in_head:
            self._unset_keepalive_if_required()  # there is no pause: the next request has begun

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self.flow.write_paused:  # else another response would wait for the same client, counted nowhere
            self._held = (cycle, app)
        else:
            self._running = cycle
            super()._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        """See that a client reads more slowly than it is answered."""
        super().pause_writing()
        self._unread, self.unread_since = self.count_unsent(), self.loop.time()
        self._together.cut_slowest(self.unread_since, spare=self)  # which is being written to

    def resume_writing(self) -> None:
        """See that the client has read, and go on."""
        super().resume_writing()
        self.count_unsent()
        if self._held and not self.transport.is_closing():
            held, self._held = self._held, None
            self._start_asgi_task(*held)

    def count_unsent(self) -> int:
        """Return the bytes that wait in this process for the client to read, and keep the worker's total right."""
        unsent = self.transport.get_write_buffer_size()
        self._together.unsent.total += unsent - self._counted
        self._counted = unsent
        return unsent

    def _leave(self) -> None:
        self._together.remove(self)
        self._together.turns.leave(self)
        self._together.unsent.total -= self._counted
        self._counted = 0

    def silence(self, now: float) -> Silence | None:
        """Return how long the client has been waited for; None where it is not, or has something to read."""
        if not self._awaits_client() or self.transport.get_write_buffer_size():
            return None
        if self.cycle is None and now - self._since >= BRIEFLY:
            return Silence(0, self._since)
        return Silence(1 if self.cycle is None or self.cycle.response_complete else 2, self._since)

    def close_silent(self) -> None:
        """End the connection, which has nothing to send."""
        self.transport.close()

    def shutdown(self) -> None:
        """Answer what arrives within a second, say with the response that the connection ends, and end it."""
        self._together.draining = True
        self.app_state[LIFESPAN_STATE].hints.waiters.end()  # who wake when all of this has run for all
        self.timeout_keep_alive = LINGER_SECONDS
        if self.cycle is not None and not self.cycle.response_complete:
            if not self.cycle.response_started:  # else the response did not say so, and another request may come
                self.cycle.keep_alive = False
        elif not (self._in_head or self._unparsed):
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(LINGER_SECONDS, self.timeout_keep_alive_handler)

    def _watch(self) -> None:
        """Close the connection when the client is late."""
        self._watcher = self.loop.call_later(self.tick, self._watch)
        now, unread = self.loop.time(), self.count_unsent()
        if unread > self._unread or unread <= max(0, self._unread - 64 * 1024):
            self._unread, self.unread_since = unread, now
        elif now - self.unread_since >= self.seconds:
            self.cut_off()
        self._together.cut_slowest(now)
        if self._awaits_client() and now - self._since >= self.seconds:
            self.transport.close()

    def cut_off(self) -> None:
        """Reset the connection. To close it would be to wait, here or in the kernel, until all is read."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        _tell_gone(self._running)  # before it writes to what is closed
        self._leave()
        self.transport.abort()

    def _awaits_client(self) -> bool:
        if self._unparsed:
            return False
        # Where others wait behind it, the one that runs: nobody looks yet at what has arrived of the last one.
        asked = self._running if self.pipeline and not self._held else self.cycle
        return asked is None or asked.response_complete or asked.more_body

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
            _tell_gone(before)
            self._start_asgi_task(*response)
        else:
            self.pipeline.appendleft(response)

    def _last_cycle(self) -> RequestResponseCycle:
        cycle = RequestResponseCycle(
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


def _tell_gone(cycle: RequestResponseCycle | None) -> None:
    """Let a request find that its client has gone: it receives a disconnect, and what it sends is dropped."""
    if cycle is not None:
        cycle.disconnected = True
        cycle.message_event.set()


def _has_body(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers
    )


def _answering(error: ApiError, metrics: Metrics) -> ASGIApp:
    return RequestContext(error_response(error), Cors(()), metrics, access_log=False)
