"""Waiting in the service as people start it, with two workers on the embedded PostgreSQL."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from taskward.auth.issue import issue_token
from tests.cli.command import workers_of
from tests.conftest import SECRET
from tests.observability.scrape import value
from tests.server.wire import JSON, Answer, Wire, request
from tests.service import STOP_SECONDS, Service

PATIENCE_SECONDS = 20


class Waiting:
    """A service, and those who wait in both of its workers."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self._folder = folder
        self.wires: dict[Wire, str] = {}

    @property
    def users(self) -> list[str]:
        return sorted(set(self.wires.values()))

    def sockets(self) -> list[Path]:
        return list(self._folder.glob("taskward-hints-*/*"))

    def begin(self, stack: ExitStack) -> None:
        """Have people wait until there are some in both workers."""
        until = time.monotonic() + PATIENCE_SECONDS
        while len(self.sockets()) < 2:
            assert time.monotonic() < until
            user = f"user_{len(self.wires) // 4}"  # as a worker may get all of them, and has room for 8 of each
            wire = stack.enter_context(Wire(self.service.url))
            wire.send(request("GET", "/tasks/changes?wait=60", headers=token_of(user)))
            self.wires[wire] = user
            time.sleep(0.02)

    def metric(self, name: str) -> float:
        time.sleep(1.1)  # a scrape is up to a second old, and so are the gauges of the other worker
        return value(httpx2.get(f"{self.service.url}/metrics", trust_env=False).text, name)

    def answers(self) -> list[tuple[str, Answer | None]]:
        return [(user, wire.read()) for wire, user in self.wires.items()]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Waiting]:
    with tempfile.TemporaryDirectory(prefix="taskward-tests-") as temporary:  # of pytest's the names are too long
        settings = {"JWT_SECRET_KEY": SECRET, "WORKERS": "2", "DB_POOL_SIZE": "2", "TMPDIR": temporary}
        with Service(tmp_path / "data", settings) as running:
            yield Waiting(running, Path(temporary))
        assert list(Path(temporary).glob("taskward-hints-*")) == []


def token_of(user: str) -> bytes:
    return f"Authorization: Bearer {issue_token(user, SECRET.encode(), 'HS256', 300)}\r\n".encode()


def write(url: str, user: str) -> None:
    with Wire(url) as wire:
        wire.send(request("POST", "/tasks", headers=token_of(user) + JSON, body=b'{"title":"Buy milk"}'))
        created = wire.read()
        assert created is not None
        assert created.status == 201


def test_one_write_wakes_its_user_in_both_workers_and_nobody_else(service: Waiting) -> None:
    with ExitStack() as stack:
        service.begin(stack)
        queries = service.metric("taskward_database_duration_seconds_count")
        assert service.metric("taskward_requests_waiting") == len(service.wires)
        assert service.metric("taskward_database_duration_seconds_count") == queries, "nothing changes"
        for user in service.users:
            write(service.service.url, user)
            woken = {wire: wire.read() for wire, whose in service.wires.items() if whose == user}
            assert all(each is not None and len(each.json["tasks"]) == 1 for each in woken.values())
            service.wires = {wire: whose for wire, whose in service.wires.items() if wire not in woken}
            assert service.sockets() or not service.wires
        until = time.monotonic() + PATIENCE_SECONDS
        while service.sockets():
            assert time.monotonic() < until
            time.sleep(0.01)


def test_clients_that_go_leave_nothing(service: Waiting) -> None:
    with ExitStack() as stack:
        service.begin(stack)
        assert service.metric("taskward_requests_waiting") == len(service.wires)
    until = time.monotonic() + PATIENCE_SECONDS
    while service.sockets():
        assert time.monotonic() < until
        time.sleep(0.01)
    assert service.metric("taskward_requests_waiting") == 0


def test_a_service_that_stops_answers_all_and_ends(service: Waiting) -> None:
    with ExitStack() as stack:
        service.begin(stack)
        began = time.monotonic()
        service.service.process.send_signal(signal.SIGTERM)
        for _, answer in service.answers():
            assert answer is not None
            assert (answer.status, answer.json["tasks"]) == (200, [])
            assert answer.headers["connection"] == "close", "so that it is not asked again at once"
        service.service.process.wait(STOP_SECONDS)
        assert time.monotonic() - began < 8, "and PostgreSQL stops in this time too"


def test_workers_that_are_replaced_answer_all(service: Waiting) -> None:
    with ExitStack() as stack:
        service.begin(stack)
        service.service.process.send_signal(signal.SIGHUP)
        for _, answer in service.answers():
            assert answer is not None
            assert (answer.status, answer.json["tasks"]) == (200, [])
    write(service.service.url, "alice")


def test_what_a_killed_worker_leaves_behind_does_not_disturb(service: Waiting) -> None:
    with ExitStack() as stack:
        service.begin(stack)
        workers = workers_of(service.service)
        os.kill(workers[0].pid, signal.SIGKILL)
        workers[0].wait(PATIENCE_SECONDS)
        assert len(service.sockets()) == 2, "one of them is left behind"
        for user in service.users:
            write(service.service.url, user)
        answers = [answer for _, answer in service.answers()]
        woken = [len(answer.json["tasks"]) for answer in answers if answer is not None]
        assert woken, "those of the other worker"
        assert set(woken) == {1}
        until = time.monotonic() + PATIENCE_SECONDS
        while service.sockets():
            assert time.monotonic() < until, "what is left behind goes with the next write"
            time.sleep(0.01)
