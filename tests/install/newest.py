"""Installs the newest release of everything into an environment, also past the upper bounds. For `make newest`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement
from uv import find_uv_bin

from tests.docs.documents import ROOT
from tests.install.locks import wanted


def without_bounds(requirement: Requirement) -> str:
    """Return a requirement of any version: as an override, it also unbinds what other packages ask for."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}"


def install(environment: Path) -> None:
    """Install the project, its extras and its tools into the virtual environment at this path."""
    every = [without_bounds(requirement) for requirement in wanted("requirements-dev.lock")]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as overrides:
        overrides.write("\n".join(every))
        overrides.flush()
        subprocess.run(
            [find_uv_bin(), "pip", "install", "--python", environment, "--upgrade", "--refresh", "--override",
             overrides.name, "--editable", ROOT, *every],
            check=True,
        )  # fmt: skip


if __name__ == "__main__":
    install(Path(sys.argv[1]))
