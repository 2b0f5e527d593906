"""Schemathesis holds the running service to its own published description, in every way it knows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SECRET
from tests.profiles import SOAK, by_profile
from tests.server.wire import JSON, TOKENS, Wire, request
from tests.service import Service

CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
CASES = by_profile(2000, 50_000)
CASES_OF_AN_OPERATION = by_profile(28, 2600)  # besides those that follow from the description alone
SEED = [] if SOAK else ["--seed", "1"]  # else a new one each time, which is printed


@pytest.mark.soak
def test_every_response_is_as_the_description_says(tmp_path: Path) -> None:
    with Service(tmp_path / "data", {"JWT_SECRET_KEY": SECRET}) as service:
        with Wire(service.url) as wire:
            for _ in range(3):  # for the ids that are tried first
                wire.send(request("POST", "/tasks", "alice", JSON, b'{"title":"Buy milk"}'))
                assert wire.read() is not None
        done = _schemathesis(service.url, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert cases, done.stdout
    assert CASES <= int(cases[1]) == int(cases[2])
    print(f"\n{cases[1]} requests made from the description, each answered as it says.")  # noqa: T201


def _schemathesis(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(CONFIG),
        "run",
        f"{url}/openapi.json",
    ]
    token = ["--header", f"Authorization: Bearer {TOKENS['alice']}"]
    options = ["--max-examples", str(CASES_OF_AN_OPERATION), "--generation-database", "none", "--no-color", *SEED]
    return subprocess.run(
        [*command, *token, *options],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)},
        capture_output=True,
        text=True,
        check=False,
    )
