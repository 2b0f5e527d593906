"""The PostgreSQL of our own: private, durable, one owner at a time, and nothing left when it stops."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest

from taskward.database.account import EmbeddedPostgresError
from taskward.database.url import conninfo
from tests.cli.command import until
from tests.database.clusters import RUN_ONE, embedded, read_the_note, servers_of, write_a_note


def test_it_runs_stops_and_keeps_what_was_written(tmp_path: Path) -> None:
    write_a_note(tmp_path)
    assert servers_of(tmp_path) == []
    with embedded(tmp_path) as server:
        assert psutil.pid_exists(server.pid)
        read_the_note(server)
    assert servers_of(tmp_path) == []


def test_it_is_durable_private_and_not_on_the_network(tmp_path: Path) -> None:
    data_dir = tmp_path / "made" / "on the way"
    with embedded(data_dir) as server, psycopg.connect(conninfo(server.url)) as connection:
        for setting, value in {
            "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "listen_addresses": "",
            "server_encoding": "UTF8", "unix_socket_permissions": "0700", "log_error_verbosity": "terse",
        }.items():  # fmt: skip
            assert connection.execute(f"SHOW {setting}").fetchone() == (value,), setting
        role = "SELECT rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(role).fetchone() == (False, False, False)
        assert data_dir.stat().st_mode & 0o777 == 0o700
        assert psutil.Process(server.pid).net_connections(kind="inet") == []


def test_a_second_one_on_the_same_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with embedded(tmp_path) as first:
        with pytest.raises(EmbeddedPostgresError) as refusal, embedded(tmp_path):
            pass
        assert f"process {os.getpid()}" in str(refusal.value)
        assert str(tmp_path) in str(refusal.value)
        assert "\n" not in str(refusal.value)
        psycopg.connect(conninfo(first.url)).close()
    with embedded(tmp_path):
        pass


def test_a_path_too_long_for_a_socket_is_no_obstacle_and_leaves_nothing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = tmp_path_factory.mktemp("s")
    monkeypatch.setattr("tempfile.tempdir", str(short))
    data_dir = tmp_path / ("long" * 40) / ("longer" * 30)
    with embedded(data_dir) as server:
        psycopg.connect(conninfo(server.url)).close()
        assert len(list(short.iterdir())) == 1
    assert list(short.iterdir()) == []


def test_a_server_that_does_not_start_says_where_to_look_and_leaves_nothing(tmp_path: Path) -> None:
    write_a_note(tmp_path)
    settings = tmp_path / "postgres" / "postgresql.conf"
    good = settings.read_text()
    settings.write_text("what is this")
    with pytest.raises(EmbeddedPostgresError) as refusal, embedded(tmp_path):
        pass
    assert str(tmp_path / "postgres.log") in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "postgresql.conf" in (tmp_path / "postgres.log").read_text()
    assert servers_of(tmp_path) == []
    settings.write_text(good)
    with embedded(tmp_path) as server:  # the folder is free again
        read_the_note(server)


def test_a_signal_while_it_starts_leaves_nothing_running(tmp_path: Path) -> None:
    with subprocess.Popen([*RUN_ONE, str(tmp_path)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        until((tmp_path / "postgres" / "postmaster.pid").exists)
        owner.send_signal(signal.SIGINT)
        owner.wait(20)
    until(lambda: not servers_of(tmp_path))
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()  # it was stopped, not killed
