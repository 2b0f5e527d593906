import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("metrics_port", [{}, {"METRICS_PORT": "0"}], ids=["", "METRICS_PORT"])
def test_workers_wait_for_nothing_that_the_supervisor_needs_for_its_database_or_metrics(
    metrics_port: dict[str, str], tmp_path: Path
) -> None:
    code = """
import sys
import taskward.cli.main, taskward.cli.serve
def loading_workers(*_):
    print(*sys.modules)
    import psutil
    assert psutil.Process().num_threads() == 1, "the first worker is a fork, in which other threads would be gone"
    sys.exit()
taskward.cli.serve.loading_workers = loading_workers
taskward.cli.serve.serve()
"""
    settings = {"DATA_DIR": str(tmp_path), "PORT": "0", "PATH": os.environ["PATH"], **metrics_port}
    loaded = _printed(code, env=settings, cwd=tmp_path)
    assert {"taskward.settings", "uvicorn"} <= loaded
    assert {"psycopg", "prometheus_client", "anyio", "urllib.request", "fastapi"}.isdisjoint(loaded)
    assert len(loaded) <= 520  # 451 on Python 3.11; it was 607


def test_the_supervisor_loads_no_framework_and_nothing_that_migrates_or_signs() -> None:
    """A start whose database is migrated needs none of it, and waits 0.3 s for it otherwise."""
    later = ("cli.announcement", "cli.postgres", "cli.preparation", "server.workers")
    modules = ("cli.main", "cli.serve", *later)
    loaded = _printed(f"import sys, {', '.join(f'taskward.{module}' for module in modules)}; print(*sys.modules)")
    assert {"psycopg", "uvicorn"} <= loaded
    assert {"fastapi", "starlette.routing", "sqlalchemy", "alembic", "jwt", "cryptography"}.isdisjoint(loaded)
    assert len(loaded) <= 700  # 572 on Python 3.11; it was 1,060


def _printed(code: str, **how: Any) -> set[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, **how)
    return set(done.stdout.split())


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
