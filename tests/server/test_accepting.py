"""New connections: how many are taken in a round of the loop, and by which worker."""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from taskward.server.accepting import AT_ONCE, Acceptor, SharingLoop
from taskward.server.shares import NONE_YET, Shares
from tests.cli.command import workers_of
from tests.conftest import SECRET
from tests.server.wire import Wire, request
from tests.service import Service
from tests.workers import connected_to_each, shares

LIVE = request("GET", "/health/live")
MANY = 4 * AT_ONCE


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Service]:
    settings = {"DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET, "WORKERS": "2"}
    with Service(tmp_path / "data", settings) as running:
        with connected_to_each(running, {}):
            pass  # both have begun: the first to do so has announced the service
        yield running


def is_served(wire: Wire) -> bool:
    wire.send(LIVE)
    response = wire.read()
    return response is not None and response.status == 200


def test_a_worker_that_hangs_keeps_nobody_out_and_gets_its_share_when_it_goes_on(service: Service) -> None:
    hanging, _ = workers_of(service)
    with ExitStack() as opened:
        hanging.send_signal(signal.SIGSTOP)
        try:
            assert all(is_served(opened.enter_context(Wire(service.url))) for _ in range(MANY))
        finally:
            hanging.send_signal(signal.SIGCONT)
        had, many = shares(service)
        assert many >= MANY
        assert all(is_served(opened.enter_context(Wire(service.url))) for _ in range(MANY))
        assert (
            shares(service)[0] - had >= 0.75 * MANY
        )  # by chance it would be half; and it may be late now and then


def test_a_worker_that_died_is_replaced_and_counts_no_longer(service: Service) -> None:
    dead, other = workers_of(service)
    dead.kill()
    dead.wait(20)
    with ExitStack() as opened:
        assert all(is_served(opened.enter_context(Wire(service.url))) for _ in range(MANY))
    assert other.is_running()


def test_a_round_of_the_loop_takes_more_than_one() -> None:
    """uvloop itself takes one, which made a thousand clients of a busy worker wait for a thousand rounds."""

    async def rounds(listener: socket.socket) -> int:
        made: list[asyncio.BaseTransport] = []

        class Silent(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                made.append(transport)

        acceptor = await asyncio.get_running_loop().create_server(Silent, sock=listener)
        assert isinstance(acceptor, Acceptor)
        count = 0
        while len(made) < MANY:
            await asyncio.sleep(0)
            count += 1
        acceptor.close()
        for transport in made:
            transport.close()
        return count

    with socket.create_server(("127.0.0.1", 0), backlog=MANY) as listener, ExitStack() as clients:
        for _ in range(MANY):
            clients.enter_context(socket.create_connection(listener.getsockname()))
        with asyncio.Runner(loop_factory=lambda: SharingLoop(Shares())) as runner:
            assert runner.run(rounds(listener)) <= MANY // AT_ONCE + 5


def test_a_worker_is_counted_from_when_it_takes_connections_until_it_takes_no_more() -> None:
    table = Shares()
    table.tell(100)  # not listed yet, so nobody knows whose it is
    assert table.excess() == 0
    table.list_workers({os.getpid(), 1})
    assert table.excess() == 0
    table.tell(100)
    assert table.excess() == 0  # the other takes none yet
    other = list(table._pids).index(1)
    table._taken[other] = 90
    assert table.excess() == 10
    table.list_workers({os.getpid(), 2})  # the other died, and who replaces it only starts
    assert list(table._taken).count(NONE_YET) == len(table._taken) - 1
    assert table.excess() == 0
    table.leave()
    table.tell(50)  # connections that end one by one
    assert set(table._taken) == {NONE_YET}


def test_a_connection_that_is_gone_keeps_nobody_waiting_and_no_file_left_does() -> None:
    """accept(2), "Error handling": errors of one connection are told here, and the next one may be fine."""

    errors = [errno.EPROTO, errno.ECONNABORTED, errno.EMFILE, errno.EPROTO]

    class Failing(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            raise OSError(errors.pop(0), "")

    async def accept(listener: socket.socket) -> None:
        acceptor = await asyncio.get_running_loop().create_server(asyncio.Protocol, sock=listener)
        assert isinstance(acceptor, Acceptor)
        acceptor._take()
        assert acceptor._paused is not None
        acceptor.close()

    with Failing() as listener, asyncio.Runner(loop_factory=lambda: SharingLoop(Shares())) as runner:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        runner.run(accept(listener))
    assert errors == [errno.EPROTO]


def test_a_connection_that_begins_when_no_more_are_taken_is_told_to_end() -> None:
    """Else its client goes on for as long as the service may take to stop, and is cut off then."""
    made, told = list[asyncio.BaseTransport](), list[object]()

    class Told(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.append(transport)

        def shutdown(self) -> None:
            told.append(self)

    async def close_at_once(listener: socket.socket) -> None:
        acceptor = await asyncio.get_running_loop().create_server(Told, sock=listener)
        assert isinstance(acceptor, Acceptor)
        acceptor._take()
        acceptor.close()
        await asyncio.gather(*acceptor._beginning)
        for transport in made:
            transport.close()

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
        asyncio.Runner(loop_factory=lambda: SharingLoop(Shares())) as runner,
    ):
        runner.run(close_at_once(listener))
    assert len(told) == len(made) == 1
