"""The service as people start it: `taskward serve` in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.prepared import prepare

STOP_SECONDS = 30
UNLIMITED = {
    "RATE_LIMIT": "1000000/second",
    "AUTH_RATE_LIMIT": "1000000/second",
    "MAX_CONCURRENT_REQUESTS": "1000000",
    "DATABASE_TIMEOUT_SECONDS": "30",  # the machine may be busy
}


class Service:
    """`taskward serve` on a free port with its data in `data_dir`; started on entering, stopped on leaving.

    A PostgreSQL of its own begins as a copy of one that is migrated, unless this is to be its `first_start`.
    """

    def __init__(
        self, data_dir: Path, settings: Mapping[str, str] | None = None, *, first_start: bool = False
    ) -> None:
        self.data_dir = data_dir
        self._first_start = first_start
        self._settings = {"DATA_DIR": str(data_dir), "PORT": "0", **UNLIMITED, **(settings or {})}

    def __enter__(self) -> Self:
        if not self._first_start and "DATABASE_URL" not in self._settings:
            prepare(self.data_dir)
        self.process = start(self._settings, self.data_dir.parent)
        assert self.process.stdout is not None
        self.banner = ""
        for line in self.process.stdout:  # ends when the service does
            self.banner += line
            if match := re.search(r"running at (http://\S+)", line):
                self.url = match[1]
            if "try it" in line or ("documentation" in line and {"ENVIRONMENT", "HOST"} & self._settings.keys()):
                self._rest: list[str] = []
                self._reader = threading.Thread(target=lambda: self._rest.extend(self.process.stdout or ()))
                self._reader.start()  # a service whose log nobody reads stands still when the pipe is full
                return self
        raise AssertionError(f"the service did not start:\n{self.banner}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)
        self.process.stdout.close()  # type: ignore[union-attr]
        self.rest_of_output = "".join(self._rest)

    @property
    def database_pid(self) -> int:
        """The process id of the embedded PostgreSQL."""
        return int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def start(settings: Mapping[str, str], folder: Path, command: str = "serve") -> subprocess.Popen[str]:
    """Start a `taskward` command with these settings and none of this process's, in `folder`."""
    return subprocess.Popen(
        [sys.executable, "-m", "taskward", command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
