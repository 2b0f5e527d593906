"""The parts of documents that are written from the code (`make documents`), each between two marks.

What stands around the marks is written by hand.
"""

import re
from collections.abc import Callable
from pathlib import Path

from tests.docs.documents import ROOT
from tests.docs.generated import commands, errors, operations, settings

PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "settings": ("docs/configuration.md", settings.text),
    "errors": ("docs/errors.md", errors.text),
    "operations": ("docs/api.md", operations.text),
    "list parameters": ("docs/api.md", operations.list_parameters),
    "change parameters": ("docs/api.md", operations.change_parameters),
    "commands": ("docs/command-line.md", commands.commands),
    "targets": ("CONTRIBUTING.md", commands.targets),
}


def page(part: str) -> Path:
    """Return the document that a part is in."""
    return ROOT / PARTS[part][0]


def in_document(part: str) -> str:
    """Return the part as its document has it now."""
    found = _between_marks(part).findall(page(part).read_text())
    assert len(found) == 1, f"{page(part).name} has the marks of '{part}' {len(found)} times"
    return str(found[0])


def from_code(part: str) -> str:
    """Return the part as it should be."""
    return f"\n{PARTS[part][1]().strip()}\n\n"


def write(part: str) -> None:
    """Write the part into its document."""
    document = page(part).read_text()
    page(part).write_text(_between_marks(part).sub(lambda _: from_code(part), document))


def _between_marks(part: str) -> re.Pattern[str]:
    begin, end = f"<!-- begin of the {part}, written by `make documents` -->\n", f"<!-- end of the {part} -->"
    return re.compile(f"(?<={begin}).*?(?={end})", re.DOTALL)
