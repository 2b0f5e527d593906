"""The lines of the guide to the command line, typed by a real shell against a new service."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from taskward.cli import lists, login, tasks, transfer, watch
from taskward.cli.options import SERVER
from taskward.client import errors
from taskward.settings import Settings
from tests.docs.documents import ROOT, rows, section
from tests.service import Service

GUIDE = (ROOT / "docs" / "command-line.md").read_text()
OTHER_EXIT_CODES = {0, 2, 130}  # typer's, and success


def test_every_line_does_what_it_says(tmp_path: Path) -> None:
    assert shutil.which("bash"), "this test types the guide's lines into bash, which is not installed"
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL))
    with Service(tmp_path / str(Settings().data_dir)) as service:
        typed = subprocess.run(
            ["bash", "-eux", "-o", "pipefail", "-c", script],
            cwd=tmp_path,
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(tmp_path),
                "TASKWARD_SERVER": service.url,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert typed.returncode == 0, typed.stderr
    assert "Created task 1: Buy milk\n" in typed.stdout
    assert "1 rows: 0 created, 1 already there. Nothing was added.\n" in typed.stdout
    assert typed.stdout.endswith("1 rows: 1 created.\n")


def test_the_exit_codes_are_those_of_the_code() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ClientError)
    ]
    documented = {int(number) for number, meaning in rows(section(GUIDE, "Exit codes"), "code") if meaning}
    assert documented == {kind.exit_code for kind in kinds} | OTHER_EXIT_CODES


@pytest.mark.parametrize("module", [lists, login, tasks, transfer, watch])
def test_the_guide_has_every_command_and_every_option(module: object) -> None:
    group = typer.main.get_group(module.commands)  # type: ignore[attr-defined]
    for name, command in group.commands.items():
        assert re.search(rf"\btaskward {name}\b|`{name}`", GUIDE), name
        for parameter in command.params:
            for option in (each for each in parameter.opts if each.startswith("--")):
                assert f"{option}" in GUIDE, f"{name} {option}"


def test_the_guide_names_the_default_server() -> None:
    assert f"`{SERVER}`" in GUIDE
    assert f"http://{Settings().host}:{Settings().port}" == SERVER
