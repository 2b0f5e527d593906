"""On what was measured."""

import platform
import subprocess
from pathlib import Path

import fastapi
import psutil
import psycopg

from bench.servers import ROOT


def description(server: psycopg.Connection) -> str:
    """Return one line: processor, memory, system, versions."""
    memory = psutil.virtual_memory().total / 2**30
    version = server.execute("SHOW server_version").fetchall()[0][0]
    return (
        f"{psutil.cpu_count()} cores of {_processor()}, {memory:.0f} GiB, {platform.system()}"
        f" {platform.machine()}; Python {platform.python_version()}, FastAPI {fastapi.__version__}, PostgreSQL"
        f" {version} with its default settings (fsync on); {_revision()}"
    )


def load() -> str:
    """Return a sentence on how busy the machine has been in the last minute."""
    busy = psutil.getloadavg()[0]
    if busy < 0.5:
        return "The machine was idle before."
    return f"The machine was busy before (load {busy:.1f}): only processor times and their ratio say much."


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return _said_by("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or "an unknown processor"


def _revision() -> str:
    revision = _said_by("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    return f"revision {revision}" if revision else "no revision"


def _said_by(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
