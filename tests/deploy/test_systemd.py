"""The unit of systemd and its page: they agree with the code, and what the unit does is done without systemd."""

import asyncio
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

import taskward
from taskward.cli.main import cli
from taskward.cli.serve import DRAIN_SECONDS
from taskward.embedded.server import STOP_SECONDS
from taskward.settings import InvalidSettingsError
from tests.cli.command import processes_of, workers_below
from tests.conftest import SECRET
from tests.deploy import files
from tests.deploy.installed import account_for, address_of, give, install, taken
from tests.deploy.test_files import SPARE_SECONDS, load
from tests.docs.documents import ROOT
from tests.docs.shell import blocks, type_in

PAGE = "systemd.md"
STATE = "/var/lib/taskward"
SERVICE = files.unit()["Service"]
ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze here, so the unit was not verified")
@pytest.mark.parametrize("fault", ["", "ProtectHome=y s"], ids=["as it is", "with a fault"])
def test_systemd_itself_finds_no_fault(tmp_path: Path, fault: str) -> None:
    unit = (files.DEPLOY / "taskward.service").read_text()
    installed = unit.replace(SERVICE["ExecStart"].split()[0], str(Path(sys.prefix) / "bin" / "taskward"))
    (tmp_path / "taskward.service").write_text(installed.replace("ProtectHome=yes", fault or "ProtectHome=yes"))
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", "--recursive-errors=no", tmp_path / "taskward.service"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert bool(done.stderr) is bool(fault), done.stderr
    assert fault or done.returncode == 0


def test_the_unit_has_one_folder_and_one_account_that_is_not_root() -> None:
    assert f"/var/lib/{SERVICE['StateDirectory']}" == STATE
    assert files.unit_environment()["DATA_DIR"] == SERVICE["WorkingDirectory"] == STATE
    assert SERVICE["User"] == SERVICE["Group"] == "taskward"
    assert SERVICE["StateDirectoryMode"] == "0700"


def test_the_unit_sets_settings_alone_and_asks_for_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(files.unit_environment()) <= files.settings_names()
    with pytest.raises(InvalidSettingsError, match="must be set in production"):
        load(monkeypatch, files.unit_environment())
    settings = load(monkeypatch, {**files.unit_environment(), "JWT_SECRET_KEY": SECRET})
    assert (settings.environment, settings.host) == ("production", "127.0.0.1")


def test_the_unit_runs_a_command_that_exists_and_reloads_by_the_signal_that_replaces_workers() -> None:
    program, command = SERVICE["ExecStart"].split()
    assert Path(program).name == "taskward"
    assert command in {found.callback.__name__ for found in cli.registered_commands if found.callback}
    assert SERVICE["ExecReload"] == f"kill -{signal.SIGHUP.name.removeprefix('SIG')} $MAINPID"


def test_a_stop_has_the_time_that_the_embedded_database_may_take() -> None:
    """Which is asked twice before it is killed; and systemd asks the service alone."""
    assert int(SERVICE["TimeoutStopSec"]) >= DRAIN_SECONDS + 2 * STOP_SECONDS + SPARE_SECONDS
    assert SERVICE["KillMode"] == "mixed"


def test_the_page_names_what_the_unit_names() -> None:
    text = (ROOT / "docs" / PAGE).read_text()
    settings = SERVICE["EnvironmentFile"].removeprefix("-")
    for name in (settings, str(Path(settings).parent), STATE, f"/opt/taskward-{taskward.__version__}"):
        assert re.search(rf"{re.escape(name)}(?![\w.-]*\w)", text), name
    assert f"--home-dir {STATE} --shell /usr/sbin/nologin {SERVICE['User']}" in text
    assert f"again every {SERVICE['RestartSec']} seconds" in text
    assert f"after {SERVICE['TimeoutStopSec']} seconds systemd ends" in text


def test_the_page_runs_a_command_with_what_the_unit_has() -> None:
    (block,) = (block.lines for block in blocks(PAGE) if "systemd-run" in block.lines)
    words = shlex.split(block)
    assert dict(re.findall(r"--setenv=(\w+)=(\S+)", block)) == files.unit_environment()
    assert f"--property=EnvironmentFile={SERVICE['EnvironmentFile']}" in words
    assert f"--uid={SERVICE['User']}" in words
    assert words[-2:] == [SERVICE["ExecStart"].split()[0], "config"]


