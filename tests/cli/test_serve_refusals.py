"""When it cannot serve it says why in one line, exits with 1, and leaves nothing running."""

import errno
import os
import socket
from pathlib import Path

import httpx2
import psycopg
import pytest

from taskward.cli.listening import listen
from tests.cli.command import processes_of, refusal, workers_of
from tests.conftest import SECRET
from tests.service import Service


def test_a_second_service_on_one_data_directory_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as first:
        line = refusal("serve", settings={"DATA_DIR": str(tmp_path / "data"), "PORT": "0"}, folder=tmp_path)
        assert f"(process {first.process.pid})" in line
        assert str(tmp_path / "data") in line
        others = {process.pid for process in processes_of(first.data_dir) if process.name() != "postgres"}
        assert others == {first.process.pid, *(worker.pid for worker in workers_of(first))}
        assert httpx2.get(f"{first.url}/health").json()["status"] == "healthy"


def test_a_port_in_use_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refusal("serve", settings={"DATA_DIR": str(tmp_path / "data"), "PORT": port}, folder=tmp_path)
    assert (
        line == f"taskward: cannot listen on 127.0.0.1:{port}: {os.strerror(errno.EADDRINUSE)}. Set HOST or PORT."
    )
    assert not (tmp_path / "data" / "postgres").exists()
    assert processes_of(tmp_path / "data") == []


@pytest.mark.parametrize("host", ["foo..bar", "foo bar", "a" * 70, "127.0.0.1:80", "no-such-host.invalid", "ä..ö"])
def test_what_is_no_address_cannot_belistened_on(host: str) -> None:
    with pytest.raises(OSError, match=r"that is not a valid address\. Set HOST\.$") as refused:
        listen(host, 0)
    assert str(refused.value).startswith(f"cannot listen on {host}:0: ")


def test_an_address_of_another_machine_is_refused_with_the_systems_words_alone() -> None:
    with pytest.raises(OSError, match=f": {os.strerror(errno.EADDRNOTAVAIL)}. Set HOST or PORT.$"):
        listen("192.0.2.1", 0)


def test_a_data_directory_that_is_a_file_is_told_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = {
        refusal("serve", settings={"DATA_DIR": "file", "PORT": "0", **secret}, folder=tmp_path)
        for secret in ({}, {"JWT_SECRET_KEY": SECRET})  # which is made first, and the database first
    }
    assert told == {
        f"taskward: DATA_DIR cannot be {tmp_path / 'file'}: it is not a folder."
        " Set it to a folder that this user can write to"
    }


def test_a_cluster_that_does_not_start_is_refused_with_the_log(tmp_path: Path) -> None:
    with Service(tmp_path / "data"):
        pass
    (tmp_path / "data" / "postgres" / "postgresql.conf").write_text("what is this")
    line = refusal("serve", settings={"DATA_DIR": str(tmp_path / "data"), "PORT": "0"}, folder=tmp_path)
    assert str(tmp_path / "data" / "postgres.log") in line
    assert processes_of(tmp_path / "data") == []


def test_a_missing_wall_is_refused_by_name(
    tmp_path: Path, database_url: str, superuser: psycopg.Connection
) -> None:
    superuser.execute("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY")
    line = refusal("serve", settings={"DATABASE_URL": database_url, "PORT": "0"}, folder=tmp_path)
    assert "table tasks has row-level security disabled" in line


def test_production_without_a_secret_is_refused(tmp_path: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "ENVIRONMENT": "production", "PORT": "0"}
    line = refusal("serve", settings=settings, folder=tmp_path)
    assert "JWT_SECRET_KEY" in line
    assert "production" in line


def test_an_address_that_is_no_postgresql_is_refused_without_its_password(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": "mysql://alice:hunter2@127.0.0.1/tasks", "PORT": "0", "JWT_SECRET_KEY": SECRET}
    line = refusal("serve", settings=settings, folder=tmp_path)
    assert "postgresql://" in line
    assert "hunter2" not in line


def test_a_setting_that_is_wrong_is_refused_by_name(tmp_path: Path) -> None:
    assert "WORKERS" in refusal("serve", settings={"WORKERS": "none"}, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
