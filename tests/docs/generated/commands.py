"""The tables of commands and of make targets, written from their own help."""

import inspect
import re
from collections.abc import Iterator

import typer

from taskward.cli.main import cli
from tests.docs.documents import ROOT
from tests.docs.generated.tables import table

MAKEFILE = (ROOT / "Makefile").read_text()
ROOT_GROUP = typer.main.get_group(cli)


def commands() -> str:
    """Return the table of the commands of `taskward`."""
    return table(["command", "what it does"], ((f"`taskward {name}`", help_) for name, help_ in named_help()))


def targets() -> str:
    """Return the table of the targets of `make`."""
    found = re.findall(r"^([a-z-]+):.*## (.+?)\.?$", MAKEFILE, re.MULTILINE)
    return table(["target", "what it does"], ((f"`make {name}`", f"{purpose}.") for name, purpose in found))


def named_help() -> Iterator[tuple[str, str]]:
    """Yield every command, also those of a group, with all that its help says before the options."""
    for name, command in ROOT_GROUP.commands.items():
        for part, inner in getattr(command, "commands", {"": command}).items():
            yield f"{name} {part}".strip(), " ".join(inspect.cleandoc(inner.help or "").split())