@pytest.mark.parametrize("words", [[], [""], ["folder", "everything"], ["folder", "embedded", "extras"]])
def test_what_cannot_be_installed_is_told_with_all_that_can_and_nothing_is_made(
    words: list[str], tmp_path: Path
) -> None:
    script = files.DEPLOY / "install.sh"
    (tmp_path / "requirements-everything.lock").touch()
    done = subprocess.run(["sh", script, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "usage, in the root of the repository: sh deploy/install.sh <folder> [embedded|extras]\n"
    )
    assert not (tmp_path / "folder").exists()
    assert all((ROOT / f"requirements-{kind}.lock").exists() for kind in ("embedded", "extras"))


def test_the_file_of_settings_is_made_as_the_page_says_and_only_root_can_read_it(tmp_path: Path) -> None:
    (block,) = (block.lines for block in blocks(PAGE) if "JWT_SECRET_KEY" in block.lines)
    type_in(block.replace("sudo ", "").replace("/etc/taskward", str(tmp_path / "etc")), tmp_path, {})
    made = tmp_path / "etc" / "taskward.env"
    assert (made.parent.stat().st_mode & 0o777, made.stat().st_mode & 0o777) == (0o700, 0o600)
    assert re.fullmatch(r"JWT_SECRET_KEY=[0-9a-f]{64}\n", made.read_text())


@pytest.fixture
def installed() -> Iterator[Path]:
    """What the first line of the page installs, in a place that everybody can enter."""
    first = blocks(PAGE)[0].lines.splitlines()[0].split()
    assert first[:3] == ["sudo", "sh", "deploy/install.sh"]
    assert first[4:] == ["embedded"]
    with tempfile.TemporaryDirectory(prefix="taskward-systemd-") as folder:
        built = Path(folder) / "taskward"
        install([*first[1:3], str(built), *first[4:]], [*taken(), "requirements-embedded.lock"], Path(folder))
        yield built


@pytest.fixture
def user(installed: Path) -> str | None:
    return account_for(installed / "bin" / "python")


@pytest.fixture
def folders(user: str | None) -> Iterator[tuple[Path, Path]]:
    """The folder of the data and a temporary one, as systemd makes them for the account."""
    with tempfile.TemporaryDirectory(prefix="taskward-state-") as folder:
        Path(folder).chmod(0o755)
        state, temporary = Path(folder) / "state", Path(folder) / "tmp"
        for made in (state, temporary):
            made.mkdir(mode=0o700)
            give(made, user)
        yield state, temporary


async def test_what_is_installed_serves_reloads_and_stops_as_the_unit_asks_it_to(
    installed: Path, user: str | None, folders: tuple[Path, Path]
) -> None:
    state, temporary = folders
    settings = {
        **files.unit_environment(), "DATA_DIR": str(state), "JWT_SECRET_KEY": SECRET, "PORT": "0",
        "TMPDIR": str(temporary), "PATH": "/usr/bin:/bin",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        str(installed / "bin" / "taskward"), "serve", cwd=state, env=settings, user=user, umask=0o077,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        url = await address_of(process)
        if user:
            assert {child.username() for child in psutil.Process(process.pid).children(True)} == {user}
        await reload(process, url)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        rest, _ = await asyncio.wait_for(process.communicate(), int(SERVICE["TimeoutStopSec"]))
    assert process.returncode == 0, rest
    assert processes_of(state) == []
    assert (state / "postgres" / "PG_VERSION").exists()
    assert not (state / "postgres" / "postmaster.pid").exists(), "PostgreSQL was not stopped"
    assert [*temporary.iterdir()] == []


async def reload(process: asyncio.subprocess.Process, url: str) -> None:
    """Ask for new workers, and see the service ready until the old ones are gone, and then."""
    before = workers(process)
    process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(60), httpx2.AsyncClient(base_url=url) as client:
        while workers(process) & before:
            assert (await client.get("/health/ready")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 200
    assert len(workers(process)) == len(before) > 0


def workers(process: asyncio.subprocess.Process) -> set[int]:
    return {worker.pid for worker in workers_below(process.pid)}
