"""Somebody at a command line: their settings, and the commands they type."""

import json
import os
import pty
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from typer.testing import CliRunner

from taskward.auth.issue import issue_token
from taskward.cli.main import cli
from taskward.client.address import Address
from taskward.client.credentials import Credentials, CredentialStore
from tests.conftest import SECRET

PROGRAM = str(Path(sys.executable).with_name("taskward"))
# A new session, whose terminal is the one at standard input: where passwords are asked for.
AT_THE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


class Person:
    """Has a home, and a service that the commands are for."""

    def __init__(self, home: Path, server: str) -> None:
        self.home = home
        self.server = server
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "TASKWARD_SERVER": server,
            "TERM": "xterm-256color",
        }

    @property
    def store(self) -> CredentialStore:
        folder = self.home / ("Library/Application Support" if sys.platform == "darwin" else "config")
        return CredentialStore(folder / "taskward")

    def has_token(self, user_id: str, server: str | None = None) -> Self:
        """Be logged in with a token of the service's secret."""
        token = issue_token(user_id, SECRET.encode(), "HS256", 600)
        with self.store.locked():
            self.store.write(Address(server or self.server), Credentials(user_id, token))
        return self

    def by_way_of(self, server: str) -> "Person":
        """Return the same person as they reach the service at another address."""
        with self.store.locked():
            self.store.write(Address(server), self.store.read(Address(self.server)))
        return Person(self.home, server)

    def __call__(self, *arguments: str, stdin: str = "") -> Done:
        """Run a command in this process, which saves the time to start another."""
        result = CliRunner().invoke(cli, arguments, input=stdin, env=self.env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [PROGRAM, *arguments], env=self.env, cwd=self.home, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, stdin: str = "") -> Done:
        """Run a command in a process of its own, without a terminal."""
        with self.start(*arguments) as process:
            stdout, stderr = process.communicate(stdin, timeout=60)
        return Done(process.returncode, stdout, stderr)

    def at_a_terminal(self, *arguments: str, **more: str) -> "Terminal":
        return Terminal([PROGRAM, *arguments], {**self.env, **more}, self.home)


class Terminal:
    """A command at a pseudo-terminal, and who types."""

    def __init__(self, command: list[str], env: dict[str, str], folder: Path) -> None:
        self._keyboard, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (40, 100))
        self._process = subprocess.Popen(
            [sys.executable, "-c", AT_THE_TERMINAL, *command],
            env=env, cwd=folder, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        self.output = ""

    def wait_for(self, text: str) -> None:
        while text not in self.output:
            read = self._read()
            assert read, f"no {text!r} in {self.output!r}"

    @property
    def echoes(self) -> bool:
        """Whether what is typed now can be seen."""
        return bool(termios.tcgetattr(self._keyboard)[3] & termios.ECHO)

    def type(self, line: str) -> None:
        os.write(self._keyboard, f"{line}\n".encode())

    def end(self) -> int:
        """Wait for the command to end, and return its exit code."""
        while self._read():
            pass
        os.close(self._keyboard)
        return self._process.wait(30)

    def _read(self) -> bool:
        try:
            read = os.read(self._keyboard, 65536)
        except OSError:  # on Linux, when nobody has the other end any more
            return False
        self.output += read.decode()
        return read != b""
