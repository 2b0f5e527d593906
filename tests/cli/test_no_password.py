"""Whatever an address holds, and whatever is wrong with it, no part of its password is in any output."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conftest import SECRET

FIRST, SECOND = "QzW7kV9x", "Jm4RtY2p"  # parts of nothing else that is printed
BETWEEN = ("@", "/", "?", "#", "%", ":", "[", "]", " ", "\n", "&x=", "@/", "=", "%4", "\\", "'", ",", "?x=", "")
NASTY = [f"{FIRST}{between}{SECOND}" for between in BETWEEN]
SOUND = [*NASTY, f"{FIRST}@/?#%:[] \n&={SECOND}"]
PIECES = {text[at : at + 4] for text in (FIRST, SECOND) for at in range(len(text) - 3)}
NOWHERE = "127.0.0.1:1"  # refuses at once
OURS = [["config"], ["config", "--json"], ["migrate"], ["doctor", "database"], ["serve"]]
ADDRESSES = {
    "DATABASE_URL": "postgresql://app:{}@127.0.0.1:1/app",
    "DATABASE_MIGRATION_URL": "postgresql://app:{}@127.0.0.1:1/app",
    "RATE_LIMIT_STORAGE_URL": "valkey://app:{}@127.0.0.1:1/0",
    "JWT_JWKS_URL": "https://app:{}@127.0.0.1:1/jwks",
    "HTTPS_PROXY": "http://app:{}@127.0.0.1:1/",
}

# Many runs of many commands in one process, for starting one takes longer than most of them.
RUN = """
import json, os, sys
from taskward.cli import main
commands, runs = json.loads(sys.argv[1])
for command in commands:
    sys.argv[1:] = command
    for settings in runs:
        os.environ.update(settings)
        try:
            main()
        except SystemExit as end:
            print("ended:", end.code, file=sys.stderr, flush=True)
"""


def said(commands: list[list[str]], runs: list[dict[str, str]], folder: Path, **settings: str) -> str:
    """Return all output of commands, each run once with each of `runs` and with `settings` always."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps([commands, runs])],
        cwd=folder,
        # HOST is an address of nobody: who gets as far as to listen ends there.
        env={"PATH": os.environ["PATH"], "HOST": "192.0.2.1", "XDG_CONFIG_HOME": str(folder), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.count("ended: ") == len(commands) * len(runs), done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def leaks(text: str) -> list[str]:
    """The lines that have a piece: they tell which command it was, for many run in one process."""
    return [line for line in text.splitlines() if any(piece in line for piece in PIECES)]


@pytest.mark.parametrize("name", ADDRESSES)
def test_no_command_tells_a_piece_of_a_password(tmp_path: Path, name: str) -> None:
    settings = {
        "DATABASE_URL": f"postgresql://{NOWHERE}/app",
        "JWT_SECRET_KEY": SECRET,
        "JWT_JWKS_URL": f"https://{NOWHERE}/jwks",
    }
    passwords = [*NASTY, *(quote(password, safe="") for password in SOUND)]
    runs = [{name: ADDRESSES[name].format(password)} for password in passwords]
    assert leaks(said(OURS, runs, tmp_path, **settings)) == []


def test_no_address_of_another_form_is_told(tmp_path: Path) -> None:
    forms = (
        "postgresql://app:{}",
        "postgresql://app:{}/app",
        "postgresql://app@127.0.0.1:1/app?password={}",
        "postgresql://app@127.0.0.1:1/app?password={}&sslmode=prefer",
        "postgres:app:{}@127.0.0.1:1",
        "host=127.0.0.1 port=1 password={}",
        "app:{}@127.0.0.1:1",
        "{}",
    )
    passwords = (
        FIRST + SECOND,
        f"{FIRST}&{SECOND}",
        f"{FIRST}&{SECOND}=x",
        f"{FIRST}:{SECOND}",
        f"{FIRST}/{SECOND}",
    )
    runs = [{"DATABASE_URL": form.format(password)} for form in forms for password in passwords]
    assert leaks(said([["migrate"], ["config"]], runs, tmp_path, JWT_SECRET_KEY=SECRET)) == []


@pytest.mark.parametrize("name", ["TASKWARD_SERVER", "HTTPS_PROXY"])
def test_the_client_tells_no_password_of_an_address(tmp_path: Path, name: str) -> None:
    passwords = [*NASTY, f"1/{SECOND}"]  # the second is a port and a path to many a reader
    runs = [{name: f"http://localhost:{password}@{NOWHERE}/"} for password in passwords]
    told = said([["login", "--token", "x"]], runs, tmp_path, TASKWARD_SERVER="https://192.0.2.1:1")
    assert leaks(told) == []
