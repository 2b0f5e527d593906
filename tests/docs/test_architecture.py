import ast
import re
import tomllib

import pytest

from tests.docs.documents import ARCHITECTURE, LINES, ROOT, SOURCE, code, documents, rows, section

pytestmark = pytest.mark.quick

LINES_OF_GLOSSARY = 15
WALKTHROUGHS = ("create a task", "a token arrives", "bob asks for alice's task", "alice logs in, and on")


def names_in(file: str) -> set[str]:
    """Return what a module defines at its top, and what its classes define, as `Class.name`."""
    tree = ast.parse((SOURCE / file).read_text())
    found = defined_by(tree.body)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for name in defined_by(node.body)}
    return found


def defined_by(body: list[ast.stmt]) -> set[str]:
    found = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def rooms() -> list[tuple[int, str]]:
    """Return the layer and the name of every room in the map."""
    table = rows(section(ARCHITECTURE, "The rooms"), "layer")
    return [(int(layer), name) for layer, names, purpose in table if purpose for name in code(names)]


def test_the_map_has_the_layers_that_are_enforced_in_their_order() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    enforced = [(row, name) for row, layer in enumerate(contracts[0]["layers"], 1) for name in layer.split(" | ")]
    assert [(layer, room.removesuffix(".py")) for layer, room in rooms() if "/" not in room] == enforced


def test_the_map_has_every_folder_and_every_module_that_is_in_none() -> None:
    modules = [path.relative_to(SOURCE) for path in SOURCE.rglob("*.py")]
    alone = {path.as_posix() for path in modules if len(path.parts) == 1} - {"__init__.py"}
    folders = {"/".join(path.parts[:-1][:2]) for path in modules if len(path.parts) > 1}
    named = [
        name
        for _, room, purpose in rows(section(ARCHITECTURE, "The rooms"), "layer")
        for name in code(f"{room} {purpose}")
    ]
    assert alone | folders <= set(named)
    assert [room for _, room in rooms() if not (SOURCE / room).exists()] == []


def test_the_architecture_is_short_and_so_is_its_glossary() -> None:
    assert len(ARCHITECTURE.splitlines()) <= LINES
    assert len(section(ARCHITECTURE, "Words that are ours").strip().splitlines()) <= LINES_OF_GLOSSARY


@pytest.mark.parametrize("title", WALKTHROUGHS)
def test_a_walkthrough_names_what_exists(title: str) -> None:
    named = code(section(ARCHITECTURE, f"Walkthrough: {title}"))
    references = [name for name in named if ".py::" in name]
    assert len(references) >= 6
    for reference in references:
        file, name = reference.split("::")
        assert name in names_in(file), reference


def test_the_walkthroughs_are_the_end() -> None:
    headings = re.findall(r"^## (.+)$", ARCHITECTURE, re.MULTILINE)
    assert headings[-len(WALKTHROUGHS) :] == [f"Walkthrough: {title}" for title in WALKTHROUGHS]


def test_every_file_that_a_document_names_exists() -> None:
    for document in documents():
        for name in code(document.read_text()):
            file = name.split("::")[0]
            if re.fullmatch(r"[\w/.-]+\.(py|toml|md)", file) and "/" in file:
                assert (SOURCE / file).exists() or (ROOT / file).exists(), f"{name}, in {document.name}"
