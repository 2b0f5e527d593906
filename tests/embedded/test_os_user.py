"""PostgreSQL refuses to run as root: under whose name it runs instead, and where it cannot."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from taskward.database.url import conninfo
from taskward.embedded import server as wheel
from taskward.embedded.os_user import EmbeddedPostgresError, ServerAccount
from taskward.embedded.server import EmbeddedPostgres

AS_NOBODY = """
import os, pwd, sys
from pathlib import Path

import psutil, psycopg
from taskward.embedded.server import EmbeddedPostgres
from taskward.database.url import conninfo

nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
with EmbeddedPostgres(Path(sys.argv[1]), max_connections=5) as server:
    psycopg.connect(conninfo(server.url)).close()
    print(psutil.Process(server.pid).username())
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another name, or can take one")


def anybody_can_enter(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


needs_programs_for_everybody = pytest.mark.skipif(
    not anybody_can_enter(wheel.program("postgres").parent), reason="nobody cannot enter the virtual environment"
)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if not anybody_can_enter(folder):
            pytest.skip(f"{folder} is not for everybody")
        yield folder


@pytest.fixture
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskward.embedded.os_user.shutil.which", lambda _: None)


def embedded(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, max_connections=5)


def test_root_runs_it_in_a_user_namespace_even_in_a_private_folder(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--user", "true"], check=False).returncode != 0:
        pytest.skip("user namespaces are not allowed here")
    with embedded(tmp_path) as server:
        here, there = (Path(f"/proc/{pid}/ns/user").readlink() for pid in (os.getpid(), server.pid))
        assert here != there


@needs_programs_for_everybody
def test_without_namespaces_root_hands_it_to_nobody_with_the_data_of_before(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = open_folder / "data"
    with embedded(data_dir) as server, psycopg.connect(conninfo(server.url)) as connection:
        connection.execute("CREATE TABLE notes AS SELECT 'Buy milk' AS note")
    monkeypatch.setattr("taskward.embedded.os_user.shutil.which", lambda _: None)
    with embedded(data_dir) as server, psycopg.connect(conninfo(server.url)) as connection:
        assert psutil.Process(server.pid).username() == "nobody"
        assert connection.execute("SELECT note FROM notes").fetchall() == [("Buy milk",)]
    assert (data_dir / "postgres").stat().st_mode & 0o777 == 0o700


@needs_programs_for_everybody
def test_nobody_makes_a_cluster_of_its_own_and_recovers_it(open_folder: Path, no_namespaces: None) -> None:
    with embedded(open_folder / "data") as server:
        process = psutil.Process(server.pid)
        assert process.username() == "nobody"
        process.kill()
    with embedded(open_folder / "data") as server:
        psycopg.connect(conninfo(server.url)).close()


def test_a_folder_that_nobody_cannot_enter_is_refused_by_name(tmp_path: Path, no_namespaces: None) -> None:
    with pytest.raises(EmbeddedPostgresError) as refusal, embedded(tmp_path / "data"):
        pass
    assert f"'nobody' cannot enter {tmp_path}" in str(refusal.value)
    assert "DATABASE_URL" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "data" / "postgres").exists()


@needs_programs_for_everybody
def test_an_ordinary_user_runs_it_under_their_own_name(open_folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(open_folder, nobody.pw_uid, nobody.pw_gid)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(open_folder / "data")], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("nobody\n", "")


def test_a_cluster_of_another_account_is_told_with_both_names(tmp_path: Path) -> None:
    with embedded(tmp_path):
        pass
    cluster = tmp_path / "postgres"
    os.chown(cluster, pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(EmbeddedPostgresError) as refusal, embedded(tmp_path):
        pass
    assert "belongs to nobody, but PostgreSQL would run as root" in str(refusal.value)
    assert str(refusal.value).endswith(f"chown -R root {cluster}")


def test_a_program_that_fails_is_told_with_its_own_words() -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"ls failed: .*no-such-file"):
        ServerAccount().run("/bin/ls", "/no-such-file")


def test_the_server_does_not_inherit_our_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("JWT_SECRET_KEY", "BETTER_AUTH_SECRET", "DATABASE_URL"):
        monkeypatch.setenv(name, "canary7e3f")
    with EmbeddedPostgres(tmp_path / "data", max_connections=5) as server:
        environment = psutil.Process(server.pid).environ()
    assert "canary7e3f" not in environment.values()
    assert "PATH" in environment


def test_the_account_cannot_be_made_owner_of_what_a_link_leads_to(open_folder: Path) -> None:
    ours = open_folder / "ours"
    ours.touch(mode=0o600)
    (open_folder / "data" / "postgres").mkdir(parents=True)
    link = open_folder / "data" / "postgres" / "planted"
    link.symlink_to(ours)
    ServerAccount.nobody(open_folder / "data", Path("/bin/true"))
    assert ours.owner() == "root"
    assert link.lstat().st_uid == pwd.getpwnam("nobody").pw_uid
