import re

import pytest
import typer

from taskward.cli.main import cli
from tests.docs.documents import ROOT, code, documents, rows
from tests.docs.generated import in_document

pytestmark = pytest.mark.quick

GROUP = typer.main.get_group(cli)
COMMANDS = set(GROUP.commands)
LEAVES = {
    f"{name} {part}" if part else name
    for name, command in GROUP.commands.items()
    for part in getattr(command, "commands", [""])
}
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize(
    ("column", "program", "names"), [("command", "taskward", LEAVES), ("target", "make", TARGETS)]
)
def test_every_command_is_documented_once(column: str, program: str, names: set[str]) -> None:
    table = rows(in_document(f"{column}s"), column)
    assert sorted(code(command)[0] for command, _ in table) == sorted(f"{program} {name}" for name in names)
    assert all(purpose for _, purpose in table)


def test_every_target_without_a_file_explains_itself() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == TARGETS


def test_every_command_that_a_document_names_exists() -> None:
    named = [("make run", "README.md")]
    for document in documents():
        text = document.read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        named += [(snippet, document.name) for snippet in code(text) + "".join(blocks).splitlines()]
    for snippet, document_name in named:
        for program, name in re.findall(r"\b(make|taskward) (?:[A-Z]+=\S+ )?([a-z]+(?:-[a-z]+)*)\b", snippet):
            assert name in (TARGETS if program == "make" else COMMANDS), f"{snippet}, in {document_name}"
