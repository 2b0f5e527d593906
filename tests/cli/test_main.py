import errno
import subprocess
import sys
from pathlib import Path

import pytest

from taskward import __version__
from taskward.os_errors import in_words
from tests.cli.command import taskward

pytestmark = pytest.mark.quick


def test_help_lists_the_commands(tmp_path: Path) -> None:
    done = taskward("--help", settings={}, folder=tmp_path)
    assert done.returncode == 0
    for command in ("serve", "migrate", "token", "config"):
        assert command in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_help_loads_nothing_that_takes_long() -> None:
    code = """
import sys
from taskward.cli import main
sys.argv = ["taskward", "--help"]
try:
    main()
finally:
    print("LOADED", *sys.modules)
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = output.split("LOADED")[1].split()
    assert "taskward.cli.main" in loaded
    assert {"fastapi", "sqlmodel", "sqlalchemy", "pydantic", "psycopg", "uvicorn", "httpx2"}.isdisjoint(loaded)


def _loaded(*modules: str) -> set[str]:
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_workers_wait_for_no_database_driver_and_no_metrics_of_the_supervisor() -> None:
    loaded = _loaded("taskward.cli.main", "taskward.cli.serve")
    assert {"taskward.settings", "uvicorn"} <= loaded
    assert {"psycopg", "prometheus_client", "anyio", "urllib.request", "uvloop"}.isdisjoint(loaded)
    assert len(loaded) <= 520  # 446 on Python 3.11; it was 607


def test_the_supervisor_loads_no_framework_and_nothing_that_migrates_or_signs() -> None:
    """A start whose database is migrated needs none of it, and waits 0.3 s for it otherwise."""
    later = ("cli.announcement", "cli.postgres", "cli.preparation", "server.workers")
    loaded = _loaded("taskward.cli.serve", *(f"taskward.{module}" for module in later))
    assert {"psycopg", "uvicorn"} <= loaded
    assert {"fastapi", "starlette.routing", "sqlalchemy", "alembic", "jwt", "cryptography"}.isdisjoint(loaded)
    assert len(loaded) <= 700  # 571 on Python 3.11; it was 1,060


def test_a_command_that_does_not_exist_is_a_mistake_of_usage(tmp_path: Path) -> None:
    done = taskward("conquer", settings={}, folder=tmp_path)
    assert done.returncode == 2
    assert "conquer" in done.stderr


def test_on_windows_one_sentence_names_what_to_install() -> None:
    code = """
import sys
from taskward.cli import main
sys.platform = "win32"
sys.modules.update(dict.fromkeys(["fcntl", "pwd", "uvloop", "taskward.cli.main"]))  # whose import fails there
sys.argv = ["taskward", "serve"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "On Windows, install WSL" in line


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file", "here"), "no such file or folder: here"),
        (OSError(errno.ENOSPC, "No space", "here"), "no space left on the disk for here"),
        (OSError(errno.EIO, "Input/output error", "here"), "here: Input/output error"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
        (OSError("cannot listen on here: no. Set HOST or PORT."), "cannot listen on here: no. Set HOST or PORT."),
    ],
)
def test_what_the_operating_system_refuses_is_told_in_words(refused: OSError, words: str) -> None:
    assert in_words(refused) == words


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["list", "-h"], ["doctor", "-h"], ["doctor", "token", "-h"]]
)
def test_help_is_everywhere_and_short(tmp_path: Path, arguments: list[str]) -> None:
    done = taskward(*arguments, settings={}, folder=tmp_path)
    assert done.returncode == 0
    assert "Usage: " in done.stdout


def test_it_says_which_version_it_is(tmp_path: Path) -> None:
    done = taskward("--version", settings={}, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"taskward {__version__}\n")
