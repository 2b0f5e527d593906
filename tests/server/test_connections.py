"""Where connections are too many: which of them end, and whom that never concerns."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from ipaddress import ip_network

import httpx2
import psycopg
import pytest

from taskward.server import connections
from taskward.server.connections import counted_as, files_for_connections
from taskward.server.protocol import BoundedProtocol
from taskward.settings import Settings
from tests.cli.command import until
from tests.server.running import running
from tests.server.wire import JSON, Wire, request

LIVE = request("GET", "/health/live")
NETWORKS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


class Few(BoundedProtocol):
    max_connections = 3


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def is_served(wire: Wire) -> bool:
    wire.send(LIVE)
    return wire.read() is not None


@pytest.fixture
def as_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count addresses of this machine as well: each of 127.0.0.0/8 is somebody."""
    real: Callable[..., str | None] = connections.counted_as
    monkeypatch.setattr(
        "taskward.server.one_connection.counted_as",
        lambda peer, exempt: real(peer.replace("127.", "192.", 1), exempt),
    )


def test_where_there_are_too_many_the_longest_silent_one_ends(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with running(settings, Few) as url, Wire(url) as first, Wire(url) as second, Wire(url) as third:
        assert all(map(is_served, (first, second, third)))
        with Wire(url) as fourth:
            assert is_served(fourth)
            assert first.read() is None
            assert all(map(is_served, (second, third, fourth)))
            with Wire(url) as fifth:
                assert is_served(fifth)
                assert second.read() is None
    assert warnings(caplog) == ["more than 3 connections: closing the longest silent ones"]  # once


def test_who_has_sent_no_whole_request_ends_before_whoever_has(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskward.server.one_connection.BRIEFLY", 0)
    with running(settings, Few) as url, Wire(url) as spoken:
        assert is_served(spoken)
        with Wire(url) as half, Wire(url) as other:
            half.send(b"G")
            assert is_served(other)
            with Wire(url) as another:
                assert half.read() is None
                assert all(map(is_served, (spoken, other, another)))


def test_a_request_that_runs_is_not_ended_for_a_new_connection(
    settings: Settings, superuser: psycopg.Connection
) -> None:
    with running(settings, Few) as url, Wire(url) as one, Wire(url) as two, Wire(url) as three:
        assert all(map(is_served, (one, two, three)))
        with superuser.transaction():
            superuser.execute("LOCK TABLE tasks")
            for wire in (one, two, three):
                wire.send(request("POST", "/tasks", "alice", JSON, b'{"title":"Buy milk"}'))
            until(lambda: _waiting(superuser) == 3)
            with Wire(url) as fourth:
                assert fourth.read() is None
        assert [response.status for wire in (one, two, three) if (response := wire.read())] == [201] * 3


@pytest.mark.usefixtures("as_strangers")
def test_nor_is_one_behind_which_half_of_another_has_come(
    settings: Settings, superuser: psycopg.Connection
) -> None:
    create = request("POST", "/tasks", "alice", JSON, b'{"title":"Buy milk"}')
    with running(settings, Few) as url, ExitStack() as stack:
        crowd = [stack.enter_context(Wire(url, source="127.0.0.2")) for _ in range(3)]
        assert all(map(is_served, crowd))
        with superuser.transaction():
            superuser.execute("LOCK TABLE tasks")
            for wire in crowd:
                wire.send(create + create[:-1])
            until(lambda: _waiting(superuser) == 3)
            with Wire(url, source="127.0.0.3") as newest:
                assert newest.read() is None
        assert [response.status for wire in crowd if (response := wire.read())] == [201] * 3


def test_connections_share_the_names_of_their_attributes(settings: Settings) -> None:
    """Python shares them among the objects of a class, up to 30 (SHARED_KEYS_MAX_SIZE in CPython's source)."""
    seen: list[int] = []

    class Counted(BoundedProtocol):
        def connection_lost(self, exc: Exception | None) -> None:
            seen.append(len(vars(self)))
            super().connection_lost(exc)

    with running(settings, Counted) as url, Wire(url) as wire:
        assert is_served(wire)
    assert len(seen) == 1
    assert seen[0] <= 30


@pytest.mark.usefixtures("as_strangers")
def test_one_address_has_so_many_and_takes_none_of_others(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    few = settings.model_copy(update={"max_connections_per_address": 2})
    with running(few, BoundedProtocol) as url, ExitStack() as stack:
        others = [stack.enter_context(Wire(url, source=f"127.0.0.{last}")) for last in (2, 3, 4)]
        assert all(map(is_served, others))
        attack = [stack.enter_context(Wire(url, source="127.0.0.9")) for _ in range(20)]
        for wire in attack:
            wire.send(b"G")
        assert [wire.read() for wire in attack[:18]] == [None] * 18
        assert all(map(is_served, others))
        with httpx2.Client() as client:
            metrics = client.get(url + "/metrics").text
    assert 'taskward_connections_closed_total{reason="address"} 18.0' in metrics
    assert warnings(caplog) == ["more than 2 connections from 192.0.0.9: closing the longest silent ones"]


@pytest.mark.usefixtures("as_strangers")
def test_where_there_are_too_many_the_largest_crowd_loses_first(settings: Settings) -> None:
    class Six(BoundedProtocol):
        max_connections = 6

    with running(settings, Six) as url, ExitStack() as stack:
        others = [stack.enter_context(Wire(url, source=f"127.0.0.{last}")) for last in (2, 3, 4)]
        assert all(map(is_served, others))  # and are silent for longer than the next ones
        crowd = [stack.enter_context(Wire(url, source="127.0.0.9")) for _ in range(12)]
        assert [wire.read() for wire in crowd[:9]] == [None] * 9
        assert all(map(is_served, others))


@pytest.mark.quick
@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("10.1.2.3", None),
        ("::ffff:10.1.2.3", None),
        ("fd00::1", None),
        ("", None),
        (None, None),
    ],
)
def test_who_is_counted_as_what(peer: str | None, counted: str | None) -> None:
    assert counted_as(peer, NETWORKS) == counted


@pytest.mark.quick
def test_there_are_no_more_connections_than_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 4096))
    assert files_for_connections(pool=30) == 1024 - 30 - 64
    monkeypatch.setattr("resource.getrlimit", lambda _: (64, 64))
    assert files_for_connections(pool=30) == 16


def _waiting(superuser: psycopg.Connection) -> int:
    row = superuser.execute(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    assert row is not None
    return int(row[0])
