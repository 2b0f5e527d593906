"""Clients that are made from the published description, by the generators that people use for it."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from tests.better_auth.node import NODE, install_packages
from tests.install.locks import PROJECT

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
MYPY = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental"]
TSC = ["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "--allowImportingTsExtensions"]


def python_client(folder: Path, description: Path) -> Path:
    """Make the package `taskward_client` in a folder; return the Python that has what it needs."""
    python = _install_generator()
    config = folder / "generator.json"
    config.write_text(json.dumps({"package_name_override": "taskward_client", "post_hooks": []}))
    options = ["--path", description, "--output-path", folder / "taskward_client", "--meta", "none"]
    run([python.with_name("openapi-python-client"), "generate", *options, "--config", config, "--fail-on-warning"])
    return python


def check_python(folder: Path, python: Path, program: str) -> None:
    """Check the types of a program in a folder, and of the client that it uses; raise AssertionError."""
    run([*MYPY, "--python-executable", python, program], folder)


def typescript_client(folder: Path, description: Path) -> None:
    """Make the types `taskward.ts` in a folder, in which Node then finds what they are used with."""
    packages = install_packages(HERE)
    (folder / "node_modules").symlink_to(packages)
    (folder / "package.json").write_text('{"type": "module"}')
    run(
        [NODE, packages / "openapi-typescript" / "bin" / "cli.js", description, "-o", folder / "taskward.ts"],
        folder,
    )


def check_typescript(folder: Path, program: str) -> None:
    """Check the types of a program in a folder, and of the client that it uses; raise AssertionError."""
    run([NODE, folder / "node_modules" / "typescript" / "bin" / "tsc", *TSC, program], folder)


def run(command: list[Any], folder: Path | None = None) -> str:
    """Run a program to its end, and return what it prints; raise AssertionError when it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _install_generator() -> Path:
    """Return the Python of an environment with the locked generator; made once, and never by two at a time.

    With `TASKWARD_NEWEST=1`, with the newest one. Raises AssertionError when it cannot be installed.
    """
    newest = os.environ.get("TASKWARD_NEWEST") == "1"
    wanted = PROJECT["dependency-groups"]["clients"] if newest else ["--require-hashes", "--no-deps", "-r", LOCK]
    digest = hashlib.sha256(b"newest" if newest else LOCK.read_bytes()).hexdigest()
    folder = Path(sys.prefix) / "python-packages" / digest[:16]
    python = folder / "bin" / "python"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            venv.create(folder, clear=True, symlinks=True)
            _pip("--python", str(python), "install", *wanted)
            (folder / "complete").touch()
    return python


def _pip(*command: str | Path) -> None:
    done = subprocess.run([*PIP, *command], capture_output=True, text=True, timeout=300, check=False)
    problem = f"the generator cannot be installed, which needs a package index once:\n{done.stderr}"
    assert done.returncode == 0, problem
