"""The commands that install, as they stand in the Makefile, the image and the documents."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, documents

# What ensurepip brought with the first release of each Python: nobody has an older one.
OLDEST_PIP = {(3, 11): "22.3", (3, 12): "23.2.1", (3, 13): "24.2", (3, 14): "25.2"}
INSTALLS = re.compile(r"\bpip install\b[^\n`]*")
FLAGS = {"--require-hashes", "--no-deps"}


def recipe(venv: Path) -> list[str]:
    """What `make` would type to make an environment."""
    make = ["make", "--dry-run", f"VENV={venv}", f"{venv}/dev"]
    lines = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if " -r " in line]


@pytest.fixture(scope="session")
def old_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the oldest pip there is for this Python."""
    venv = tmp_path_factory.mktemp("old") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    version = OLDEST_PIP[sys.version_info[:2]]
    pip: list[Path | str] = [venv / "bin" / "pip", "install", "--quiet", f"pip=={version}"]
    subprocess.run(pip, capture_output=True, check=True, timeout=120)
    told = subprocess.run([venv / "bin" / "pip", "--version"], capture_output=True, text=True, check=True).stdout
    assert told.startswith(f"pip {version} ")
    return venv


def test_the_oldest_pip_installs_the_lock_files(old_pip: Path) -> None:
    """All that is locked for running, testing and every extra is in the last of them."""
    *_, last = recipe(old_pip)
    assert last.endswith("-r requirements-dev.lock")
    told = subprocess.run(
        [*shlex.split(last.removeprefix("@")), "--dry-run", "--ignore-installed"], cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True, text=True, timeout=540, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr


def test_every_command_that_installs_a_lock_file_resolves_nothing(tmp_path: Path) -> None:
    commands = recipe(tmp_path / "venv")
    for path in (ROOT / "deploy" / "install.sh", *documents()):
        commands += INSTALLS.findall(path.read_text())
    locked = [command for command in commands if ".lock" in command]
    assert len(locked) >= 3
    assert [command for command in locked if not set(command.split()) >= FLAGS] == []


def test_nothing_else_is_installed_from_an_index() -> None:
    """What a document has people install beside the lock files would be something else on another day."""
    found = [
        f"{command}, in {path.name}"
        for path in (ROOT / "deploy" / "install.sh", *documents())
        for command in INSTALLS.findall(path.read_text())
        if ".lock" not in command and "--no-deps" not in command
    ]
    assert found == []


@pytest.mark.parametrize("name", ["run", "dev"])
def test_what_is_installed_is_checked_to_be_complete(name: str, tmp_path: Path) -> None:
    make = ["make", "--dry-run", f"VENV={tmp_path}/venv", f"{tmp_path}/venv/{name}"]
    lines = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    after_last = lines[max(number for number, line in enumerate(lines) if "pip install" in line) :]
    assert any(line.endswith(" check") for line in after_last)
