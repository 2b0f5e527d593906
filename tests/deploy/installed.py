"""What `deploy/install.sh` installs, and who can run it."""

import asyncio
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.docs.documents import ROOT

ORDINARY = "nobody"


def taken() -> list[str]:
    """What the build of the image gets to see."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def install(command: list[str], names: Iterable[str], folder: Path) -> None:
    """Run a command of install.sh in a copy of some files of the repository; `folder` is open to everybody."""
    folder.chmod(0o755)
    source = folder / "source"
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    path = f"{_python().parent}:{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    done = subprocess.run(
        command, cwd=source, env={**environment, "PATH": path}, capture_output=True, text=True, timeout=570,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def _python() -> Path:
    """The `python3` to build with: this one, or the system's if only root can run this one and that will do."""
    own, systems = Path(sys.executable).resolve().with_name("python3"), Path("/usr/bin/python3")
    if anybody_can_run(own) or not systems.exists():
        return own
    fit = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    return (
        systems if subprocess.run([systems, "-c", fit], capture_output=True, check=False).returncode == 0 else own
    )


def anybody_can_run(program: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in program.resolve().parents)


def account_for(program: Path) -> str | None:
    """The account to run an installed program under: an ordinary one, None where this process has one already."""
    return ORDINARY if os.geteuid() == 0 and anybody_can_run(program) else None


def give(folder: Path, user: str | None) -> None:
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)


async def address_of(process: asyncio.subprocess.Process) -> str:
    """Where a service says that it is, in the end."""
    assert process.stdout is not None
    said = b""
    async with asyncio.timeout(90):
        while line := await process.stdout.readline():
            said += line
            if found := re.search(rb"running at (http://\S+)", line):
                return found[1].decode()
    raise AssertionError(said.decode())
