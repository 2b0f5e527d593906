"""The documents of the repository, read for the tests that hold them to the code."""

import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "taskward"
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
LINES = 150  # of README and ARCHITECTURE, at most: what explains itself in more belongs into `docs`


def section(document: str, heading: str) -> str:
    """Return what stands between a heading and the next one of its level or above."""
    marks = re.search(rf"^(#+) {re.escape(heading)}$", document, re.MULTILINE)
    assert marks, f"there is no heading '{heading}'"
    rest = document[marks.end() :]
    return re.split(rf"^#{{1,{len(marks[1])}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str, first_column: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this title."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(f"| {first_column} |"):
            break
    else:
        raise AssertionError(f"there is no table of '{first_column}'")
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def code(text: str) -> list[str]:
    """Return what stands between backticks in one line of text."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


def files() -> list[Path]:
    """Return every file of the repository, and none that a developer merely left lying about."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=False)
    if (ROOT / ".git").exists() and listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
        return [path for path in paths if path.exists()]
    return sorted(_files_of_an_unpacked_archive())


def _files_of_an_unpacked_archive() -> Iterator[Path]:
    ignored = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text().split())]
    folders = [ROOT]
    while folders:
        for path in folders.pop().iterdir():
            if any(fnmatch(path.name, pattern) for pattern in ignored):
                continue
            if path.is_dir():
                folders.append(path)
            else:
                yield path


def documents() -> list[Path]:
    """Return every Markdown file."""
    return [path for path in files() if path.suffix == ".md"]
