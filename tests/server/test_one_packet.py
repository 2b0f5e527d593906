"""A response is written at once, and is the same as uvicorn would have written in more than one."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from taskward.server.idle import Flow
from taskward.server.one_packet import COPIED, OnePacket
from taskward.server.protocol import BoundedProtocol
from taskward.settings import Settings
from tests.server.running import running
from tests.server.wire import JSON, Wire, request

LENGTH = (b"content-length", b"2")
TAG = (b"etag", b'"7.1"')
USUAL, LAST, GONE, FULL, EXPECTS_CONTINUE = "usual", "last", "gone", "full", "expects continue"
LONG = b"x" * (COPIED + 1)


class Written(asyncio.Transport):
    """Keeps each write for itself."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.writes.append(b"".join(list_of_data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def start(status: int, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def seen_of(
    kind: type[RequestResponseCycle], messages: list[Any], method: str, state: str
) -> tuple[list[bytes], dict[str, Any]]:
    """Send the messages with a cycle of this class; return what it wrote, and all else to be seen of it."""
    transport, ends, said = Written(), [], []
    cycle = kind(
        scope={"method": method},  # type: ignore[typeddict-item]  # what it reads of it
        transport=transport,
        flow=Flow(transport),  # type: ignore[arg-type]  # what it needs of one
        logger=logging.getLogger(__name__),
        access_logger=logging.getLogger(__name__),
        access_log=False,
        default_headers=[(b"date", b"Sat, 28 Nov 2026 16:17:49 GMT")],
        message_event=asyncio.Event(),
        expect_100_continue=state == EXPECTS_CONTINUE,
        keep_alive=state != LAST,
        on_response=lambda: ends.append(len(transport.writes)),
    )
    cycle.disconnected = state == GONE
    if state == FULL:
        cycle.flow.pause_writing()

    async def send_all() -> None:
        try:
            for message in messages:
                await cycle.send(message)
        except RuntimeError as error:
            said.append(str(error))

    sending = asyncio.create_task(send_all())
    for _ in range(5):
        await asyncio.sleep(0)
    early = b"".join(transport.writes) if state == FULL else b""
    cycle.flow.resume_writing()
    await sending
    seen = {
        "bytes": b"".join(transport.writes), "closed": transport.closed, "said": said, "ended": len(ends),
        "early": early, "continue": cycle.waiting_for_100_continue,
        "complete": cycle.response_complete, "told": cycle.message_event.is_set(), "keep_alive": cycle.keep_alive,
    }  # fmt: skip
    return transport.writes, seen


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("state", [USUAL, LAST, GONE, FULL, EXPECTS_CONTINUE])
@pytest.mark.parametrize(
    ("messages", "writes"),
    [
        ([start(200, LENGTH, TAG), body(b"{}")], 1),
        ([start(404, TAG, LENGTH), body(b"{}")], 1),
        ([start(200, (b"content-length", b"0")), body(b"")], 1),
        ([start(204), body(b"")], 1),
        ([start(304, TAG), body(b"")], 1),
        ([start(200, (b"content-length", b"%d" % len(LONG))), body(LONG)], 1),
        ([start(200, (b"content-length", b"%d" % len(LONG))), body(LONG, more=True), body(b"")], 2),
        ([start(200, LENGTH), body(b"{", more=True), body(b"}", more=True), body(b"")], 3),
        ([start(200, LENGTH, (b"vary", b"a\tb")), body(b"{}")], 1),
        ([start(200, TAG), body(b"a", more=True), body(b"b", more=True), body(b"")], None),
        ([start(200, (b"transfer-encoding", b"chunked")), body(b"a")], None),
        ([start(200, LENGTH, (b"connection", b"close")), body(b"{}")], None),
        ([start(200, LENGTH), body(b"{}"), body(b"{}")], None),
        ([start(200, LENGTH), start(200, LENGTH), body(b"{}")], None),
        ([start(200, LENGTH), body(b"{")], None),
        ([start(200, LENGTH), body(b"{}}")], None),
        ([start(200, LENGTH), body(b"{}}", more=True)], None),
        ([start(204), body(b"{}")], None),
        ([start(304, LENGTH), body(b"")], None),
        ([body(b"{}")], None),
        *[
            ([start(200, LENGTH, (b"link", b"<a%b>" % bytes([character]))), body(b"{}")], None)
            for character in (*range(9), *range(10, 32), 127)
        ],
        ([start(200, LENGTH, (b"link", b"\r\nset-cookie: a=b")), body(b"{}")], None),
        ([start(200, (b"content-length", b"2\r\n"), TAG), body(b"{}")], None),
        ([start(200, LENGTH, (b"Connection", b"close")), body(b"{}")], None),
        ([start(200, LENGTH, (b"Transfer-Encoding", b"chunked")), body(b"{}")], None),
        ([start(200, LENGTH, (b"content-length", b"3")), body(b"{}")], None),
        ([start(200, LENGTH, (b"content-length", b"3")), body(b"{} ")], None),
        ([start(200, LENGTH, (b"vary", b"a"), (b"vary", b"b")), body(b"{}")], 1),
        *[([start(200, LENGTH, (name, b"b")), body(b"{}")], None) for name in (b"a b", b"a(b", b"a: b\t", b"")],
    ],
)
async def test_a_response_is_what_uvicorn_makes_of_it_and_its_head_waits_for_its_body(
    messages: list[Any], writes: int | None, method: str, state: str
) -> None:
    """`writes`: how many there may be; None: as many as uvicorn likes."""
    _, expected = await seen_of(RequestResponseCycle, messages, method, state)
    written, seen = await seen_of(OnePacket, messages, method, state)
    assert seen == expected
    if writes and method == "GET" and state in (USUAL, LAST, EXPECTS_CONTINUE):
        assert len(written) == writes


class Counting(BoundedProtocol):
    """Counts what is written to all connections."""

    writes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Counted(transport)  # type: ignore[assignment]


class Counted:
    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        Counting.writes += 1
        self._transport.write(data)

    def writelines(self, data: list[bytes]) -> None:
        Counting.writes += 1
        self._transport.writelines(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)


def test_every_response_is_one_write(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counting, "writes", 0)
    with running(settings, Counting) as url, Wire(url) as alice:
        requests = [
            request("POST", "/tasks", "alice", JSON, b'{"title": "Buy milk"}'),
            request("GET", "/tasks", "alice"),
            request("GET", "/nowhere", "alice"),
            request("HEAD", "/tasks", "alice"),
            request("GET", "/docs"),
        ]
        for number, each in enumerate(requests, 1):
            alice.send(each)
            assert alice.read(without_body=each.startswith(b"HEAD")) is not None
            assert Counting.writes == number
