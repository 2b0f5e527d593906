"""The README's calls, typed by a real shell into the service as `make run` starts it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from taskward.settings import Settings
from tests.docs.documents import LINES, README, ROOT, section
from tests.service import Service

pytestmark = pytest.mark.quick

ADDRESS = "http://127.0.0.1:8000"
CALLS = section(README, "Five calls")
TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that looks like a fresh clone after `make run`: the environment, and no data yet."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def test_the_five_calls_answer_what_the_readme_says(home: Path) -> None:
    assert shutil.which("bash"), "this test types the README's lines into bash, which is not installed"
    assert shutil.which("curl"), "this test runs the README's curl lines, and curl is not installed"
    calls, responses = shell_lines(CALLS), printed_responses(CALLS)
    assert len(calls) == len(responses) + 1 == 6, "a token, then five calls with a response each"

    with Service(home / str(Settings().data_dir), first_start=True) as service:
        script = "\necho\n".join(calls).replace(ADDRESS, service.url)
        typed = subprocess.run(
            ["bash", "-eu", "-c", script], cwd=home, env={"PATH": os.environ["PATH"]}, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
    assert typed.returncode == 0, typed.stderr
    assert numbered_times(typed.stdout.split()) == numbered_times("".join(responses).split())


def test_the_readme_names_the_address_of_the_default_settings() -> None:
    assert f"http://{Settings().host}:{Settings().port}" == ADDRESS
    assert set(re.findall(r"https?://[^/\s`')]+", README)) == {ADDRESS}


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= LINES


def test_the_readme_leads_to_every_page() -> None:
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    others = {page.name for page in ROOT.glob("*.md")} - {"README.md"}
    assert pages | others <= set(re.findall(r"\]\(([^)\s]+)\)", README))


def test_make_run_starts_the_command_that_these_tests_start() -> None:
    recipe = re.search(r"^run:.*\n\t(.+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    assert recipe[1] == "@exec $(BIN)/taskward serve"


def shell_lines(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def printed_responses(text: str) -> list[str]:
    return re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def numbered_times(words: list[str]) -> list[str]:
    """Replace each different time by its number, in order of appearance.

    What a time is differs between two runs; which times are equal, and where a new one appears, does not.
    """
    seen: dict[str, str] = {}
    return [TIME.sub(lambda time: seen.setdefault(time[0], f"time {len(seen)}"), word) for word in words]
