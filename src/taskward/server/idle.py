"""What a connection keeps while it waits: of 1,000 busy ones most do (rate_limits/turns.py).

uvicorn keeps for each its last request until the next one comes, a parser, and a queue and an event of 800 bytes
each that are hardly ever used. Without them a worker with 1,000 busy connections has 91.5 MB and not 97.5.
"""

import asyncio
from functools import lru_cache
from typing import Any

import httptools

Address = tuple[str, int | None] | None


def parser_of(connection: object) -> httptools.HttpRequestParser:
    """Return what uvicorn parses requests with: 900 bytes, made in less than a microsecond."""
    parser = httptools.HttpRequestParser(connection)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


@lru_cache(16)
def one_of(address: Address) -> Address:
    """Return an address of the service: the same object for all connections to it."""
    return address


class Pipeline(list[Any]):
    """Requests that wait for the response to the one before: what uvicorn uses of a deque."""

    __slots__ = ()

    def appendleft(self, request: Any) -> None:
        """Add the one that comes last."""
        self.insert(0, request)


class Flow:
    """Whether a connection is read and can be written to: uvicorn's `FlowControl`, with an event only in need."""

    __slots__ = ("_transport", "_writable", "read_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        """Take what is read and written."""
        self._transport = transport
        self._writable: asyncio.Event | None = None  # where it cannot be written to: set when it can be again
        self.read_paused = False

    @property
    def write_paused(self) -> bool:
        """Whether what is written now would only wait."""
        return self._writable is not None

    async def drain(self) -> None:
        """Wait until it can be written to."""
        if self._writable is not None:
            await self._writable.wait()

    def pause_reading(self) -> None:
        """Leave what comes to the system."""
        if not self.read_paused:
            self.read_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read what comes."""
        if self.read_paused:
            self.read_paused = False
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """Have whoever writes wait."""
        if self._writable is None:
            self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """Have whoever waits go on."""
        writable, self._writable = self._writable, None
        if writable is not None:
            writable.set()


class Answered:
    """Stands for a request that has been answered: as much of uvicorn's cycle as is asked of one."""

    __slots__ = ()

    response_started = response_complete = True
    more_body = False
    message_event = asyncio.Event()  # for nobody


ANSWERED = Answered()
