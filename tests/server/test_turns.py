"""Where more have sent a request than a worker answers at a time, each connection is read in its turn."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from taskward.rate_limits.turns import Turns
from taskward.server.protocol import BoundedProtocol
from taskward.server.request_head import MAX_HEAD
from taskward.settings import Settings
from tests.cli.command import until
from tests.patience import WAITING
from tests.server.running import running
from tests.server.wire import JSON, Wire, request

LIVE = request("GET", "/health/live")
WRITE = request("POST", "/tasks", "alice", JSON, b'{"title":"Buy milk"}')
HALF = request("POST", "/tasks", "bob", JSON + b"Content-Length: 20\r\n") + b'{"title"'
WAIT = request("GET", "/tasks/changes?since=0&wait=60", "alice")


@pytest.fixture(autouse=True)
def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer one request after the other, however long one takes."""
    monkeypatch.setattr("taskward.rate_limits.turns.AT_ONCE", 1)
    monkeypatch.setattr("taskward.rate_limits.turns.PER_SECOND", 0)
    monkeypatch.setattr("taskward.rate_limits.turns.GROUP", 1)
    monkeypatch.setattr("taskward.rate_limits.turns.LONG", 60)


@pytest.fixture
def lined_up(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return what tells how many wait."""
    made: list[Turns] = []
    make = Turns.__init__

    def noted(turns: Turns, *args: object) -> None:
        make(turns, *args)  # type: ignore[arg-type]
        made.append(turns)

    monkeypatch.setattr(Turns, "__init__", noted)
    return lambda: sum(len(turns._line) for turns in made)  # noqa: SLF001


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    with running(settings.model_copy(update={"access_log": True}), BoundedProtocol) as address:
        yield address


def status(wire: Wire) -> int | None:
    return answer.status if (answer := wire.read()) else None


@contextmanager
def stuck(url: str, superuser: psycopg.Connection) -> Iterator[None]:
    """A connection whose request, the only one that is answered, waits for a lock until the end of the block."""
    with Wire(url) as wire:
        wire.send(LIVE)
        assert status(wire) == 200  # it has started
        with superuser.transaction():
            superuser.execute("LOCK TABLE tasks")
            wire.send(WRITE)
            until(lambda: superuser.execute(WAITING).fetchone() == (1,))
            yield
        assert status(wire) == 201


def test_who_has_waited_is_answered_and_the_time_counts(
    url: str, superuser: psycopg.Connection, lined_up: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "taskward.middleware.request_context")
    with Wire(url) as late:
        with stuck(url, superuser):
            late.send(LIVE[:5])
            until(lambda: lined_up() == 1)
            since = time.monotonic()
            late.send(LIVE[5:])
            time.sleep(0.1)  # of which the log has to tell
            waited = time.monotonic() - since
        assert status(late) == 200

    def told() -> list[float]:
        return [float(ms) for message in caplog.messages for ms in re.findall(r"^200 in ([\d.]+) ms", message)]

    until(lambda: len(told()) == 2)
    assert max(told()) >= waited * 1000


def test_who_goes_away_meanwhile_is_not_read(
    url: str, superuser: psycopg.Connection, lined_up: Callable[[], int]
) -> None:
    with Wire(url) as last:
        with stuck(url, superuser):
            with Wire(url) as gone:
                gone.send(WRITE)
                until(lambda: lined_up() == 1)
            until(lambda: lined_up() == 0)
            last.send(LIVE)
            until(lambda: lined_up() == 1)
        assert status(last) == 200
    assert superuser.execute("SELECT count(*) FROM tasks").fetchone() == (1,)


def test_little_is_kept_of_what_nobody_has_read(
    url: str, superuser: psycopg.Connection, lined_up: Callable[[], int]
) -> None:
    with stuck(url, superuser), Wire(url) as large:
        large.send(b"GET /tasks HTTP/1.1\r\nHost: a\r\nX: ")
        until(lambda: lined_up() == 1)
        large.send(b"a" * MAX_HEAD)
        assert status(large) == 400
        assert lined_up() == 0


def test_one_that_waits_for_a_change_holds_up_nobody(url: str) -> None:
    with Wire(url) as waiting, Wire(url) as other:
        waiting.send(WAIT)
        other.send(LIVE)
        assert status(other) == 200
        other.send(WRITE)
        assert [status(other), status(waiting)] == [201, 200]


def test_half_a_body_holds_up_nobody(url: str) -> None:
    with Wire(url) as slow, Wire(url) as other:
        slow.send(HALF)
        other.send(LIVE)
        assert status(other) == 200
        slow.send(b':"Buy milk"}')
        assert status(slow) == 201


@pytest.mark.parametrize("begun", [1, len(WRITE)])
def test_what_comes_out_of_turn_holds_up_nobody(url: str, superuser: psycopg.Connection, begun: int) -> None:
    """It follows a request of the same connection: its head began with that, or it came as a whole."""
    with Wire(url) as hasty, Wire(url) as other:
        other.send(LIVE)
        assert status(other) == 200
        with superuser.transaction():
            superuser.execute("LOCK TABLE tasks")
            hasty.send(LIVE + WRITE[:begun])
            assert status(hasty) == 200
            hasty.send(WRITE[begun:])
            until(lambda: superuser.execute(WAITING).fetchone() == (1,))
            other.send(LIVE)
            assert status(other) == 200
        assert status(hasty) == 201


def test_pipelined_requests_are_answered_in_one_turn(url: str) -> None:
    with Wire(url) as wire, Wire(url) as other:
        wire.send(LIVE + WRITE + LIVE)
        assert [status(wire) for _ in range(3)] == [200, 201, 200]
        other.send(LIVE)
        assert status(other) == 200


def test_at_the_end_those_who_wait_are_answered(
    settings: Settings,
    superuser: psycopg.Connection,
    lined_up: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("taskward.server.one_connection.LINGER_SECONDS", 0.1)
    with ExitStack() as server:
        url = server.enter_context(running(settings, BoundedProtocol))
        stop = threading.Thread(target=server.close)
        with Wire(url) as late, Wire(url) as idle:
            idle.send(LIVE)
            assert status(idle) == 200
            with stuck(url, superuser):
                late.send(LIVE)
                until(lambda: lined_up() == 1)
                stop.start()
                assert idle.read() is None  # as everybody's end who has asked nothing
            answer = late.read()
        assert answer is not None
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        stop.join()
