"""The PostgreSQL of our own: whoever dies and whatever is left lying about, the next start works."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from taskward.database.account import EmbeddedPostgresError
from taskward.database.embedded import EmbeddedPostgres
from taskward.database.url import conninfo

RUN_ONE = [sys.executable, "-c", """
import sys
from pathlib import Path
from taskward.database.embedded import EmbeddedPostgres

with EmbeddedPostgres(Path(sys.argv[1]), max_connections=5) as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""]  # fmt: skip


def embedded(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, max_connections=5)


@contextmanager
def owner_of(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """Another process that runs a PostgreSQL on `data_dir`, and its server."""
    with subprocess.Popen(
        [*RUN_ONE, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        yield owner, psutil.Process(int(owner.stdout.readline()))


def write_a_note(data_dir: Path) -> None:
    with embedded(data_dir) as server, psycopg.connect(conninfo(server.url)) as connection:
        connection.execute("CREATE TABLE notes AS SELECT 'Buy milk' AS note")


def read_the_note(server: EmbeddedPostgres) -> None:
    with psycopg.connect(conninfo(server.url)) as connection:
        assert connection.execute("SELECT note FROM notes").fetchall() == [("Buy milk",)]


def servers_of(data_dir: Path) -> list[psutil.Process]:
    cluster = str(data_dir / "postgres")
    return [process for process in psutil.process_iter() if cluster in " ".join(command_line(process))]


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


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
            "server_encoding": "UTF8", "unix_socket_permissions": "0700",
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


def test_after_its_owner_is_killed_the_next_one_takes_over(tmp_path: Path) -> None:
    write_a_note(tmp_path)
    with owner_of(tmp_path) as (owner, left_behind):
        owner.kill()
    assert left_behind.is_running()  # PostgreSQL outlives the process that started it
    with embedded(tmp_path) as server:
        assert not left_behind.is_running()
        read_the_note(server)
    assert servers_of(tmp_path) == []


def test_after_owner_and_server_are_killed_the_next_one_recovers(tmp_path: Path) -> None:
    write_a_note(tmp_path)
    with owner_of(tmp_path) as (owner, server):
        owner.kill()
        server.kill()
    with embedded(tmp_path) as recovered:
        read_the_note(recovered)


def test_a_killed_server_is_noticed_and_leaving_still_works(tmp_path: Path) -> None:
    with embedded(tmp_path) as server:
        psutil.Process(server.pid).kill()
    assert servers_of(tmp_path) == []


def test_a_stranger_with_the_process_id_of_a_dead_server_is_left_alone(tmp_path: Path) -> None:
    write_a_note(tmp_path)
    with owner_of(tmp_path) as (owner, server):
        owner.kill()
        server.kill()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        for file in (tmp_path / "postgres" / "postmaster.pid", tmp_path / "sockets" / ".s.PGSQL.5432.lock"):
            _, *rest = file.read_text().splitlines(keepends=True)
            file.write_text("".join([f"{stranger.pid}\n", *rest]))
        with embedded(tmp_path) as recovered:
            read_the_note(recovered)
        assert stranger.poll() is None
        stranger.kill()


def test_a_new_server_never_runs_beside_what_is_left_of_a_dead_one(tmp_path: Path) -> None:
    write_a_note(tmp_path)
    with owner_of(tmp_path) as (owner, server):
        session = server.children()[0]
        session.suspend()
        owner.kill()
        server.kill()
    try:
        with pytest.raises(EmbeddedPostgresError, match=r"postgres\.log"), embedded(tmp_path):
            pass
        assert "shared memory block" in (tmp_path / "postgres.log").read_text()
    finally:
        session.resume()
        session.wait(20)
    with embedded(tmp_path) as recovered:
        read_the_note(recovered)


@pytest.mark.parametrize("content", ["", "4", "not a number\n"])
def test_a_lock_file_that_a_power_failure_cut_short_is_no_obstacle(tmp_path: Path, content: str) -> None:
    write_a_note(tmp_path)
    (tmp_path / "postgres" / "postmaster.pid").write_text(content)
    with embedded(tmp_path) as server:
        read_the_note(server)


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


def test_what_a_killed_initdb_left_is_thrown_away(tmp_path: Path) -> None:
    with subprocess.Popen([*RUN_ONE, str(tmp_path)], stdin=subprocess.PIPE) as owner:
        until((tmp_path / "postgres.new" / "base").exists)
        for initdb in psutil.Process(owner.pid).children(recursive=True):
            initdb.kill()
        owner.kill()
    assert not (tmp_path / "postgres").exists()
    with embedded(tmp_path) as server:
        psycopg.connect(conninfo(server.url)).close()
    assert not (tmp_path / "postgres.new").exists()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_signal_while_it_starts_leaves_nothing_running(tmp_path: Path) -> None:
    with subprocess.Popen([*RUN_ONE, str(tmp_path)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        until((tmp_path / "postgres" / "postmaster.pid").exists)
        owner.send_signal(signal.SIGINT)
        owner.wait(20)
    until(lambda: not servers_of(tmp_path))
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()  # it was stopped, not killed
