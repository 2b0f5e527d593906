"""The shell blocks of the documents in `docs`: those that tests type into a shell, and why others are not."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs.documents import ROOT

BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?```sh\n(?P<lines>.*?)^```", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """Lines of shell, and why they are not run, if they are not."""

    lines: str
    reason: str | None


def blocks(name: str) -> list[Block]:
    """Return every shell block of a document in `docs`."""
    text = (ROOT / "docs" / name).read_text()
    found = [Block(match["lines"], match["reason"]) for match in BLOCK.finditer(text)]
    assert len(found) == len(re.findall(r"^```(?:sh|bash|shell|console)\b", text, re.MULTILINE)), "one is not seen"
    return found


def to_run(name: str) -> list[str]:
    """Return the lines of the blocks that are to be run, in order."""
    return [block.lines for block in blocks(name) if block.reason is None]


def type_in(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Type lines into bash in `folder`; return what they print, and fail when one of them fails."""
    assert shutil.which("bash"), "the documents' lines are typed into bash, which is not installed"
    done = subprocess.run(
        ["bash", "-eu", "-c", script], cwd=folder, env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
