import ast
import re
import tomllib

import pytest

from tests.docs.documents import ARCHITECTURE, ROOT, SOURCE, code, documents, rows, section

pytestmark = pytest.mark.quick

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


def test_the_map_has_every_module_and_no_other() -> None:
    modules = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if path.name != "__init__.py"}
    named = [code(file)[0] for file, purpose in rows(section(ARCHITECTURE, "The map"), "file") if purpose]
    assert sorted(named) == sorted(modules)


def test_the_order_of_layers_is_the_one_that_is_enforced() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    assert f"    {' > '.join(contracts[0]['layers'])}\n" in ARCHITECTURE


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
