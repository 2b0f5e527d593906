"""The PostgreSQL of our own: private, durable, one owner at a time, and nothing left when it stops."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest

from taskward.database.transaction import ACCOUNTS_ROLE, APP_ROLE
from taskward.database.url import conninfo
from taskward.embedded.os_user import EmbeddedPostgresError
from taskward.embedded.server import EmbeddedPostgres
from tests.cli.command import until
from tests.embedded.clusters import RUN_ONE, embedded, read_the_note, servers_of, write_a_note


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


NEEDLESS = {
    "CREATE TEMPORARY TABLE loot (id int)": "permission denied to create temporary tables",
    "SELECT lo_creat(-1)": "permission denied for function lo_creat",
    "SELECT lo_from_bytea(0, 'loot')": "permission denied for function lo_from_bytea",
    "SELECT lo_put(1, 0, 'loot')": "permission denied for function lo_put",
    "SELECT pg_advisory_lock(1)": "permission denied for function pg_advisory_lock",
    "SELECT pg_try_advisory_xact_lock_shared(1, 2)": "permission denied for function pg_try_advisory_xact_lock",
}


@pytest.mark.parametrize("role", [APP_ROLE, ACCOUNTS_ROLE])
@pytest.mark.parametrize("text", NEEDLESS)
def test_requests_have_no_rights_that_they_do_not_need(postgres: EmbeddedPostgres, role: str, text: str) -> None:
    with psycopg.connect(conninfo(postgres.url), autocommit=True) as connection:
        connection.execute(f"SET ROLE {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=NEEDLESS[text]):
            connection.execute(text.encode())


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
    assert "did not start: syntax error in file " in str(refusal.value)
    assert "line 1" in str(refusal.value)
    assert str(tmp_path / "postgres.log") in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert servers_of(tmp_path) == []
    settings.write_text(good)
    with embedded(tmp_path) as server:  # the folder is free again
        read_the_note(server)


def test_the_settings_of_another_server_in_a_shell_lead_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PORT": "6000", "HOSTADDR": "127.0.0.9", "SERVICE": "another", "OPTIONS": "-c row_security=off",
        "CLIENTENCODING": "LATIN1", "REQUIREAUTH": "scram-sha-256", "TARGETSESSIONATTRS": "standby",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"PG{name}", value)
    with embedded(tmp_path) as server, psycopg.connect(conninfo(server.url)) as connection:
        assert connection.execute("SHOW row_security").fetchone() == ("on",)


def test_a_folder_that_cannot_be_used_is_told_with_its_setting(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder, reason in (
        (file, "it is not a folder"),
        (file / "below", "is not a folder, or a part of its path is not"),
    ):
        with (
            pytest.raises(EmbeddedPostgresError, match=f"DATA_DIR cannot be {folder}: .*{reason}"),
            embedded(folder),
        ):
            pass


def test_a_cluster_that_others_may_enter_is_told_with_what_to_do(tmp_path: Path) -> None:
    write_a_note(tmp_path)
    cluster = tmp_path / "postgres"
    cluster.chmod(0o770)
    with pytest.raises(EmbeddedPostgresError, match=f"chmod 700 {cluster}$"), embedded(tmp_path):
        pass
    cluster.chmod(0o750)  # as PostgreSQL allows it
    with embedded(tmp_path) as server:
        read_the_note(server)


def test_a_signal_while_it_starts_leaves_nothing_running(tmp_path: Path) -> None:
    with subprocess.Popen([*RUN_ONE, str(tmp_path)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        until((tmp_path / "postgres" / "postmaster.pid").exists)
        owner.send_signal(signal.SIGINT)
        owner.wait(20)
    until(lambda: not servers_of(tmp_path))
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()  # it was stopped, not killed


def test_a_cluster_of_another_postgresql_is_left_alone(tmp_path: Path) -> None:
    write_a_note(tmp_path)
    version = tmp_path / "postgres" / "PG_VERSION"
    own = version.read_text()
    version.write_text("17\n")
    log = (tmp_path / "postgres.log").read_bytes()
    with pytest.raises(EmbeddedPostgresError) as refusal, embedded(tmp_path):
        pass
    assert str(refusal.value) == (
        f"{tmp_path / 'postgres'} was made by PostgreSQL 17, and this Taskward brings 18: run 'taskward backup'"
        " with the Taskward that made it, 'taskward restore' with this one; see docs/upgrade.md"
    )
    assert (tmp_path / "postgres.log").read_bytes() == log  # no server was started on it
    version.write_text(own)
    with embedded(tmp_path) as server:  # the folder is free again
        read_the_note(server)
