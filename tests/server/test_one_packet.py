"""A response is written at once, and what of it is written when its body is long or never comes."""

import asyncio
from collections.abc import Iterable

import pytest

from taskward.server.one_packet import CONTINUE, COPIED, OnePacket
from taskward.server.protocol import BoundedProtocol
from taskward.settings import Settings
from tests.server.running import running
from tests.server.wire import JSON, Wire, request

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Written(asyncio.Transport):
    """Keeps each write for itself."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.writes.append(b"|".join(list_of_data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ([HEAD, b"{}"], [HEAD + b"{}"]),
        ([HEAD, b""], [HEAD]),
        ([CONTINUE, HEAD, b"{}"], [CONTINUE, HEAD + b"{}"]),
        ([HEAD, b"a", b"b", b""], [HEAD + b"a", b"b", b""]),
        ([HEAD, b"x" * (COPIED + 1)], [HEAD + b"|" + b"x" * (COPIED + 1)]),
        ([HEAD, CONTINUE, HEAD], [HEAD + CONTINUE, HEAD]),  # a body may look like anything
    ],
)
def test_the_head_waits_for_what_comes_next_and_nothing_else_does(
    given: list[bytes], written: list[bytes]
) -> None:
    transport = Written()
    response = OnePacket(transport)
    for data in given:
        response.write(data)
    assert transport.writes == written
    response.close()
    assert transport.writes == written
    assert response.is_closing()


def test_a_head_whose_body_never_comes_is_written_before_the_end() -> None:
    transport = Written()
    response = OnePacket(transport)
    response.write(HEAD)
    assert transport.writes == []
    response.close()
    assert transport.writes == [HEAD]


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
