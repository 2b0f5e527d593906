import subprocess
import sys
from pathlib import Path

from tests.cli.command import taskward


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


def test_a_command_that_does_not_exist_is_a_mistake_of_usage(tmp_path: Path) -> None:
    done = taskward("conquer", settings={}, folder=tmp_path)
    assert done.returncode == 2
    assert "conquer" in done.stderr
