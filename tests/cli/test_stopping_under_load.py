"""Whoever has sent a request gets a response, also when the service stops or its workers are replaced."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.cli.command import workers_of
from tests.cli.load import Load
from tests.conftest import SECRET
from tests.profiles import by_profile
from tests.server.wire import Answer, Wire, request
from tests.service import Service

CLIENTS = 16
READY = request("GET", "/health/ready")
LIST = request("GET", "/tasks", "alice")


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Service:
    settings = {"DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET, "WORKERS": "2", "DB_POOL_SIZE": "4"}
    return Service(tmp_path / "data", settings)


@pytest.mark.soak
async def test_sigterm_leaves_no_request_unanswered(service: Service, superuser: psycopg.Connection) -> None:
    times, responses, refused, created = by_profile(5, 50), 0, 0, set[int]()
    for _ in range(times):
        with service:
            load = Load(service.url)
            clients = asyncio.gather(*(load.client() for _ in range(CLIENTS)))
            await _until(lambda load=load: load.responses >= 10 * CLIENTS)  # type: ignore[misc]
            service.process.send_signal(signal.SIGTERM)
            await clients
            assert service.process.wait(30) == 0
        assert load.failures == []
        assert load.refused == CLIENTS
        assert load.statuses <= {200, 201, 503}
        responses, refused, created = responses + load.responses, refused + load.refused, created | load.created
        assert "Traceback" not in service.rest_of_output
    stored = {task_id for (task_id,) in superuser.execute("SELECT id FROM tasks")}
    assert stored == created  # nothing was acknowledged and lost, nor done and not acknowledged
    print(f"\n{times} times SIGTERM: all {responses} requests answered, no failure.")  # noqa: T201


@pytest.mark.soak
async def test_sighup_is_noticed_by_nobody(service: Service) -> None:
    times = by_profile(1, 20)
    with service:
        load = Load(service.url)
        clients = asyncio.gather(*(load.client() for _ in range(CLIENTS)))
        for _ in range(times):
            before = workers_of(service)
            assert len(before) == 2
            service.process.send_signal(signal.SIGHUP)
            await _until(lambda before=before: not any(worker.is_running() for worker in before))  # type: ignore[misc]
            enough = load.responses + 10 * CLIENTS
            await _until(lambda enough=enough: load.responses >= enough)  # type: ignore[misc]
        load.stop = True
        await clients
    assert load.failures == []
    assert load.refused == 0
    assert load.statuses == {200, 201}  # and never "not ready"
    assert "Traceback" not in service.rest_of_output
    print(f"\n{times} times SIGHUP: all {load.responses} requests answered, no failure.")  # noqa: T201


def test_a_service_that_stops_is_not_ready_and_ends_its_connections_politely(service: Service) -> None:
    with service, Wire(service.url) as begun, Wire(service.url) as idle:
        begun.send(READY[:20])
        assert _ask(idle).status == 200
        wires = [Wire(service.url) for _ in range(8)]  # more than one for each worker
        assert {_ask(wire).status for wire in wires} == {200}
        service.process.send_signal(signal.SIGTERM)
        _ask_until_all_have_ended(wires)
        assert idle.read() is None  # after a second, in which it could have asked
        with pytest.raises(ConnectionRefusedError):  # and not left waiting for somebody to accept it
            Wire(service.url)
        begun.send(READY[20:])
        (response,) = begun.read_all()
        assert (response.status, response.headers["connection"]) == (503, "close")
        assert service.process.wait(30) == 0


async def test_a_stop_while_workers_are_replaced_replaces_no_more_of_them(
    tmp_path: Path, database_url: str
) -> None:
    settings = {"DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET, "WORKERS": "4", "LOG_LEVEL": "info"}
    with Service(tmp_path / "data", settings) as service:
        before = set(workers_of(service))
        service.process.send_signal(signal.SIGHUP)
        await _until(lambda: not before <= set(workers_of(service)))  # one has ended, being replaced
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == 0
    started = (service.banner + service.rest_of_output).count("Started server process")
    assert 5 <= started <= 6  # the replacement, and perhaps the next one, that was under way


async def test_a_stop_while_a_worker_is_replaced_waits_for_what_that_one_has_begun(tmp_path: Path) -> None:
    settings = {"JWT_SECRET_KEY": SECRET, "WORKERS": "1"}
    with Service(tmp_path / "data", settings) as service, Wire(service.url) as begun, Wire(service.url) as idle:
        begun.send(LIST[:20])
        assert _ask(idle).status == 200
        (old,) = workers_of(service)
        service.process.send_signal(signal.SIGHUP)
        assert idle.read() is None  # the old worker ends
        service.process.send_signal(signal.SIGTERM)
        await _until(lambda: workers_of(service) == [old])  # nothing else keeps the database
        begun.send(LIST[20:])
        (response,) = begun.read_all()
        assert (response.status, response.headers["connection"]) == (200, "close")
        assert service.process.wait(30) == 0


def _ask_until_all_have_ended(wires: list[Wire]) -> None:
    """Ask on every connection in turn, so that none of them rests for the second after which it is closed."""
    while wires:
        for wire in list(wires):
            response = _ask(wire)
            assert response.status in (200, 503)
            if "connection" in response.headers:
                assert (response.status, response.json) == (503, {"status": "not ready"})
                with wire:
                    assert wire.read() is None
                wires.remove(wire)


def _ask(wire: Wire) -> Answer:
    wire.send(READY)
    response = wire.read()
    assert response is not None
    return response


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # no event announces it
            await asyncio.sleep(0.02)
