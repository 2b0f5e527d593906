"""Whoever was killed and whatever is left lying about, the next start works on the same data."""

import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from taskward.database.url import conninfo
from taskward.embedded.os_user import EmbeddedPostgresError
from tests.cli.command import until
from tests.embedded.clusters import RUN_ONE, embedded, owner_of, read_the_note, servers_of, write_a_note


def test_after_its_owner_is_killed_the_next_one_takes_over(tmp_path: Path) -> None:
    write_a_note(tmp_path)
    with owner_of(tmp_path) as (owner, left_behind):
        owner.kill()
    assert left_behind.is_running()  # PostgreSQL outlives the process that started it
    with embedded(tmp_path) as server:
        assert not left_behind.is_running()
        read_the_note(server)
    assert "immediate shutdown" not in server.log.read_text()  # it could write its checkpoint
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


def test_a_server_that_recovers_from_a_crash_can_be_stopped_and_goes_on_later(tmp_path: Path) -> None:
    write_a_note(tmp_path)
    with embedded(tmp_path) as server, psycopg.connect(conninfo(server.url)) as session:
        psutil.Process(session.info.backend_pid).kill()
        until(lambda: "reinitializing" in server.log.read_text())
    before, fast, _ = server.log.read_text().split("reinitializing")[1].partition("fast shutdown request")
    assert not fast or "ready to accept connections" in before, "asked in a way that it may not heed"
    with embedded(tmp_path) as server:
        read_the_note(server)


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


def test_what_a_killed_initdb_left_is_thrown_away(tmp_path: Path) -> None:
    with subprocess.Popen([*RUN_ONE, str(tmp_path)], stdin=subprocess.PIPE) as owner:
        until(lambda: bool(list(tmp_path.glob("postgres.new.*/base"))))
        for initdb in psutil.Process(owner.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # its parent was the one before
                initdb.kill()
        owner.kill()
    assert not (tmp_path / "postgres").exists()
    with embedded(tmp_path) as server:
        psycopg.connect(conninfo(server.url)).close()
    assert list(tmp_path.glob("postgres.new*")) == []


def test_an_initdb_that_outlives_its_service_does_not_get_in_the_way_of_the_next(tmp_path: Path) -> None:
    with subprocess.Popen([*RUN_ONE, str(tmp_path)], stdin=subprocess.PIPE) as owner:
        until(lambda: bool(list(tmp_path.glob("postgres.new.*/base"))))
        (initdb,) = psutil.Process(owner.pid).children()
        initdb.suspend()
        owner.kill()
    with embedded(tmp_path) as server:
        initdb.resume()  # goes on in a folder that is no longer there
        initdb.wait(60)
        psycopg.connect(conninfo(server.url)).close()
    with embedded(tmp_path) as server:
        psycopg.connect(conninfo(server.url)).close()
