"""One connection: how long it waits for its client, and how it ends.

uvicorn leaves most of this to a proxy in front. Its protocol for httptools, which this one narrows:

- waits for ever for a head, for a body, and for a client to read, of whose response the kernel has megabytes;
- at its end closes idle connections at once, also when a request is on its way.

Deadlines are looked at once a second, for all connections of a worker, and not set for each request.
"""

import asyncio
import socket
import struct
from typing import Any
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from taskward.api.state import LIFESPAN_STATE, AppState
from taskward.server.connections import BRIEFLY, MAX_CONNECTIONS, Connections, Silence, counted_as
from taskward.server.idle import ANSWERED, Flow, Pipeline, one_of
from taskward.server.worker_config import WorkerConfig

MAX_UNSENT = 64 * 1024  # bytes that the kernel keeps of a response, beside those that are on their way (tcp(7))
LINGER_SECONDS = 1
LINGER_NOT = struct.pack("ii", 1, 0)  # of socket(7): on, for no time at all

_of_servers: WeakKeyDictionary[ServerState, Connections] = WeakKeyDictionary()


class OneConnection(HttpToolsProtocol):
    """Whose requests are read in protocol.py."""

    # With more attributes than uvicorn's own in its dict, Python would no longer share the keys of that among the
    # connections: 1.2 KB more for each.
    __slots__ = (
        "_counted", "_held", "_in_body", "_in_head", "_running", "_since", "_together", "_unparsed", "_unread",
        "counted_as", "unread_since",
    )  # fmt: skip

    seconds: float = 8  # for a head, for a body, and for taking 64 KiB of what waits to be read
    tick: float = 1
    max_connections = MAX_CONNECTIONS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*args, **kwargs)
        self.parser = None  # type: ignore[assignment]  # made when something comes
        self._running: RequestResponseCycle | None = None  # the request that is being answered
        self._held: tuple[RequestResponseCycle, Any] | None = None  # runs when the client has read what was before
        self._in_head = False
        self._in_body = False
        self._unparsed = b""  # what has come of a request whose turn has not
        self._unread = 0  # bytes that wait for the client, when they last became fewer by 64 KiB
        self._counted = 0  # bytes that wait for the client, as the worker has counted them

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin. Where there are too many, others end, or this one."""
        super().connection_made(transport)
        self.flow = Flow(transport)  # type: ignore[assignment]  # what a cycle needs of it
        self.pipeline = Pipeline()  # type: ignore[assignment]  # what uvicorn needs of it
        state: AppState = self.app_state[LIFESPAN_STATE]
        self.counted_as = counted_as(self.client and self.client[0], state.connection_limits.exempt)
        if (together := _of_servers.get(self.server_state)) is None:
            shares = self.config.shares if isinstance(self.config, WorkerConfig) else None
            together = _of_servers[self.server_state] = Connections(state, self.max_connections, shares, self.tick)
        self._together = together
        self.server = one_of(self.server)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT)
        self._since = self.unread_since = self.loop.time()
        together.add(self, self._since)
        if together.draining:
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._held = None
        self._leave()
        tell_gone(self._running)  # uvicorn tells the last request; this may be one before it
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        self.server_state.total_requests += 1
        self._since = self.loop.time()
        self._running = None
        if self.cycle.response_complete:
            self.cycle = ANSWERED  # type: ignore[assignment]  # what is asked of one that has ended
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            elif not self._in_head and not self._in_body:
                self.parser = None  # type: ignore[assignment]  # it has nothing to remember

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

    def look(self, now: float) -> None:
        """Close the connection when the client is late."""
        unread = self.count_unsent()
        if unread > self._unread or unread <= max(0, self._unread - 64 * 1024):
            self._unread, self.unread_since = unread, now
        elif now - self.unread_since >= self.seconds:
            self.cut_off()
        if self._awaits_client() and now - self._since >= self._patience():
            self.transport.close()

    def cut_off(self) -> None:
        """Reset the connection. To close it would be to wait, here or in the kernel, until all is read."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        tell_gone(self._running)  # before it writes to what is closed
        self._leave()
        self.transport.abort()

    def _awaits_client(self) -> bool:
        if self._unparsed:
            return False
        # Where others wait behind it, the one that runs: nobody looks yet at what has arrived of the last one.
        asked = self._running if self.pipeline and not self._held else self.cycle
        return asked is None or asked.response_complete or asked.more_body

    def _patience(self) -> float:
        is_pause = self.cycle is not None and not self._in_head and not self._in_body
        return self.timeout_keep_alive if is_pause else self.seconds


def tell_gone(cycle: RequestResponseCycle | None) -> None:
    """Let a request find that its client has gone: it receives a disconnect, and what it sends is dropped."""
    if cycle is not None and not cycle.response_complete:
        cycle.disconnected = True
        cycle.message_event.set()
