"""A connection that waits for its client keeps next to nothing, and not for ever."""

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from taskward.server.protocol import BoundedProtocol
from taskward.settings import Settings
from tests.server.running import running
from tests.server.wire import JSON, Wire, request

LIVE = request("GET", "/health/live")
CREATE = request("POST", "/tasks", "alice", JSON, b'{"title":"Buy milk"}')
STRANGER = request("POST", "/tasks", None, JSON + b"Content-Length: 10\r\n")


@pytest.fixture
def without_collector() -> Iterator[None]:
    """So that what is let go is gone at once, or not."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("asked", [LIVE, CREATE, LIVE * 3], ids=["a read", "a body", "a pipeline"])
@pytest.mark.usefixtures("without_collector")
def test_nothing_is_kept_of_a_request_that_was_answered(settings: Settings, asked: bytes) -> None:
    cycles: list[weakref.ref[RequestResponseCycle]] = []
    kept: list[list[object]] = []

    class Watched(BoundedProtocol):
        def on_headers_complete(self) -> None:
            super().on_headers_complete()
            cycles.append(weakref.ref(self.cycle))

        def take_turn(self, waited: float) -> None:
            kept.append([*filter(None, (cycle() for cycle in cycles)), self.parser, self.scope])
            super().take_turn(waited)

    with running(settings, Watched) as url, Wire(url) as wire:
        for data in (asked, LIVE):
            wire.send(data)
            for _ in range(data.count(b"HTTP/1.1")):
                assert wire.read() is not None
    assert kept == [[None, None], [None, None]]
    assert len(cycles) == asked.count(b"HTTP/1.1") + 1


def test_the_rest_of_a_body_that_nobody_waited_for_is_no_request(settings: Settings) -> None:
    with running(settings, BoundedProtocol) as url, Wire(url) as wire:
        wire.send(STRANGER + b"x")
        answer = wire.read()
        assert answer is not None
        assert answer.status == 401
        wire.send(b"x" * 9 + LIVE)
        answer = wire.read()
        assert answer is not None
        assert answer.status == 200


def test_a_connection_is_closed_after_a_pause(settings: Settings) -> None:
    class Brief(BoundedProtocol):
        tick = 0.01
        seconds = 60

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.timeout_keep_alive = 0

    with running(settings, Brief) as url, Wire(url) as wire:
        wire.send(LIVE)
        assert wire.read() is not None
        assert wire.read() is None


def test_a_head_that_has_begun_ends_the_pause(settings: Settings) -> None:
    looked = threading.Event()

    class Brief(BoundedProtocol):
        tick = 0.01
        seconds = 60

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.timeout_keep_alive = 0  # not even a moment between two requests

        def look(self, now: float) -> None:
            super().look(now)
            if self._in_head:
                looked.set()

    with running(settings, Brief) as url, Wire(url) as wire:
        wire.send(LIVE + LIVE[:10])
        assert wire.read() is not None
        assert looked.wait(20)
        wire.send(LIVE[10:])
        answer = wire.read()
        assert answer is not None
        assert answer.status == 200
        assert wire.read() is None
