"""The program: the newest release that the Go of this machine can build, kept outside the repository."""

import os
import re
import shutil
import subprocess
from pathlib import Path

MODULE = "github.com/pocketbase/pocketbase"
MAIN = Path(__file__).with_name("main.go")
PROGRAM = "pocketbase"
NEWER_GO = "requires go >="
BUILD_SECONDS = 600


class NoPocketBaseError(Exception):
    """There is none to measure; the message says why, in one sentence."""


def cache() -> Path:
    """Return the folder that keeps built programs, as the XDG base directory specification has it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "taskward-bench"


def program() -> tuple[Path, str]:
    """Return the program and its version; build it if it is not there yet. Raises NoPocketBaseError."""
    go = shutil.which("go")
    if go is None:
        raise NoPocketBaseError("PocketBase is left out: there is no `go` to build it with.")
    try:
        return _built(go) or _build_newest(go)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoPocketBaseError(f"PocketBase is left out: Go did not build it ({_reason(error)}).") from None


def _built(go: str) -> tuple[Path, str] | None:
    """Return what this Go has built before, without asking a registry."""
    found = sorted(_folder(go).glob(f"v*[0-9]/{PROGRAM}"), key=lambda path: _numbers(path.parent.name))
    return (found[-1], found[-1].parent.name) if found else None


def _build_newest(go: str) -> tuple[Path, str]:
    """Build the newest release that does not want a newer Go; raise SubprocessError."""
    versions = _run(go, "list", "-m", "-versions", MODULE).split()[1:]
    for version in reversed([version for version in versions if "-" not in version]):
        try:
            return _build(go, version), version
        except subprocess.CalledProcessError as error:
            if NEWER_GO not in error.stderr:
                raise
    raise subprocess.SubprocessError("every release wants a newer Go")


def _build(go: str, version: str) -> Path:
    source = _folder(go) / f"{version}.source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    shutil.copy(MAIN, source)
    _run(go, "mod", "init", "taskward.bench/pocketbase", folder=source)
    _run(go, "get", f"{MODULE}@{version}", folder=source)
    _run(go, "mod", "tidy", folder=source)
    _run(go, "build", "-o", PROGRAM, ".", folder=source)
    return source.rename(source.with_suffix("")) / PROGRAM  # when complete


def _folder(go: str) -> Path:
    return cache() / f"pocketbase-{_run(go, 'env', 'GOVERSION')}"


def _run(go: str, *command: str, folder: Path | None = None) -> str:
    # As the machine's Go is configured, but never another Go that it would fetch for itself.
    environment = os.environ | {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    done = subprocess.run(
        [go, *command], cwd=folder or Path.home(), env=environment, capture_output=True, text=True, check=True,
        timeout=BUILD_SECONDS,
    )  # fmt: skip
    return done.stdout.strip()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    return str(said).strip().splitlines()[-1].rstrip(".")
