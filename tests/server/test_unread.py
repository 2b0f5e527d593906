"""What clients leave unread has a budget: the slowest are cut off, and the others get their responses."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import ClassVar
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest

from taskward.server.protocol import BoundedProtocol
from taskward.settings import Settings
from tests.server.running import running
from tests.server.wire import TOKENS, Wire, request

MIB = 1024 * 1024
BUDGET = 8
MANY_TASKS = """
    INSERT INTO tasks (user_id, title, description)
    SELECT 'alice', 'Read ' || number, repeat('x', 1000) FROM generate_series(1, 700) AS number
"""
LIST = request("GET", "/tasks?limit=700", "alice")
ALICE = {"Authorization": f"Bearer {TOKENS['alice']}"}


class Patient(BoundedProtocol):
    """Would wait for a minute, so that only the budget cuts off."""

    seconds = 60
    worker: ClassVar[set["Patient"]] = set()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.worker.add(self)
        super().connection_made(transport)


@pytest.fixture
def url(settings: Settings, superuser: psycopg.Connection) -> Iterator[str]:
    superuser.execute(MANY_TASKS)
    Patient.worker = set()
    with running(settings.model_copy(update={"max_unsent_mib": BUDGET}), Patient) as address:
        yield address


def unread(url: str, requests: int = 1, asked: bytes = LIST) -> socket.socket:
    """Ask for a list and read none of it."""
    address = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((address.hostname, address.port))
    connection.sendall(asked * requests)
    return connection


def unsent_in_all() -> int:
    return sum(each.transport.get_write_buffer_size() for each in list(Patient.worker))


async def test_the_slowest_are_cut_off_and_whoever_reads_is_answered(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    most = 0
    with ExitStack() as stack:
        async with httpx2.AsyncClient(base_url=url, headers=ALICE, timeout=30) as reader:
            for _ in range(40):
                stack.enter_context(unread(url))
                response = await reader.get("/tasks?limit=700")
                assert response.status_code == 200
                assert len(response.json()["tasks"]) == 700
                most = max(most, unsent_in_all())
            metrics = (await reader.get("/metrics")).text
    assert BUDGET * MIB / 2 < most < (BUDGET + 1) * MIB
    assert 'taskward_connections_closed_total{reason="unsent"} 0.0' not in metrics
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"more than {BUDGET} MiB wait to be read: cutting off the slowest clients"
    ]


async def test_a_second_response_is_not_made_while_the_first_is_unread(url: str) -> None:
    """Else each connection could keep a response that nobody counts, behind the one that is counted."""
    with unread(url, requests=5), Wire(url) as other:
        other.send(LIST)
        assert other.read() is not None
        async with asyncio.timeout(10):
            while not unsent_in_all():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        other.send(LIST)
        assert other.read() is not None  # time enough for the second one
        slow = max(Patient.worker, key=lambda each: each.transport.get_write_buffer_size())
        async with asyncio.timeout(10):
            # The other's request may end after it has read the response. The slow one's first does not, and would
            # be joined by a second one that waits for the same client.
            while sum(not task.done() for task in list(slow.server_state.tasks)) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert len(slow.pipeline) + (slow._held is not None) == 4  # noqa: SLF001


async def test_what_was_held_is_answered_when_the_client_reads_on(url: str) -> None:
    with Wire(url) as wire:
        wire.send(LIST * 5)
        responses = [wire.read() for _ in range(5)]
    assert [response and (response.status, len(response.json["tasks"])) for response in responses] == [
        (200, 700)
    ] * 5


async def test_many_that_leave_little_unread_are_cut_off_too(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Each leaves less than what makes asyncio say that its client is slow."""
    caplog.set_level(logging.WARNING)
    with Wire(url) as reader:
        reader.send(LIST)
        answer = reader.read()
    assert answer is not None
    with unread(url):
        async with asyncio.timeout(10):
            while not unsent_in_all():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        taken_by_the_system = len(answer.body) - unsent_in_all()
    limit = 700 * (taken_by_the_system + 45_000) // len(answer.body)
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(unread(url, asked=request("GET", f"/tasks?limit={limit}", "alice")))
        async with asyncio.timeout(20):
            while "cutting off the slowest clients" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_the_total_is_nothing_again_when_all_have_read_or_gone(url: str) -> None:
    with unread(url), Wire(url) as wire:
        wire.send(LIST)
        assert wire.read() is not None
    async with asyncio.timeout(10):
        while any(not each.transport.is_closing() for each in Patient.worker):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        while any(each._together.unsent.total for each in Patient.worker):  # noqa: ASYNC110, SLF001
            await asyncio.sleep(0.01)
